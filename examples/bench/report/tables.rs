//! The tables of one load: cost, resources, and of paced loads latency.
//!
//! It owns which figure stands in which column, and in which unit. Every table it makes is also a table in Markdown.

use comfy_table::{Table, presets};

use super::loads::{BASELINE, Row, Section};
use super::numbers::{mebibytes, significant, whole};
use super::spread::{Figure, Ratio, Spread};

/// One figure of every server.
struct Column {
    name: &'static str,
    figure: Figure,
    number: fn(f64) -> String,
    shape: Shape,
}

/// What a column shows beside its figure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Alone,
    /// A second column: the ratio to the baseline.
    WithRatio,
    /// Alone, and not at all where it is 0 for everybody.
    Rare,
}

/// Everything about one load, as lines that end with a line break.
pub(crate) fn section(section: &Section<'_>) -> String {
    let mut parts = vec![format!("\n### {}: {}\n", section.scenario, section.load)];
    for columns in [COST, RESOURCES, LATENCY] {
        let columns: Vec<&Column> = columns
            .iter()
            .filter(|column| column.is_worth_a_place(section))
            .collect();
        if !columns.is_empty() {
            parts.push(format!("\n{}\n", table(section, &columns)));
        }
    }
    parts.push(left_out(section));
    parts.concat()
}

/// A table that is valid Markdown, with nothing in it.
pub(crate) fn markdown(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(header);
    table
}

fn table(section: &Section<'_>, columns: &[&Column]) -> Table {
    let mut header = vec!["server".to_owned()];
    let has_ratio = |column: &Column| column.shape == Shape::WithRatio && section.has_baseline();
    for column in columns {
        header.push(column.name.to_owned());
        if has_ratio(column) {
            header.push("ratio".to_owned());
        }
    }
    let mut table = markdown(header);
    for row in &section.rows {
        let mut cells = vec![row.name()];
        for column in columns {
            let spread = Spread::of_samples(&row.samples, column.figure);
            cells.push(spread.map_or_else(nothing, |spread| spread.text(column.number)));
            if has_ratio(column) {
                let ratio = Ratio::of(&row.samples, section.baseline(row), column.figure);
                cells.push(
                    ratio
                        .spread
                        .map_or_else(nothing, |spread| spread.to_string()),
                );
            }
        }
        table.add_row(cells);
    }
    table
}

/// Of which repetitions there are no ratios, and why; nothing where every one has its partner.
fn left_out(section: &Section<'_>) -> String {
    if !section.has_baseline() {
        return format!("\nNo ratios: there is no {BASELINE} under this load.\n");
    }
    let line = |row: &Row<'_>| {
        let pairing = Ratio::of(&row.samples, section.baseline(row), |_| None);
        let repetitions: Vec<String> = pairing.missing.iter().map(u32::to_string).collect();
        let (name, repetitions) = (row.name(), repetitions.join(", "));
        (!repetitions.is_empty()).then(|| {
            format!("\n{name}: not in its ratios: repetition {repetitions} (no {BASELINE} in it)\n")
        })
    };
    section.rows.iter().filter_map(line).collect()
}

fn nothing() -> String {
    "-".to_owned()
}

impl Column {
    const fn new(
        name: &'static str,
        figure: Figure,
        number: fn(f64) -> String,
        shape: Shape,
    ) -> Self {
        Self {
            name,
            figure,
            number,
            shape,
        }
    }

    /// Whether any server has something to say here.
    fn is_worth_a_place(&self, section: &Section<'_>) -> bool {
        let mut spreads = section
            .rows
            .iter()
            .filter_map(|row| Spread::of_samples(&row.samples, self.figure));
        match self.shape {
            Shape::Rare => spreads.any(|spread| spread.highest > 0.0),
            Shape::Alone | Shape::WithRatio => spreads.next().is_some(),
        }
    }
}

const COST: &[Column] = &[
    Column::new(
        "1,000 deliveries/s",
        |figures| Some(figures.deliveries_per_second / 1e3),
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "1,000 per CPU second",
        |figures| Some(figures.deliveries_per_cpu_second / 1e3),
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "CPU ns per delivery",
        |figures| Some(figures.cpu_ns_per_delivery),
        significant,
        Shape::WithRatio,
    ),
];

const RESOURCES: &[Column] = &[
    Column::new(
        "peak resident MiB",
        |figures| Some(mebibytes(figures.peak_resident_bytes)),
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "context switches/s",
        |figures| Some(figures.context_switches_per_second),
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "threads",
        |figures| Some(figures.threads.into()),
        whole,
        Shape::Alone,
    ),
    Column::new(
        "busy %",
        |figures| Some(figures.busy_percent),
        whole,
        Shape::Alone,
    ),
    Column::new(
        "strangers %",
        |figures| Some(figures.strangers_percent),
        whole,
        Shape::Alone,
    ),
    Column::new(
        "skipped %",
        |figures| Some(figures.skipped_percent),
        significant,
        Shape::Rare,
    ),
];

const LATENCY: &[Column] = &[
    Column::new(
        "p50 us",
        |figures| figures.p50_us,
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "p99 us",
        |figures| figures.p99_us,
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "p99.9 us",
        |figures| figures.p999_us,
        significant,
        Shape::WithRatio,
    ),
    Column::new(
        "max us",
        |figures| figures.max_us,
        significant,
        Shape::WithRatio,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sample;
    use crate::report::made_up::sample;

    fn text(samples: &[Sample]) -> String {
        Section::all(samples).iter().map(section).collect()
    }

    /// The cells of the row that opens with `name` in the first table that has `column`.
    #[track_caller]
    fn cell(text: &str, name: &str, column: &str) -> String {
        let cells = |line: &str| {
            line.split('|')
                .map(|cell| cell.trim().to_owned())
                .collect::<Vec<_>>()
        };
        let mut lines = text
            .lines()
            .map(cells)
            .skip_while(|cells| !cells.iter().any(|cell| cell == column));
        let header = lines
            .next()
            .unwrap_or_else(|| panic!("no column {column} in:\n{text}"));
        let place = header
            .iter()
            .position(|cell| cell == column)
            .expect("it was found");
        let row = lines.find(|cells| cells.get(1).is_some_and(|cell| cell == name));
        row.unwrap_or_else(|| panic!("no row {name} in:\n{text}"))[place].clone()
    }

    #[test]
    fn a_row_has_medians_with_their_spread_and_the_ratio_beside_them() {
        let mut samples = Vec::new();
        for (repetition, floor, own) in [(1, 100.0, 300.0), (2, 200.0, 200.0), (3, 300.0, 600.0)] {
            for (server, value) in [("send-floor", floor), ("fanout", own)] {
                let mut sample = sample("saturation", server, 10, repetition);
                sample.figures.cpu_ns_per_delivery = value;
                samples.push(sample);
            }
        }
        let text = text(&samples);
        assert_eq!(
            cell(&text, "fanout", "CPU ns per delivery"),
            "300 (200..600)"
        );
        let line = text.lines().find(|line| line.contains("300 (200..600)"));
        assert!(
            line.is_some_and(|line| line.contains("2.00 (1.00..3.00)")),
            "{text}"
        );
    }

    #[test]
    fn a_spread_without_width_is_one_number() {
        let text = text(&[
            sample("saturation", "go", 10, 1),
            sample("saturation", "go", 10, 2),
        ]);
        assert_eq!(cell(&text, "go", "threads"), "1");
    }

    #[test]
    fn latency_has_a_table_only_where_it_was_measured() {
        assert!(!text(&[sample("saturation", "fanout", 10, 1)]).contains("p99"));
        let text = text(&[sample("paced", "fanout", 10, 1)]);
        assert_eq!(cell(&text, "fanout", "p99.9 us"), "200");
    }

    #[test]
    fn skipped_frames_have_a_column_only_where_there_are_some() {
        let mut sample = sample("half-stalled", "fanout", 10, 1);
        assert!(!text(&[sample.clone()]).contains("skipped"));
        sample.figures.skipped_percent = 2.0;
        assert_eq!(cell(&text(&[sample]), "fanout", "skipped %"), "2.00");
    }

    #[test]
    fn a_ratio_without_its_partner_is_left_out_and_said() {
        let samples = [
            sample("saturation", "send-floor", 10, 1),
            sample("saturation", "fanout", 10, 1),
            sample("saturation", "fanout", 10, 2),
        ];
        let text = text(&samples);
        assert!(
            text.contains("fanout: not in its ratios: repetition 2 (no send-floor in it)"),
            "{text}"
        );
        assert!(!text.contains("send-floor: not in"), "{text}");
    }

    #[test]
    fn without_a_baseline_there_are_no_ratios_and_that_is_said_once() {
        let text = text(&[
            sample("idle", "fanout", 10, 1),
            sample("idle", "fanout", 10, 2),
        ]);
        assert!(!text.contains("ratio |"), "{text}");
        assert_eq!(
            text.matches("No ratios: there is no send-floor").count(),
            1,
            "{text}"
        );
    }

    #[test]
    fn what_is_not_a_number_is_a_dash() {
        let mut sample = sample("idle", "fanout", 10, 1);
        sample.figures.cpu_ns_per_delivery = f64::NAN;
        let other = Sample {
            server: "go".to_owned(),
            ..self::sample("idle", "go", 10, 1)
        };
        assert_eq!(
            cell(&text(&[sample, other]), "fanout", "CPU ns per delivery"),
            "-"
        );
    }
}
