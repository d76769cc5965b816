//! A panel of lines: one figure of every server against the load, both axes logarithmic.
//!
//! It owns that each server is named beside the end of its own line. It does not know where the figures come from.

use std::error::Error;
use std::ops::RangeInclusive;

use plotters::style::Color;

use super::axis::{Axis, Naming, is_showable};
use super::labels::spread_out;
use super::looks::{Look, OURS};
use super::sheet::{Drawn, FAINT_RULE, INK, LABEL, Place, RULE, Sheet, WIDTH};
use crate::report::Spread;

/// What is drawn between two heights of a sheet.
pub(crate) struct Lines {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

/// One server: its figure at each load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) server: String,
    /// Where on the x axis, in ascending order, and what there.
    pub(crate) points: Vec<(f64, Spread)>,
}

impl Lines {
    /// The axes are made to fit; points that a logarithmic axis cannot show are left out.
    pub(crate) fn new(series: Vec<Series>, x: Naming<'_>, y: Naming<'_>) -> Self {
        let mut series = series;
        for series in &mut series {
            series
                .points
                .retain(|(at, spread)| is_showable(*at) && is_showable(spread.median));
        }
        series.retain(|series| !series.points.is_empty());
        // Ours last, so that nothing lies on top of it.
        series.sort_by_key(|series| series.server == OURS);
        let points = || series.iter().flat_map(|series| &series.points);
        let ends = points().flat_map(|(_, spread)| [spread.lowest, spread.median, spread.highest]);
        Self {
            x: Axis::at(points().map(|(at, _)| *at), x),
            y: Axis::around(ends, y),
            series,
        }
    }

    pub(crate) fn draw(&self, sheet: &Sheet<'_>, top: i32) -> Drawn {
        let bottom = top + HEIGHT;
        let mut chart = sheet
            .chart(top, bottom, LABELS_WIDTH)
            .margin_left(MARGIN)
            .x_label_area_size(AXIS_HEIGHT)
            .y_label_area_size(AXIS_WIDTH)
            .build_cartesian_2d(self.x.scale(), self.y.scale())?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(RULE)
            .light_line_style(FAINT_RULE)
            .label_style(LABEL.style())
            .axis_desc_style(LABEL.style())
            .x_label_formatter(&|value| (self.x.text)(*value))
            .y_label_formatter(&|value| (self.y.text)(*value))
            .x_desc(&self.x.name)
            .y_desc(&self.y.name)
            .draw()?;

        let place = |at: f64, value: f64| chart.backend_coord(&(at, value));
        let mut ends = Vec::with_capacity(self.series.len());
        for series in &self.series {
            ends.push(series.draw(sheet, &place)?);
        }
        let column = f64::from(top + MARGIN)..=f64::from(bottom - AXIS_HEIGHT - MARGIN);
        self.draw_names(sheet, &ends, &column)
    }

    /// The names in a column at the right, each as high as the end of its line, as far as there is room.
    fn draw_names(&self, sheet: &Sheet<'_>, ends: &[Place], column: &RangeInclusive<f64>) -> Drawn {
        let wanted: Vec<f64> = ends.iter().map(|(_, y)| f64::from(*y)).collect();
        let heights = spread_out(&wanted, NAME_GAP, column);
        let edge = WIDTH - LABELS_WIDTH;
        let farthest = ends.iter().map(|(x, _)| *x).max().unwrap_or(edge);
        for ((series, end), height) in self.series.iter().zip(ends).zip(heights) {
            let look = Look::of(&series.server);
            let height = pixels(height);
            // From a line that ends early nothing leads to its name: it would cross the others.
            if end.0 == farthest {
                let bend = [
                    *end,
                    (edge, end.1),
                    (edge + 16, height),
                    (edge + 22, height),
                ];
                sheet.path(bend.to_vec(), look.colour.mix(0.5), 1)?;
            }
            sheet.marker(
                look.marker,
                (edge + 30, height),
                look.radius(),
                [look.colour, look.filling],
            )?;
            let hand = if series.server == OURS {
                LABEL.bold()
            } else {
                LABEL
            };
            sheet.write(&series.server, (edge + 40, height), hand)?;
        }
        Ok(())
    }
}

impl Series {
    /// Draws the line, and tells where it ends.
    fn draw(
        &self,
        sheet: &Sheet<'_>,
        place: &impl Fn(f64, f64) -> Place,
    ) -> Result<Place, Box<dyn Error>> {
        let look = Look::of(&self.server);
        for (at, spread) in &self.points {
            let [low, high] = [spread.lowest, spread.highest].map(|value| place(*at, value));
            if low != high && is_showable(spread.lowest) {
                sheet.path(vec![low, high], look.colour.mix(0.8), 1)?;
            }
        }
        let middles: Vec<Place> = self
            .points
            .iter()
            .map(|(at, spread)| place(*at, spread.median))
            .collect();
        sheet.path(middles.clone(), look.colour.to_rgba(), look.width)?;
        for middle in &middles {
            sheet.marker(
                look.marker,
                *middle,
                look.radius(),
                [look.colour, look.filling],
            )?;
        }
        Ok(middles.last().copied().unwrap_or_default())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a sheet is a few thousand pixels high"
)]
fn pixels(value: f64) -> i32 {
    value.round() as i32
}

// Pixels, all of these.
/// Axis included.
pub(crate) const HEIGHT: i32 = 400;
const AXIS_HEIGHT: i32 = 46;
const AXIS_WIDTH: i32 = 84;
const MARGIN: i32 = 8;

/// The column at the right: a marker and the longest name.
const LABELS_WIDTH: i32 = 196;

/// From the middle of one name to the middle of the next.
const NAME_GAP: f64 = 17.0;
