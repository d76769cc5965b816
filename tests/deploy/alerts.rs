//! The alert rules and the scrape configuration.

use std::process::Command;

use crate::{catalogue, expression, shipped, tools};

/// One rule, as its lines say.
pub(crate) struct Alert {
    pub(crate) name: String,
    expression: String,
    pub(crate) text: String,
}

#[test]
fn promtool_takes_the_configuration_and_the_rules() {
    if !tools::are_there(&["promtool"]) {
        return;
    }
    for (words, file) in [
        (["check", "config"], "prometheus/prometheus.yml"),
        (["check", "rules"], "prometheus/alerts.yml"),
    ] {
        shipped::run(
            Command::new("promtool")
                .args(words)
                .arg(shipped::path(file)),
        );
    }
}

#[test]
fn every_alert_fires_when_it_should_and_not_otherwise() {
    if tools::are_there(&["promtool"]) {
        let tests = shipped::path("prometheus/alerts.test.yml");
        shipped::run(Command::new("promtool").args(["test", "rules"]).arg(tests));
    }
}

#[test]
fn every_alert_is_tested_to_fire() {
    let tests = shipped::text("prometheus/alerts.test.yml");
    for alert in alerts() {
        let fires = format!("{{alertname=\"{}\"}}", alert.name);
        assert!(
            tests.contains(&fires),
            "{} is never seen to fire",
            alert.name
        );
    }
}

#[test]
fn every_metric_and_label_of_the_alerts_exists() {
    let known = catalogue::all();
    for alert in alerts() {
        let faults = expression::faults(&alert.expression, &known);
        // Whether it is scraped at all is asked of no series of its own.
        assert!(faults.is_empty(), "{}: {faults:?}", alert.name);
    }
}

#[test]
fn every_alert_says_how_grave_it_is_and_what_to_do() {
    let page = shipped::root().join("docs/operations.md");
    let page = std::fs::read_to_string(page).ok();
    for alert in alerts() {
        let name = &alert.name;
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(alert.text.contains(part), "{name} has no {part}");
        }
        let anchor = name.to_lowercase();
        let runbook = format!("runbook: docs/operations.md#{anchor}\n");
        assert!(alert.text.contains(&runbook), "{name} has no {runbook}");
        let is_written = page.as_ref().is_none_or(|page| {
            let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
            let mut headings = headings.map(|line| line.trim_start_matches('#').trim());
            headings.any(|heading| heading.trim_matches('`').to_lowercase() == anchor)
        });
        assert!(is_written, "docs/operations.md has no heading {name}");
    }
}

/// The rules of `alerts.yml`, which are written one like another.
pub(crate) fn alerts() -> Vec<Alert> {
    let text = shipped::text("prometheus/alerts.yml");
    let rules = text.split("      - alert: ").skip(1);
    let alerts: Vec<_> = rules.map(alert_in).collect();
    assert!(alerts.len() > 10, "only {} alerts", alerts.len());
    alerts
}

fn alert_in(text: &str) -> Alert {
    let (name, rest) = text.split_once('\n').expect("a rule has lines");
    let (_, rest) = rest.split_once("expr: ").expect("a rule has an expression");
    let end = ["        for: ", "        labels:"]
        .iter()
        .filter_map(|next| rest.find(next))
        .min();
    Alert {
        name: name.to_owned(),
        expression: rest[..end.expect("a rule has labels")].replace("|\n", ""),
        text: text.to_owned(),
    }
}
