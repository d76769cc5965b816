//! Spreads of repetitions, and ratios of neighbours in time.
//!
//! It owns how a median is taken and which sample is divided by which. It does not know what the figures mean.

use std::fmt;

use super::numbers::significant;
use crate::record::{Figures, Sample};

/// The middle and the ends of one figure over several repetitions: `lowest <= median <= highest`, all finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lowest: f64,
    pub(crate) median: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// The spread of the values that are numbers; nothing if none is.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let lowest = *values.first()?;
        Some(Self {
            lowest,
            median: f64::midpoint(values[(count - 1) / 2], values[count / 2]),
            highest: values[count - 1],
        })
    }

    /// The spread of one figure of the samples.
    pub(crate) fn of_samples(samples: &[&Sample], figure: Figure) -> Option<Self> {
        Self::of(samples.iter().filter_map(|sample| figure(&sample.figures)))
    }

    /// The same in another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            lowest: self.lowest * factor,
            median: self.median * factor,
            highest: self.highest * factor,
        }
    }

    /// The text of a cell, each number as `number` writes it; the ends only where they can be told apart.
    pub(crate) fn text(&self, number: fn(f64) -> String) -> String {
        let [lowest, median, highest] = [self.lowest, self.median, self.highest].map(number);
        if lowest == highest {
            median
        } else {
            format!("{median} ({lowest}..{highest})")
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text(significant))
    }
}

/// One of the figures of a window, where it has it.
pub(crate) type Figure = fn(&Figures) -> Option<f64>;

/// One figure of a server, divided by the baseline's of the same repetition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ratio {
    /// Of the ratios of all pairs; nothing if there is no pair.
    pub(crate) spread: Option<Spread>,
    /// The repetitions in which the server was measured and the baseline was not: they are left out.
    pub(crate) missing: Vec<u32>,
}

impl Ratio {
    /// Pairs the samples by repetition. Both lists are of one load; the order in them does not matter.
    pub(crate) fn of(own: &[&Sample], baseline: &[&Sample], figure: Figure) -> Self {
        let mut ratios = Vec::with_capacity(own.len());
        let mut missing = Vec::new();
        for sample in own {
            let partner = baseline
                .iter()
                .find(|other| other.repetition == sample.repetition);
            match partner.map(|partner| (figure(&sample.figures), figure(&partner.figures))) {
                Some((Some(own), Some(base))) => ratios.push(own / base),
                // A figure that one of the two does not have is no fault of the pairing.
                Some(_) => {}
                None => missing.push(sample.repetition),
            }
        }
        Self {
            spread: Spread::of(ratios),
            missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::sample;

    const PER_SECOND: Figure = |figures| Some(figures.deliveries_per_second);

    fn samples(server: &str, values: &[(u32, f64)]) -> Vec<Sample> {
        let sample = |&(repetition, value): &(u32, f64)| {
            let mut sample = sample("saturation", server, 10, repetition);
            sample.figures.deliveries_per_second = value;
            sample
        };
        values.iter().map(sample).collect()
    }

    fn ratio(own: &[(u32, f64)], baseline: &[(u32, f64)]) -> Ratio {
        let (own, baseline) = (samples("fanout", own), samples("send-floor", baseline));
        let own: Vec<&Sample> = own.iter().collect();
        let baseline: Vec<&Sample> = baseline.iter().collect();
        Ratio::of(&own, &baseline, PER_SECOND)
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).expect("there are values");
        assert_eq!(spread.to_string(), "2.50 (1.00..4.00)");
    }

    #[test]
    fn what_is_not_a_number_is_left_out() {
        let spread = Spread::of([f64::NAN, 2.0, f64::INFINITY]).expect("one is a number");
        assert_eq!(spread.to_string(), "2.00");
        assert_eq!(Spread::of([f64::NAN]), None);
    }

    #[test]
    fn ratios_are_of_the_same_repetition_and_not_of_the_medians() {
        // The machine was twice as fast in the second repetition; the samples come in any order.
        let found = ratio(
            &[(1, 10.0), (2, 40.0), (3, 30.0)],
            &[(3, 30.0), (2, 20.0), (1, 10.0)],
        );
        let spread = found.spread.expect("there are pairs");
        assert_eq!(
            (spread.lowest, spread.median, spread.highest),
            (1.0, 1.0, 2.0)
        );
        assert!(found.missing.is_empty(), "{:?}", found.missing);
    }

    #[test]
    fn a_missing_partner_is_left_out_and_said() {
        let found = ratio(&[(1, 10.0), (2, 90.0)], &[(1, 5.0), (3, 1.0)]);
        assert_eq!(found.spread, Spread::of([2.0]));
        assert_eq!(found.missing, [2]);
        assert_eq!(ratio(&[(1, 1.0)], &[]).spread, None);
    }

    #[test]
    fn nothing_divided_by_nothing_is_no_ratio() {
        assert_eq!(ratio(&[(1, 0.0)], &[(1, 0.0)]).spread, None);
    }
}
