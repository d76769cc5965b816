//! The Grafana dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::{catalogue, expression, shipped, tools};

fn dashboard() -> Value {
    serde_json::from_str(&shipped::text("grafana/fanout.json")).expect("the dashboard is JSON")
}

/// The panels that show something; rows are left out.
fn panels() -> Vec<Value> {
    let all = dashboard()["panels"].as_array().cloned();
    let mut panels = all.expect("the dashboard has panels");
    panels.retain(|panel| panel["type"] != "row");
    assert!(panels.len() > 20, "only {} panels", panels.len());
    panels
}

/// Every expression of every panel, with the panel's title.
fn expressions() -> Vec<(String, String)> {
    let of_panel = |panel: Value| {
        let title = text(&panel["title"]).to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        assert!(!targets.is_empty(), "{title} shows nothing");
        let expressions = targets.into_iter().map(move |target| {
            let expression = text(&target["expr"]);
            (title.clone(), expression.to_owned())
        });
        expressions.collect::<Vec<_>>()
    };
    panels().into_iter().flat_map(of_panel).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn every_panel_has_title_description_unit_and_legends() {
    let mut titles = BTreeSet::new();
    for panel in panels() {
        let title = text(&panel["title"]);
        assert!(
            !title.is_empty() && titles.insert(title.to_owned()),
            "{title:?}"
        );
        assert!(
            text(&panel["description"]).ends_with('.'),
            "{title}: description"
        );
        let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
        assert!(!unit.is_empty(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let legend = text(&target["legendFormat"]);
            assert!(legend.contains("{{"), "{title} has no legend");
            for label in expression::grouped_by(text(&target["expr"])) {
                assert!(
                    legend.contains(&format!("{{{{{label}}}}}")) || label == "le",
                    "{title}: {label}"
                );
            }
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn panels_are_apart_and_have_ids_of_their_own() {
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in dashboard()["panels"].as_array().into_iter().flatten() {
        let title = &panel["title"];
        assert!(
            ids.insert(panel["id"].as_u64()),
            "{title}: its id is not its own"
        );
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        assert!(side("x") + side("w") <= 24, "{title} is outside");
        for column in side("x")..side("x") + side("w") {
            for line in side("y")..side("y") + side("h") {
                assert!(
                    taken.insert((column, line)),
                    "{title} lies over another panel"
                );
            }
        }
    }
}

#[test]
fn nothing_is_left_of_an_export() {
    let dashboard = dashboard();
    assert!(dashboard["id"].is_null());
    for key in ["__inputs", "__requires", "gnetId", "iteration", "author"] {
        assert!(dashboard.get(key).is_none(), "{key}");
    }
    for row in ["Upstream", "Clients", "Delivery", "Loop", "Process"] {
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let mut rows = panels.filter(|panel| panel["type"] == "row");
        assert!(rows.any(|panel| panel["title"] == row), "no row {row}");
    }
}

#[test]
fn every_metric_and_label_of_the_dashboard_exists() {
    let known = catalogue::all();
    for (title, expression) in expressions() {
        let faults = expression::faults(&expression, &known);
        assert!(faults.is_empty(), "{title}: {faults:?}");
    }
}

#[test]
fn the_dashboard_shows_every_metric() {
    let shown: Vec<_> = expressions().into_iter().map(|(_, text)| text).collect();
    for series in catalogue::all() {
        let name = series
            .name
            .trim_end_matches("_sum")
            .trim_end_matches("_count");
        let is_shown = shown.iter().any(|expression| expression.contains(name));
        assert!(is_shown || name == "up", "{name} is nowhere to be seen");
    }
}

#[test]
fn promtool_takes_every_expression_of_the_dashboard() {
    if !tools::are_there(&["promtool"]) {
        return;
    }
    let rules: Vec<_> = expressions()
        .iter()
        .enumerate()
        .map(|(number, (_, expression))| {
            let expression = expression.replace("$__rate_interval", "1m");
            json!({"record": format!("panel:{number}"), "expr": expression})
        })
        .collect();
    // JSON is YAML.
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let file = shipped::empty_folder("dashboard").join("rules.yml");
    fs::write(&file, rules.to_string()).expect("a file for the rules");
    shipped::run(Command::new("promtool").args(["check", "rules"]).arg(file));
}
