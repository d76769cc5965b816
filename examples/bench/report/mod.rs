//! A report as text: the head, tables, findings, and what was left out; and as JSON, there and back.
//!
//! It owns the order in which a reader meets things: on what, how, every load, what it amounts to, what is missing. The
//! whole text is Markdown, so that it can be pasted into a page. It does not know how anything was measured.

mod loads;
#[cfg(test)]
pub(crate) mod made_up;
pub(crate) mod numbers;
mod spread;
mod tables;

use std::error::Error;
use std::fs;
use std::path::Path;

pub(crate) use loads::{BASELINE, Load, Row, Section};
pub(crate) use spread::{Figure, Ratio, Spread};

use crate::record::{Finding, Report};

/// Prints all of the report.
pub(crate) fn print(report: &Report) {
    print!("{}", text(report));
}

/// Keeps the report, so that `read_json` finds it as it was.
pub(crate) fn write_json(report: &Report, path: &Path) -> Result<(), Box<dyn Error>> {
    let text = serde_json::to_string_pretty(report)? + "\n";
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(())
}

/// The report that `write_json` kept.
pub(crate) fn read_json(path: &Path) -> Result<Report, Box<dyn Error>> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let report = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no report of this program: {error}", path.display()))?;
    Ok(report)
}

/// How often a server was measured under a load: `5`, or `3 to 7` where it was not the same for all.
pub(crate) fn repetitions(report: &Report) -> String {
    let sections = Section::all(&report.samples);
    let rows = sections.iter().flat_map(|section| &section.rows);
    let counts: Vec<usize> = rows.map(|row| row.samples.len()).collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least < most => format!("{least} to {most}"),
        (Some(all), _) => all.to_string(),
        _ => report.settings.repetitions.to_string(),
    }
}

fn text(report: &Report) -> String {
    let mut parts = vec![head(report)];
    parts.extend(Section::all(&report.samples).iter().map(tables::section));
    if !report.findings.is_empty() {
        parts.push(format!(
            "\n### Findings\n\n{}\n",
            findings(&report.findings)
        ));
    }
    if !report.skipped.is_empty() {
        parts.push("\n### Left out\n\n".to_owned());
        parts.extend(report.skipped.iter().map(|line| format!("- {line}\n")));
    }
    parts.concat()
}

/// What a reader needs to know before the first figure.
fn head(report: &Report) -> String {
    let (machine, settings) = (&report.machine, &report.settings);
    let scope = if settings.full {
        "everything"
    } else {
        "a selection"
    };
    let repetitions = format!(
        "{} of {} ms after {} ms of warm-up, servers in turn",
        repetitions(report),
        settings.window_ms,
        settings.warm_up_ms
    );
    let lines = [
        ("processor", machine.processor.clone()),
        ("cores", machine.cores.to_string()),
        ("kernel", machine.kernel.clone()),
        ("congestion control", machine.congestion_control.clone()),
        ("tcp_rmem", machine.tcp_rmem.clone()),
        ("tcp_wmem", machine.tcp_wmem.clone()),
        ("load average before", machine.load_average.clone()),
        ("pinning", machine.pinning.clone()),
        ("relay", machine.version.clone()),
        ("repetitions", repetitions),
        ("measured", scope.to_owned()),
        (
            "cells",
            "median (lowest..highest) of the repetitions".to_owned(),
        ),
        ("ratio", format!("to {BASELINE} in the same repetition")),
    ];
    let mut table = tables::markdown(["what", "value"].map(String::from));
    for (name, value) in lines {
        table.add_row([name.to_owned(), cell(&value)]);
    }
    format!("{table}\n")
}

fn findings(findings: &[Finding]) -> String {
    let mut table = tables::markdown(["what", "demand", "found", ""].map(String::from));
    for finding in findings {
        let verdict = if finding.is_met { "met" } else { "NOT MET" };
        let words = [&finding.what, &finding.demand, &finding.figure].map(|text| cell(text));
        table.add_row(words.into_iter().chain([verdict.to_owned()]));
    }
    table.to_string()
}

/// A text that neither ends its cell nor its line.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests;
