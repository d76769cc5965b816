//! Axes: what they are called, from where to where they go, and where they have a mark.
//!
//! All are logarithmic: what is compared here differs by factors. It owns that every value lies within its axis, and
//! that there are two marks at least. It does not know what is drawn.

use std::ops::Range;

use plotters::coord::combinators::{BindKeyPoints, IntoLogRange, LogCoord, WithKeyPoints};

/// A logarithmic axis: `0 < range.start < range.end`.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// With its unit.
    pub(crate) name: String,
    range: Range<f64>,
    /// Lines with a number.
    marks: Vec<f64>,
    /// Lines without one.
    faint: Vec<f64>,
    /// The text at a mark.
    pub(crate) text: fn(f64) -> String,
}

/// What an axis is called, and how its marks are written.
pub(crate) type Naming<'a> = (&'a str, fn(f64) -> String);

/// An axis as plotters wants it.
pub(crate) type Scale = WithKeyPoints<LogCoord<f64>>;

impl Axis {
    /// An axis with round marks around all values. Values that a logarithmic axis cannot show do not count.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>, (name, text): Naming<'_>) -> Self {
        let (lowest, highest) = ends(values);
        let (start, end) = (round_below(lowest / AIR), round_above(highest * AIR));
        let decades = end.log10() - start.log10();
        let [coarse, fine]: [&[f64]; 2] = match decades {
            few if few < FEW_DECADES => [&[1.0, 2.0, 5.0], &[3.0, 4.0, 6.0, 7.0, 8.0, 9.0]],
            _ => [&[1.0], &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]],
        };
        Self {
            name: name.to_owned(),
            marks: multiples(coarse, start..end),
            faint: multiples(fine, start..end),
            range: start..end,
            text,
        }
    }

    /// An axis with marks where the values are, but none so near the one before that their numbers would touch.
    pub(crate) fn at(values: impl IntoIterator<Item = f64>, (name, text): Naming<'_>) -> Self {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| is_showable(*value))
            .collect();
        values.sort_by(f64::total_cmp);
        let (lowest, highest) = ends(values.iter().copied());
        let part = |part: f64, least: f64| (highest / lowest).powf(part).max(least);
        let (air, touching) = (part(0.04, AIR), part(0.08, SLACK));
        let mut marks: Vec<f64> = Vec::new();
        for value in values {
            if marks.last().is_none_or(|last| value > last * touching) {
                marks.push(value);
            }
        }
        Self {
            name: name.to_owned(),
            range: lowest / air..highest * air,
            marks,
            faint: Vec::new(),
            text,
        }
    }

    pub(crate) fn scale(&self) -> Scale {
        let range = self.range.clone().log_scale();
        range
            .with_key_points(self.marks.clone())
            .with_light_points(self.faint.clone())
    }
}

/// Whether a logarithmic axis has a place for it.
pub(crate) fn is_showable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let ends = values.into_iter().filter(|value| is_showable(*value)).fold(
        (f64::INFINITY, 0.0),
        |(lowest, highest): (f64, f64), value| (lowest.min(value), highest.max(value)),
    );
    if ends.0 <= ends.1 { ends } else { (1.0, 1.0) }
}

/// The greatest of 1, 2, 5, 10, 20, ... that is not above the value.
fn round_below(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    [5.0, 2.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|round| *round <= value)
        .unwrap_or(decade)
}

/// The least of 1, 2, 5, 10, 20, ... that is not below the value.
fn round_above(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|round| *round >= value)
        .unwrap_or(10.0 * decade)
}

/// All products of a factor and a power of ten that lie in the range, ends included.
fn multiples(factors: &[f64], range: Range<f64>) -> Vec<f64> {
    let mut found = Vec::new();
    let mut decade = 10_f64.powf(range.start.log10().floor());
    while decade <= range.end * SLACK {
        let here = factors.iter().map(|factor| factor * decade);
        found.extend(
            here.filter(|value| *value >= range.start / SLACK && *value <= range.end * SLACK),
        );
        decade *= 10.0;
    }
    found
}

/// So many have room for marks between the powers of ten.
const FEW_DECADES: f64 = 2.5;

/// What is left between the outermost value and the end of the axis, as a factor.
const AIR: f64 = 1.15;

/// Powers of ten are not exact.
const SLACK: f64 = 1.000_001;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::numbers::mark;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.marks.iter().copied().map(axis.text).collect()
    }

    #[test]
    fn many_decades_have_a_mark_each() {
        let axis = Axis::around([60_000.0, 9e6], ("deliveries", mark));
        assert_eq!(texts(&axis), ["100,000", "1 M", "10 M"]);
    }

    #[test]
    fn few_decades_have_marks_between() {
        let axis = Axis::around([4.4e6, 4.6e6], ("deliveries", mark));
        assert_eq!(texts(&axis), ["2 M", "5 M", "10 M"]);
    }

    #[test]
    fn every_value_is_within_and_what_cannot_be_shown_does_not_count() {
        for axis in
            [Axis::around, Axis::at].map(|axis| axis([0.0, f64::NAN, 3.0, 700.0], ("", mark)))
        {
            assert!(axis.range.start > 0.0 && axis.range.start < 3.0, "{axis:?}");
            assert!(
                axis.range.end > 700.0 && axis.range.end.is_finite(),
                "{axis:?}"
            );
        }
    }

    #[test]
    fn marks_where_the_values_are_do_not_touch() {
        let axis = Axis::at(
            [1.0, 10.0, 30.0, 32.0, 100.0, 1e3, 1e4, 10.0],
            ("clients", mark),
        );
        assert_eq!(texts(&axis), ["1", "10", "30", "100", "1,000", "10,000"]);
        assert_eq!(texts(&Axis::at([100.0, 100.0], ("clients", mark))), ["100"]);
    }

    #[test]
    fn an_axis_of_nothing_is_an_axis() {
        assert_eq!(texts(&Axis::around([], ("", mark))), ["0.5", "1", "2"]);
    }
}
