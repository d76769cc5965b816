//! Samples gathered into what panels show: series for lines, rows for dots.
//!
//! It owns that repetitions of one server under one load become one spread. It does not know what is drawn of them.

use super::dots::Row;
use super::lines::Series;
use crate::record::{Report, Sample};
use crate::report::{self, Figure, Section, Spread};

/// The samples of one scenario.
pub(crate) fn samples<'a>(report: &'a Report, scenario: &str) -> Vec<&'a Sample> {
    let samples = report.samples.iter();
    samples
        .filter(|sample| sample.scenario == scenario)
        .collect()
}

/// The loads of one scenario.
pub(crate) fn sections<'a>(report: &'a Report, scenario: &str) -> Vec<Section<'a>> {
    let sections = Section::all(&report.samples).into_iter();
    sections
        .filter(|section| section.scenario == scenario)
        .collect()
}

/// A series for every server, in order of appearance, with a point at every place on the x axis, in ascending order.
pub(crate) fn series(
    samples: &[&Sample],
    x: fn(&Sample) -> u32,
    y: fn(&Sample) -> f64,
) -> Vec<Series> {
    let mut servers: Vec<&str> = Vec::new();
    for sample in samples {
        if !servers.contains(&sample.server.as_str()) {
            servers.push(&sample.server);
        }
    }
    let one = |server: &&str| {
        let own = samples.iter().filter(|sample| sample.server == *server);
        let mut places: Vec<u32> = own.clone().map(|sample| x(sample)).collect();
        places.sort_unstable();
        places.dedup();
        let point = |place: u32| {
            let here = own.clone().filter(|sample| x(sample) == place);
            Some((place.into(), Spread::of(here.map(|sample| y(sample)))?))
        };
        Series {
            server: (*server).to_owned(),
            points: places.into_iter().filter_map(point).collect(),
        }
    };
    servers.iter().map(one).collect()
}

/// A row for every server, with one figure of each section; in ascending order of the first section's.
pub(crate) fn rows_across(sections: &[Section<'_>], figure: Figure) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (place, section) in sections.iter().enumerate() {
        for own in &section.rows {
            let name = own.name();
            let at = rows
                .iter()
                .position(|row| row.name == name)
                .unwrap_or_else(|| {
                    rows.push(Row {
                        server: own.server.to_owned(),
                        name,
                        figures: vec![None; sections.len()],
                    });
                    rows.len() - 1
                });
            rows[at].figures[place] = Spread::of_samples(&own.samples, figure);
        }
    }
    sort(&mut rows, 0);
    rows
}

/// Several figures of one server under one load.
pub(crate) fn row(own: &report::Row<'_>, name: String, figures: &[Figure]) -> Row {
    let spread = |figure: &Figure| Spread::of_samples(&own.samples, *figure);
    Row {
        server: own.server.to_owned(),
        name,
        figures: figures.iter().map(spread).collect(),
    }
}

/// Brings rows into ascending order of one of their figures; rows without it come last.
pub(crate) fn sort(rows: &mut [Row], figure: usize) {
    let key = |row: &Row| {
        row.figures
            .get(figure)
            .copied()
            .flatten()
            .map_or(f64::INFINITY, |spread| spread.median)
    };
    rows.sort_by(|one, other| key(one).total_cmp(&key(other)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::{report, sample};

    #[test]
    fn a_series_has_a_point_for_each_load_and_a_spread_for_its_repetitions() {
        let mut all = Vec::new();
        for (clients, repetition, value) in [(100, 1, 5.0), (10, 1, 1.0), (10, 2, 3.0)] {
            let mut sample = sample("saturation", "fanout", clients, repetition);
            sample.figures.deliveries_per_second = value;
            all.push(sample);
        }
        all.push(sample("saturation", "go", 10, 1));
        all.push(sample("paced", "cpp", 10, 1));
        let report = report(all);
        let samples = samples(&report, "saturation");
        let found = series(
            &samples,
            |sample| sample.clients,
            |sample| sample.figures.deliveries_per_second,
        );
        let servers: Vec<&str> = found.iter().map(|series| series.server.as_str()).collect();
        assert_eq!(servers, ["fanout", "go"]);
        let points: Vec<(f64, String)> = found[0]
            .points
            .iter()
            .map(|(at, spread)| (*at, spread.to_string()))
            .collect();
        assert_eq!(
            points,
            [
                (10.0, "2.00 (1.00..3.00)".to_owned()),
                (100.0, "5.00".to_owned())
            ]
        );
    }

    #[test]
    fn a_row_across_sections_has_a_gap_where_a_server_was_not_measured() {
        let report = report(vec![
            sample("paced", "fanout", 100, 1),
            sample("paced", "go", 1000, 1),
            sample("paced", "fanout", 1000, 1),
        ]);
        let rows = rows_across(&sections(&report, "paced"), |figures| figures.p50_us);
        let found: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.server.as_str(),
                    row.figures.iter().map(Option::is_some).collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [("fanout", vec![true, true]), ("go", vec![false, true])]
        );
    }

    #[test]
    fn rows_ascend_and_those_without_the_figure_come_last() {
        let one = |name: &str, figure: Option<f64>| Row {
            server: name.to_owned(),
            name: name.to_owned(),
            figures: vec![figure.and_then(|figure| Spread::of([figure]))],
        };
        let mut rows = [
            one("none", None),
            one("two", Some(2.0)),
            one("one", Some(1.0)),
        ];
        sort(&mut rows, 0);
        assert_eq!(rows.map(|row| row.name), ["one", "two", "none"]);
    }
}
