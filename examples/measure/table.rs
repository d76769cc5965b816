//! Spreads, ratios and the text they are printed as.

use std::fmt;

/// The middle and the ends of several repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lowest: f64,
    pub(crate) median: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// The spread of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let median = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
        Self {
            lowest: values[0],
            median,
            highest: values[count - 1],
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = out.precision().unwrap_or(2);
        let Self {
            lowest,
            median,
            highest,
        } = self;
        write!(
            out,
            "{median:.digits$} ({lowest:.digits$}..{highest:.digits$})"
        )
    }
}

/// One demand and what was found: a row of the last table.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What was measured.
    pub(crate) what: String,
    /// What is asked for.
    pub(crate) demand: String,
    /// What was found.
    pub(crate) figure: String,
    /// Whether the figure is what is asked for.
    pub(crate) is_met: bool,
}

/// Prints the findings, one a line, in columns.
pub(crate) fn print_findings(findings: &[Finding]) {
    let mut rows = vec![["what", "demand", "found", ""].map(String::from)];
    for finding in findings {
        let verdict = if finding.is_met { "met" } else { "NOT MET" };
        rows.push([
            finding.what.clone(),
            finding.demand.clone(),
            finding.figure.clone(),
            verdict.to_owned(),
        ]);
    }
    print_columns(&rows);
}

/// Prints rows with every column as wide as its widest cell, as a table that Markdown understands.
pub(crate) fn print_columns<const N: usize>(rows: &[[String; N]]) {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0));
    println!();
    for (place, row) in rows.iter().enumerate() {
        print_row(row, &widths);
        if place == 0 {
            print_row(&widths.map(|width| "-".repeat(width)), &widths);
        }
    }
    println!();
}

fn print_row<const N: usize>(row: &[String; N], widths: &[usize; N]) {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"));
    println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    to_float(bytes) / (1024.0 * 1024.0)
}

/// Bytes in KiB.
pub(crate) fn kibibytes(bytes: u64) -> f64 {
    to_float(bytes) / 1024.0
}

/// A counter as a number to divide with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counters here stay far below 2^53"
)]
pub(crate) fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(format!("{spread:.1}"), "2.5 (1.0..4.0)");
    }
}
