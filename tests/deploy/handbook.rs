//! The handbook for whoever runs the program: its alerts, metrics and log lines are those that there are.

use std::collections::BTreeSet;
use std::fs;

use crate::{alerts, catalogue, shipped};

fn handbook() -> String {
    fs::read_to_string(shipped::root().join("docs/operations.md")).expect("the handbook")
}

#[test]
fn every_alert_points_at_a_section_of_its_own() {
    let handbook = handbook();
    let headings: BTreeSet<&str> = handbook
        .lines()
        .filter_map(|line| line.strip_prefix("### Fanout"))
        .collect();
    let alerts = alerts::alerts();
    for alert in &alerts {
        let anchor = alert.name.to_lowercase();
        let pointer = format!("runbook: docs/operations.md#{anchor}\n");
        assert!(alert.text.contains(&pointer), "{}", alert.name);
    }
    let named = alerts
        .iter()
        .filter_map(|alert| alert.name.strip_prefix("Fanout"));
    assert_eq!(headings, named.collect());
}

#[test]
fn the_handbook_explains_every_metric_and_no_other() {
    let handbook = handbook();
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let metrics = |word: &&str| word.starts_with("fanout_") || word.starts_with("process_");
    let mentioned: BTreeSet<&str> = handbook
        .split(|letter| !is_letter(letter))
        .filter(metrics)
        .collect();
    let series = catalogue::all();
    let names: BTreeSet<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let bases: BTreeSet<&str> = names.iter().map(|name| base(name)).collect();
    for name in &mentioned {
        assert!(names.contains(name) || bases.contains(name), "{name}");
    }
    let explained: BTreeSet<&str> = mentioned.iter().map(|name| base(name)).collect();
    let missing: Vec<_> = bases.difference(&explained).collect();
    assert_eq!(missing, [&"up"]);
}

/// A histogram without the ending of one of its series.
fn base(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

#[test]
fn the_handbook_has_every_line_of_the_log_that_asks_for_attention() {
    let handbook = handbook();
    for (file, line) in warnings() {
        assert!(handbook.contains(&line), "{file}: {line}");
    }
}

/// What `warn!` begins with, up to its first key; in the files that have log lines.
fn warnings() -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for file in LOGGING {
        let text = fs::read_to_string(shipped::root().join(file)).expect("a source file");
        for call in text.split("warn!(").skip(1) {
            let line = call.trim_start().trim_start_matches('"');
            let text = line.split('"').next().unwrap_or_default();
            let words = text
                .split([' ', '\n'])
                .take_while(|word| !word.contains('='));
            let words = words
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            // Of a line that is put together elsewhere nothing can be said.
            if !words.starts_with('{') {
                found.push((*file, words));
            }
        }
    }
    assert!(found.len() > 10, "only {} warnings", found.len());
    found
}

const LOGGING: &[&str] = &[
    "src/main.rs",
    "src/reactor/admin/mod.rs",
    "src/reactor/listener.rs",
    "src/reactor/notify.rs",
    "src/reactor/report.rs",
    "src/reactor/setup.rs",
];
