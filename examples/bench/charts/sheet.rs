//! A white sheet, and what is put on it by pixel: words, lines, markers.
//!
//! It owns the sizes and colours of everything that is no data, and how the markers look. It does not know what any of
//! it means.

use std::error::Error;

use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBAColor, RGBColor, TextStyle, WHITE};

use super::looks::Marker;

/// The outcome of drawing.
pub(crate) type Drawn = Result<(), Box<dyn Error>>;

/// A place on the sheet in pixels, from the left and from the top.
pub(crate) type Place = (i32, i32);

/// A sheet of `WIDTH` pixels; it is complete when it is finished.
pub(crate) struct Sheet<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    height: i32,
}

impl<'a> Sheet<'a> {
    /// An empty sheet that will be written into `svg`.
    pub(crate) fn new(svg: &'a mut String, height: i32) -> Result<Self, Box<dyn Error>> {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        Ok(Self { area, height })
    }

    pub(crate) fn finish(&self) -> Drawn {
        Ok(self.area.present()?)
    }

    /// A chart in a part of the sheet: `top..bottom`, and `right` pixels left free on that side.
    pub(crate) fn chart(
        &self,
        top: i32,
        bottom: i32,
        right: i32,
    ) -> ChartBuilder<'_, 'a, SVGBackend<'a>> {
        let mut builder = ChartBuilder::on(&self.area);
        builder
            .margin_top(top)
            .margin_bottom(self.height - bottom)
            .margin_right(right);
        builder
    }

    pub(crate) fn write(&self, text: &str, at: Place, hand: Hand) -> Drawn {
        Ok(self.area.draw_text(text, &hand.style(), at)?)
    }

    /// One stroke through all the points.
    pub(crate) fn path(&self, points: Vec<Place>, colour: RGBAColor, width: u32) -> Drawn {
        Ok(self
            .area
            .draw(&PathElement::new(points, colour.stroke_width(width)))?)
    }

    pub(crate) fn rectangle(&self, corners: [Place; 2], colour: RGBAColor) -> Drawn {
        Ok(self.area.draw(&Rectangle::new(corners, colour.filled()))?)
    }

    /// A marker about `2 * radius` pixels wide, with an edge and a filling.
    pub(crate) fn marker(
        &self,
        marker: Marker,
        at: Place,
        radius: i32,
        [edge, filling]: [RGBColor; 2],
    ) -> Drawn {
        self.spot(marker, at, radius, edge)?;
        if filling == edge {
            Ok(())
        } else {
            self.spot(marker, at, radius - 2, filling)
        }
    }

    fn spot(&self, marker: Marker, (x, y): Place, radius: i32, colour: RGBColor) -> Drawn {
        let wide = radius + 1;
        let corners = match marker {
            Marker::Circle => {
                return Ok(self
                    .area
                    .draw(&Circle::new((x, y), radius, colour.filled()))?);
            }
            Marker::Square => vec![
                (x - radius, y - radius),
                (x + radius, y - radius),
                (x + radius, y + radius),
                (x - radius, y + radius),
            ],
            Marker::Triangle => vec![
                (x, y - wide),
                (x + wide, y + radius),
                (x - wide, y + radius),
            ],
            Marker::Diamond => vec![(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)],
        };
        Ok(self.area.draw(&Polygon::new(corners, colour.filled()))?)
    }
}

/// How words are written.
#[derive(Clone, Copy)]
pub(crate) struct Hand {
    size: f64,
    weight: FontStyle,
    colour: RGBColor,
    side: HPos,
}

impl Hand {
    const fn new(size: f64, weight: FontStyle, colour: RGBColor) -> Self {
        Self {
            size,
            weight,
            colour,
            side: HPos::Left,
        }
    }

    pub(crate) const fn bold(self) -> Self {
        Self {
            weight: FontStyle::Bold,
            ..self
        }
    }

    /// Ends at its place instead of beginning there.
    pub(crate) const fn to_the_left(self) -> Self {
        Self {
            side: HPos::Right,
            ..self
        }
    }

    /// For whom plotters writes itself.
    pub(crate) fn style(self) -> TextStyle<'static> {
        // It divides by this number, the height of a line for its own backends.
        let font = ("sans-serif", self.size * 1.24, self.weight).into_font();
        font.color(&self.colour)
            .pos(Pos::new(self.side, VPos::Center))
    }
}

/// Pixels. Pages show pictures about as wide.
pub(crate) const WIDTH: i32 = 900;

pub(crate) const TITLE: Hand = Hand::new(20.0, FontStyle::Bold, INK);
pub(crate) const SUBTITLE: Hand = Hand::new(14.0, FontStyle::Normal, PALE_INK);
pub(crate) const LABEL: Hand = Hand::new(14.0, FontStyle::Normal, INK);
pub(crate) const FOOTNOTE: Hand = Hand::new(12.0, FontStyle::Normal, PALE_INK);

pub(crate) const INK: RGBColor = RGBColor(30, 30, 30);
pub(crate) const PALE_INK: RGBColor = RGBColor(95, 95, 95);
/// Lines at the marks of an axis, and between them.
pub(crate) const RULE: RGBColor = RGBColor(216, 216, 216);
pub(crate) const FAINT_RULE: RGBColor = RGBColor(241, 241, 241);
