//! Tests of whole charts, by what stands in the files.

use std::path::PathBuf;

use super::*;
use crate::record::Sample;
use crate::report::made_up::{report, sample};

/// All servers that have a look of their own.
fn servers() -> Vec<&'static str> {
    let members = looks::FAMILIES.iter().flat_map(|(_, _, members)| *members);
    members.copied().collect()
}

const LOADS: [u32; 5] = [1, 10, 100, 1_000, 10_000];

/// Every server in every scenario that has a chart, each figure with a spread and no two alike.
fn everything() -> Report {
    let mut samples = Vec::new();
    for (place, server) in (1_u32..).zip(servers()) {
        for repetition in 1..=3 {
            let at = |scenario, clients| {
                let mut sample = sample(scenario, server, clients, repetition);
                let factor = f64::from(place) * (1.0 + f64::from(repetition) / 5.0);
                let figures = &mut sample.figures;
                figures.deliveries_per_second /= factor;
                figures.deliveries_per_cpu_second /= factor;
                figures.cpu_ns_per_delivery *= factor;
                for latency in [
                    &mut figures.p50_us,
                    &mut figures.p99_us,
                    &mut figures.p999_us,
                    &mut figures.max_us,
                ] {
                    *latency = latency.map(|latency| latency * factor);
                }
                figures.peak_resident_bytes *= u64::from(place * repetition);
                sample
            };
            samples.extend(LOADS.map(|clients| at("saturation", clients)));
            samples.extend([100, 1_000].map(|clients| at("paced", clients)));
            samples.extend([0, 10_000].map(|linger_us| Sample {
                linger_us,
                ..at("linger", 30)
            }));
            samples.extend([64, 16_384].map(|frame_size| Sample {
                frame_size,
                ..at("frame-size", 100)
            }));
        }
    }
    report(samples)
}

fn svg(report: &Report, file: &str) -> String {
    let charts = content::charts(report);
    let chart = charts.iter().find(|chart| chart.file == file);
    let chart = chart.unwrap_or_else(|| panic!("there is no {file}"));
    chart.svg(&footnotes(report)).expect("it can be drawn")
}

/// What the elements of this name have in this attribute.
fn attributes<'a>(svg: &'a str, element: &str, name: &str) -> Vec<&'a str> {
    let opening = format!("<{element} ");
    let elements = svg.lines().filter(|line| line.starts_with(&opening));
    elements.filter_map(|line| attribute(line, name)).collect()
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let after = line.split_once(&format!(" {name}=\""))?.1;
    Some(after.split_once('"')?.0)
}

/// The lines of text.
fn texts(svg: &str) -> Vec<&str> {
    let mut lines = svg.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("<text ") {
            found.extend(lines.next());
        }
    }
    found
}

/// Thick opaque strokes: lines of servers, and the strings that hold the dots of a row together.
fn strokes(svg: &str) -> usize {
    let widths = attributes(svg, "polyline", "stroke-width");
    widths.iter().filter(|width| **width != "1").count()
}

fn markers(svg: &str) -> usize {
    let fillings = ["polygon", "circle"].map(|element| attributes(svg, element, "fill"));
    // White ones lie within others.
    fillings
        .concat()
        .iter()
        .filter(|filling| **filling != "#FFFFFF")
        .count()
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("fanout-charts-{}-{name}", std::process::id()))
}

#[test]
fn every_server_has_its_line_its_markers_and_its_name_in_each_panel() {
    let report = everything();
    for (file, panels) in [("saturation.svg", 2), ("memory.svg", 1)] {
        let svg = svg(&report, file);
        assert_eq!(strokes(&svg), servers().len() * panels, "{file}");
        // And one beside the name.
        assert_eq!(
            markers(&svg),
            servers().len() * (LOADS.len() + 1) * panels,
            "{file}"
        );
        for server in servers() {
            let names = texts(&svg).iter().filter(|text| **text == server).count();
            assert_eq!(names, panels, "{server} in {file}");
        }
    }
}

#[test]
fn every_server_has_a_row_with_a_dot_for_each_percentile() {
    let svg = svg(&everything(), "latency.svg");
    assert_eq!(strokes(&svg), servers().len());
    // And four in the legend.
    assert_eq!(markers(&svg), (servers().len() + 1) * 4);
    for text in servers().iter().chain(&["p50", "p99", "p99.9", "max"]) {
        assert!(texts(&svg).contains(text), "{text}");
    }
}

#[test]
fn every_axis_says_what_it_shows_and_has_numbers() {
    let report = everything();
    let demands: [(&str, &[&str]); 6] = [
        (
            "saturation.svg",
            &[
                "clients",
                "deliveries per CPU second",
                "deliveries per second",
                "1 M",
                "10,000",
            ],
        ),
        (
            "cpu-per-delivery.svg",
            &[
                "clients",
                "CPU ns per delivery, flat out",
                "CPU ns per delivery at a steady rate",
                "1,000",
            ],
        ),
        ("latency.svg", &["latency", "100 µs", "10 ms"]),
        (
            "memory.svg",
            &["clients", "peak resident memory (MiB)", "10", "100"],
        ),
        (
            "linger.svg",
            &["CPU ns per delivery", "latency", "1,000", "1 ms"],
        ),
        (
            "frame-size.svg",
            &[
                "size of a frame",
                "CPU ns per delivery (lower is better)",
                "64 bytes",
                "16 KiB",
            ],
        ),
    ];
    for (file, wanted) in demands {
        let svg = svg(&report, file);
        let texts = texts(&svg);
        for text in wanted {
            assert!(texts.contains(text), "{text} in {file}: {texts:?}");
        }
    }
}

#[test]
fn ours_is_the_thickest_line_and_lies_on_top() {
    let svg = svg(&everything(), "memory.svg");
    let lines: Vec<&str> = svg
        .lines()
        .filter(|line| line.starts_with("<polyline"))
        .collect();
    let widths = lines
        .iter()
        .map(|line| attribute(line, "stroke-width").unwrap_or("0"));
    let thick: Vec<&str> = widths.filter(|width| *width != "1").collect();
    assert_eq!(thick.iter().filter(|width| **width == "5").count(), 1);
    assert_eq!(thick.last(), Some(&"5"));
}

#[test]
fn names_do_not_overlap() {
    let svg = svg(&everything(), "memory.svg");
    let mut heights: Vec<i32> = Vec::new();
    let mut lines = svg.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<text ") && lines.next().is_some_and(|text| servers().contains(&text))
        {
            heights.extend(attribute(line, "y").and_then(|y| y.parse::<i32>().ok()));
        }
    }
    heights.sort_unstable();
    assert_eq!(heights.len(), servers().len());
    // Letters are 14 pixels high.
    assert!(
        heights.windows(2).all(|pair| pair[1] - pair[0] >= 15),
        "{heights:?}"
    );
}

#[test]
fn the_same_report_gives_the_same_bytes_and_not_too_many() {
    let report = everything();
    let draw = || {
        content::charts(&report)
            .iter()
            .map(|chart| chart.svg(&[]).expect("it can be drawn"))
            .collect()
    };
    let (once, again): (Vec<String>, Vec<String>) = (draw(), draw());
    assert_eq!(once, again);
    assert_eq!(once.len(), 6);
    for svg in once {
        assert!(svg.len() < 100_000, "{} bytes", svg.len());
    }
}

#[test]
fn a_report_has_the_charts_it_has_figures_for() {
    let folder = folder("some");
    let report = report(vec![sample("saturation", "fanout", 100, 1)]);
    let files = draw(&report, &folder).expect("there is something to draw");
    let names = ["saturation.svg", "cpu-per-delivery.svg", "memory.svg"];
    assert_eq!(files, names.map(|name| folder.join(name)));
    for file in files {
        let svg = fs::read_to_string(&file).expect("it was written");
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
            "{}",
            file.display()
        );
    }
    fs::remove_dir_all(&folder).expect("it was made");
}

#[test]
fn a_report_without_figures_is_an_error_and_no_file() {
    let folder = folder("none");
    let error = draw(&report(Vec::new()), &folder).expect_err("there is nothing to draw");
    assert_eq!(
        error.to_string(),
        "nothing to draw: the report has no samples"
    );
    let error =
        draw(&report(vec![sample("idle", "fanout", 50, 1)]), &folder).expect_err("nor here");
    assert_eq!(
        error.to_string(),
        "nothing to draw: the report has no scenario that has a chart, only idle"
    );
    assert!(!folder.exists());
}

#[test]
fn what_cannot_be_shown_on_a_logarithmic_axis_is_left_out() {
    let mut report = everything();
    for sample in &mut report.samples {
        if sample.server == "go" {
            sample.figures.deliveries_per_cpu_second = 0.0;
            sample.figures.p99_us = Some(0.0);
        }
        if sample.server == "cpp" {
            sample.figures.deliveries_per_cpu_second = f64::NAN;
        }
    }
    let saturation = svg(&report, "saturation.svg");
    let count = |name: &str| {
        texts(&saturation)
            .iter()
            .filter(|text| **text == name)
            .count()
    };
    // They are in the lower panel only.
    assert_eq!([count("go"), count("cpp"), count("redis")], [1, 1, 2]);
    assert!(!saturation.contains("NaN"));
    assert_eq!(
        markers(&svg(&report, "latency.svg")),
        (servers().len() + 1) * 4 - 1
    );
}
