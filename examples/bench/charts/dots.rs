//! A panel of dots: a row for every server, one or more figures in it side by side, on one logarithmic axis.
//!
//! It owns that figures of one row do not hide each other: each kind has a lane of its own. It does not know where the
//! figures come from.

use std::ops::Range;

use plotters::style::{Color, RGBColor};

use super::axis::{Axis, Naming, is_showable};
use super::looks::{BLACK, BLUE, Marker, ORANGE, OURS, VERMILION};
use super::sheet::{Drawn, FAINT_RULE, INK, LABEL, PALE_INK, Place, RULE, SUBTITLE, Sheet, WIDTH};
use crate::report::Spread;

/// What is drawn from a height of a sheet downwards.
pub(crate) struct Dots {
    pub(crate) axis: Axis,
    /// What is beyond the number of `KINDS` is not drawn.
    pub(crate) kinds: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) server: String,
    /// The server, and what else tells this row from the others.
    pub(crate) name: String,
    /// A figure of each kind, where it was measured.
    pub(crate) figures: Vec<Option<Spread>>,
}

impl Dots {
    /// The axis is made to fit; figures that it cannot show are left out, and so are rows without any.
    pub(crate) fn new(rows: Vec<Row>, kinds: &[String], naming: Naming<'_>) -> Self {
        let mut rows = rows;
        for row in &mut rows {
            for figure in &mut row.figures {
                figure.take_if(|spread| !is_showable(spread.lowest));
            }
        }
        rows.retain(|row| row.figures.iter().any(Option::is_some));
        let spreads = rows.iter().flat_map(|row| row.figures.iter().flatten());
        let axis = Axis::around(
            spreads.flat_map(|spread| [spread.lowest, spread.highest]),
            naming,
        );
        Self {
            axis,
            kinds: kinds.to_vec(),
            rows,
        }
    }

    /// Pixels, legend and axis included.
    pub(crate) fn height(&self) -> i32 {
        let rows = self.rows.iter().map(|_| self.row_height());
        LEGEND_HEIGHT + rows.sum::<i32>() + AXIS_HEIGHT
    }

    pub(crate) fn draw(&self, sheet: &Sheet<'_>, top: i32) -> Drawn {
        self.draw_legend(sheet, top + LEGEND_HEIGHT / 2)?;
        let first = top + LEGEND_HEIGHT;
        let mut tops = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let top = tops.last().map_or(first, |last| last + self.row_height());
            if row.server == OURS {
                let corners = [(LEFT, top), (WIDTH - RIGHT, top + self.row_height())];
                sheet.rectangle(corners, VERMILION.mix(0.12))?;
            }
            tops.push(top);
        }
        let mut chart = sheet
            .chart(first, top + self.height(), RIGHT)
            .margin_left(NAMES_WIDTH)
            .x_label_area_size(AXIS_HEIGHT)
            .build_cartesian_2d(self.axis.scale(), 0.0..1.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .axis_style(INK)
            .bold_line_style(RULE)
            .light_line_style(FAINT_RULE)
            .label_style(LABEL.style())
            .axis_desc_style(LABEL.style())
            .x_label_formatter(&|value| (self.axis.text)(*value))
            .x_desc(&self.axis.name)
            .draw()?;
        let across = |value: f64| chart.backend_coord(&(value, 0.0)).0;
        for (row, top) in self.rows.iter().zip(tops) {
            row.draw(sheet, top..top + self.row_height(), &across)?;
        }
        Ok(())
    }

    fn draw_legend(&self, sheet: &Sheet<'_>, middle: i32) -> Drawn {
        let mut left = NAMES_WIDTH;
        for (kind, (marker, colour)) in self.kinds.iter().zip(KINDS) {
            sheet.marker(marker, (left + RADIUS, middle), RADIUS, [colour; 2])?;
            sheet.write(kind, (left + RADIUS + 10, middle), SUBTITLE)?;
            left += kind.chars().map(|_| LETTER_WIDTH).sum::<i32>() + 44;
        }
        Ok(())
    }

    fn row_height(&self) -> i32 {
        let lanes = self.kinds.iter().map(|_| LANE_HEIGHT);
        lanes.sum::<i32>() + ROW_MARGIN
    }
}

impl Row {
    fn draw(&self, sheet: &Sheet<'_>, heights: Range<i32>, across: &impl Fn(f64) -> i32) -> Drawn {
        let hand = if self.server == OURS {
            LABEL.bold()
        } else {
            LABEL
        };
        let middle = i32::midpoint(heights.start, heights.end);
        sheet.write(&self.name, (NAMES_WIDTH - 12, middle), hand.to_the_left())?;
        let rule = [LEFT, WIDTH - RIGHT].map(|x| (x, heights.end));
        sheet.path(rule.to_vec(), RULE.to_rgba(), 1)?;

        let mut lane = heights.start + (ROW_MARGIN - LANE_HEIGHT) / 2;
        let mut dots = Vec::with_capacity(self.figures.len());
        for (figure, (marker, colour)) in self.figures.iter().zip(KINDS) {
            lane += LANE_HEIGHT;
            let Some(spread) = figure else { continue };
            dots.push((across(spread.median), lane, marker, colour));
            let [low, high] = [spread.lowest, spread.highest].map(|value| (across(value), lane));
            if low != high {
                sheet.path(vec![low, high], colour.mix(0.7), 1)?;
            }
        }
        let string: Vec<Place> = dots.iter().map(|(x, lane, ..)| (*x, *lane)).collect();
        sheet.path(string, PALE_INK.mix(0.5), 2)?;
        for (x, lane, marker, colour) in dots {
            sheet.marker(marker, (x, lane), RADIUS, [colour; 2])?;
        }
        Ok(())
    }
}

/// How the figures of a row are told apart, in their order.
const KINDS: [(Marker, RGBColor); 4] = [
    (Marker::Circle, BLUE),
    (Marker::Diamond, ORANGE),
    (Marker::Triangle, VERMILION),
    (Marker::Square, BLACK),
];

// Pixels, all of these.
const NAMES_WIDTH: i32 = 190;
const LEFT: i32 = 8;
const RIGHT: i32 = 36;
const LEGEND_HEIGHT: i32 = 34;
const AXIS_HEIGHT: i32 = 48;
/// From the middle of one lane to the middle of the next.
const LANE_HEIGHT: i32 = 7;
/// Of a row, above and below its lanes together.
const ROW_MARGIN: i32 = 14;
const RADIUS: i32 = 5;
/// Of a letter of the legend, generously.
const LETTER_WIDTH: i32 = 8;
