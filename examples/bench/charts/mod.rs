//! A report as charts: SVG files for a page.
//!
//! It owns which charts there are, and that no file is written before all of them could be drawn. The same report
//! gives the same bytes. It does not know how anything was measured.

mod axis;
mod content;
mod dots;
mod gather;
mod labels;
mod lines;
mod looks;
mod sheet;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::record::Report;
use crate::report;
use crate::report::numbers::mark;
use dots::Dots;
use lines::Lines;
use sheet::{FOOTNOTE, SUBTITLE, Sheet, TITLE};

/// Draws every chart that the report has figures for into the folder, which is made if need be, and tells which files
/// it wrote. A report that has figures for none is an error, and leaves everything as it was.
pub(crate) fn draw(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let footnotes = footnotes(report);
    let mut files = Vec::new();
    for chart in content::charts(report) {
        files.push((folder.join(chart.file), chart.svg(&footnotes)?));
    }
    if files.is_empty() {
        return Err(format!(
            "nothing to draw: the report has {}",
            content::what_there_is(report)
        )
        .into());
    }
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for (path, svg) in &files {
        fs::write(path, svg)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// One file: panels below each other.
struct Chart {
    file: &'static str,
    title: String,
    /// What the figures are of, and which way is better.
    subtitle: String,
    panels: Vec<Panel>,
}

enum Panel {
    Lines(Lines),
    Dots(Dots),
}

impl Chart {
    fn svg(&self, footnotes: &[String]) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        let panels: i32 = self
            .panels
            .iter()
            .map(|panel| panel.height() + PANEL_GAP)
            .sum();
        let notes: i32 = footnotes.iter().map(|_| FOOTNOTE_HEIGHT).sum();
        let sheet = Sheet::new(&mut svg, HEAD_HEIGHT + panels + notes + FOOT_MARGIN)?;
        sheet.write(&self.title, (MARGIN, 26), TITLE)?;
        sheet.write(&self.subtitle, (MARGIN, 50), SUBTITLE)?;
        let mut top = HEAD_HEIGHT;
        for panel in &self.panels {
            panel.draw(&sheet, top)?;
            top += panel.height() + PANEL_GAP;
        }
        for note in footnotes {
            sheet.write(note, (MARGIN, top + FOOTNOTE_HEIGHT / 2), FOOTNOTE)?;
            top += FOOTNOTE_HEIGHT;
        }
        sheet.finish()?;
        drop(sheet);
        Ok(svg)
    }
}

impl Panel {
    fn draw(&self, sheet: &Sheet<'_>, top: i32) -> sheet::Drawn {
        match self {
            Self::Lines(lines) => lines.draw(sheet, top),
            Self::Dots(dots) => dots.draw(sheet, top),
        }
    }

    fn height(&self) -> i32 {
        match self {
            Self::Lines(_) => lines::HEIGHT,
            Self::Dots(dots) => dots.height(),
        }
    }
}

/// What is to be known of every chart.
fn footnotes(report: &Report) -> Vec<String> {
    let (machine, settings) = (&report.machine, &report.settings);
    #[expect(clippy::cast_precision_loss, reason = "no window is 2^53 ms long")]
    let seconds = mark(settings.window_ms as f64 / 1e3);
    vec![
        format!(
            "Medians of {} repetitions of {seconds} s, servers in turn; thin bars: lowest to highest. \
             All axes are logarithmic.",
            report::repetitions(report)
        ),
        format!(
            "{}, {} cores, Linux {}",
            machine.processor, machine.cores, machine.kernel
        ),
    ]
}

// Pixels, all of these.
const MARGIN: i32 = 16;
const HEAD_HEIGHT: i32 = 82;
const PANEL_GAP: i32 = 18;
const FOOTNOTE_HEIGHT: i32 = 18;
const FOOT_MARGIN: i32 = 10;

#[cfg(test)]
mod tests;
