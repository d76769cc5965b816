//! What is in the charts: which samples, against what, under which title.
//!
//! It owns the choice, and knows nothing of pixels.

use super::axis::Naming;
use super::dots::{Dots, Row};
use super::gather::{row, rows_across, samples, sections, series, sort};
use super::lines::{Lines, Series};
use super::{Chart, Panel};
use crate::record::{Report, Sample};
use crate::report::numbers::{bytes, mark, mebibytes, microseconds_mark, whole};
use crate::report::{Figure, Section};

/// All charts that the report has figures for.
pub(crate) fn charts(report: &Report) -> Vec<Chart> {
    let charts = [
        saturation,
        cpu_per_delivery,
        latency,
        memory,
        linger,
        frame_size,
    ];
    charts.iter().filter_map(|chart| chart(report)).collect()
}

/// For the error that there is nothing to draw.
pub(crate) fn what_there_is(report: &Report) -> String {
    let mut scenarios: Vec<&str> = Vec::new();
    for sample in &report.samples {
        if !scenarios.contains(&sample.scenario.as_str()) {
            scenarios.push(&sample.scenario);
        }
    }
    match scenarios[..] {
        [] => "no samples".to_owned(),
        _ => format!(
            "no scenario that has a chart, only {}",
            scenarios.join(", ")
        ),
    }
}

fn saturation(report: &Report) -> Option<Chart> {
    let samples = samples(report, "saturation");
    let per_cpu_second = |sample: &Sample| sample.figures.deliveries_per_cpu_second;
    let per_second = |sample: &Sample| sample.figures.deliveries_per_second;
    chart(
        "saturation.svg",
        "Throughput with the source flat out",
        &format!(
            "Nothing is lost: the servers wait for their clients. {}. Higher is better.",
            frames(&samples)
        ),
        [
            against_clients(&samples, per_cpu_second, "deliveries per CPU second"),
            against_clients(&samples, per_second, "deliveries per second"),
        ],
    )
}

fn cpu_per_delivery(report: &Report) -> Option<Chart> {
    let flat_out = samples(report, "saturation");
    let any = if flat_out.is_empty() {
        samples(report, "paced")
    } else {
        flat_out.clone()
    };
    let paced = sections(report, "paced");
    let kinds: Vec<String> = paced.iter().map(|section| section.load.traffic()).collect();
    let rows = rows_across(&paced, CPU);
    chart(
        "cpu-per-delivery.svg",
        "CPU time of the server for one delivery",
        &format!(
            "User and system time of all its threads. {}. Lower is better.",
            frames(&any)
        ),
        [
            against_clients(
                &flat_out,
                |sample| sample.figures.cpu_ns_per_delivery,
                "CPU ns per delivery, flat out",
            ),
            dots(rows, &kinds, ("CPU ns per delivery at a steady rate", mark)),
        ],
    )
}

fn latency(report: &Report) -> Option<Chart> {
    let sections = sections(report, "paced");
    let is_usual =
        |section: &&Section<'_>| section.load.clients == 100 && section.load.rate == 1000;
    let section = sections.iter().find(is_usual).or(sections.first())?;
    let mut rows: Vec<Row> = section
        .rows
        .iter()
        .map(|own| row(own, own.name(), &PERCENTILES))
        .collect();
    sort(&mut rows, P99);
    chart(
        "latency.svg",
        "Latency from the source's write to the client's read",
        &format!("{}; in order of p99. Lower is better.", section.load),
        [
            dots(rows, &percentile_names(), ("latency", microseconds_mark)),
            None,
        ],
    )
}

fn memory(report: &Report) -> Option<Chart> {
    let samples = samples(report, "saturation");
    let peak = |sample: &Sample| mebibytes(sample.figures.peak_resident_bytes);
    chart(
        "memory.svg",
        "Memory of the server at its peak",
        &format!(
            "Source flat out, kernel buffers not counted. {}. Lower is better.",
            frames(&samples)
        ),
        [
            against_clients(&samples, peak, "peak resident memory (MiB)"),
            None,
        ],
    )
}

fn linger(report: &Report) -> Option<Chart> {
    let sections = sections(report, "linger");
    let section = sections.iter().max_by_key(|section| section.rows.len())?;
    let rows = |figures: &[Figure]| -> Vec<Row> {
        let rows = section.rows.iter();
        rows.map(|own| row(own, own.name(), figures)).collect()
    };
    chart(
        "linger.svg",
        "Several frames with one write: what it saves, what it costs",
        &format!("{}. Lower is better.", section.load),
        [
            dots(
                rows(&[CPU]),
                &["CPU time per delivery".to_owned()],
                ("CPU ns per delivery", mark),
            ),
            dots(
                rows(&PERCENTILES),
                &percentile_names(),
                ("latency", microseconds_mark),
            ),
        ],
    )
}

fn frame_size(report: &Report) -> Option<Chart> {
    let samples = samples(report, "frame-size");
    let size = |sample: &Sample| sample.frame_size;
    let cpu = series(&samples, size, |sample| sample.figures.cpu_ns_per_delivery);
    let bytes_per_cpu_second = series(&samples, size, |sample| {
        sample.figures.deliveries_per_cpu_second * mebibytes(sample.frame_size.into())
    });
    let x: Naming<'_> = ("size of a frame", bytes);
    let clients = samples.first().map_or(0, |sample| sample.clients);
    chart(
        "frame-size.svg",
        "Cost against the size of a frame",
        &format!("{} clients, source flat out.", whole(clients.into())),
        [
            lines(cpu, x, ("CPU ns per delivery (lower is better)", mark)),
            lines(
                bytes_per_cpu_second,
                x,
                ("MiB per CPU second (higher is better)", mark),
            ),
        ],
    )
}

/// A chart of the panels that have something to show; nothing if none has.
fn chart(
    file: &'static str,
    title: &str,
    subtitle: &str,
    panels: [Option<Panel>; 2],
) -> Option<Chart> {
    let panels: Vec<Panel> = panels.into_iter().flatten().collect();
    (!panels.is_empty()).then(|| Chart {
        file,
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        panels,
    })
}

fn against_clients(samples: &[&Sample], figure: fn(&Sample) -> f64, name: &str) -> Option<Panel> {
    lines(
        series(samples, |sample| sample.clients, figure),
        ("clients", mark),
        (name, mark),
    )
}

fn lines(series: Vec<Series>, x: Naming<'_>, y: Naming<'_>) -> Option<Panel> {
    let lines = Lines::new(series, x, y);
    (!lines.series.is_empty()).then_some(Panel::Lines(lines))
}

fn dots(rows: Vec<Row>, kinds: &[String], naming: Naming<'_>) -> Option<Panel> {
    let dots = Dots::new(rows, kinds, naming);
    (!dots.rows.is_empty()).then_some(Panel::Dots(dots))
}

/// How big the frames are; a scenario has one size, but for the one about sizes.
fn frames(samples: &[&Sample]) -> String {
    let size = samples.first().map_or(0, |sample| sample.frame_size);
    format!("Frames of {}", bytes(size.into()))
}

fn percentile_names() -> [String; 4] {
    ["p50", "p99", "p99.9", "max"].map(String::from)
}

const CPU: Figure = |figures| Some(figures.cpu_ns_per_delivery);

const PERCENTILES: [Figure; 4] = [
    |figures| figures.p50_us,
    |figures| figures.p99_us,
    |figures| figures.p999_us,
    |figures| figures.max_us,
];

/// The place of the 99th among them.
const P99: usize = 1;
