//! What an expression of Prometheus names: series, their matchers, and labels to group by. Whether it is a correct
//! expression it does not know: that is asked of `promtool`.

use crate::catalogue::{Kind, Series};

/// Everything in it that the program does not expose, or that is asked of it in a way that makes no sense.
pub(crate) fn faults(expression: &str, known: &[Series]) -> Vec<String> {
    let used = used(expression);
    let mut faults = Vec::new();
    let mut labels = Vec::new();
    for used in &used {
        let Some(series) = known.iter().find(|series| series.name == used.name) else {
            faults.push(format!("there is no {}", used.name));
            continue;
        };
        labels.push(series);
        for (label, value) in &used.matchers {
            if !series.has(label) {
                faults.push(format!("{} has no label {label}", used.name));
            } else if !series.may_be(label, value) {
                faults.push(format!("{label} of {} is never {value}", used.name));
            }
        }
        if (series.kind == Kind::Counter) != used.is_a_range {
            let what = "a counter, and only a counter, is asked for its growth";
            faults.push(format!("{}: {what}", used.name));
        }
    }
    for label in grouped_by(expression) {
        if !labels.iter().any(|series| series.has(&label)) {
            faults.push(format!("nothing in it has a label {label}"));
        }
    }
    if used.is_empty() {
        faults.push("it names no series".to_owned());
    }
    faults
}

/// A series that an expression names.
struct Used {
    name: String,
    /// A label with each of the values that it is compared to; variables of a dashboard are left out.
    matchers: Vec<(String, String)>,
    is_a_range: bool,
}

fn used(expression: &str) -> Vec<Used> {
    let mut found = Vec::new();
    let mut left = expression;
    while let Some(start) = left.find(is_letter) {
        left = &left[start..];
        let name = &left[..left.find(|at| !is_letter(at)).unwrap_or(left.len())];
        left = &left[name.len()..];
        let is_series = name == "up" || name.starts_with("fanout_") || name.starts_with("process_");
        if !is_series {
            continue;
        }
        let mut matchers = Vec::new();
        if let Some(inner) = left.strip_prefix('{') {
            let end = inner.find('}').expect("a selector has an end");
            matchers = matchers_in(&inner[..end]);
            left = &inner[end + 1..];
        }
        found.push(Used {
            name: name.to_owned(),
            matchers,
            is_a_range: left.starts_with('['),
        });
    }
    found
}

fn matchers_in(selector: &str) -> Vec<(String, String)> {
    let matchers = selector.split(", ").flat_map(|matcher| {
        let (label, rest) = matcher
            .split_once(['=', '!'])
            .unwrap_or_else(|| panic!("{matcher:?} compares nothing"));
        let values = rest.trim_start_matches(['=', '~']).trim_matches('"');
        let values = values.split('|').filter(|value| !value.starts_with('$'));
        values.map(|value| (label.trim().to_owned(), value.to_owned()))
    });
    matchers.collect()
}

/// The labels that it keeps apart.
pub(crate) fn grouped_by(expression: &str) -> Vec<String> {
    let groups = expression.split("by (").skip(1);
    let labels = groups.filter_map(|rest| rest.split(')').next());
    labels
        .flat_map(|labels| labels.split(','))
        .map(|label| label.trim().to_owned())
        .collect()
}

fn is_letter(at: char) -> bool {
    at.is_ascii_alphanumeric() || at == '_'
}

#[test]
fn what_the_program_does_not_expose_is_found() {
    let known = crate::catalogue::all();
    for (expression, fault) in [
        ("fanout_clients == 0", ""),
        ("rate(fanout_turn_seconds_bucket[5m])", ""),
        (
            r#"sum by (reason) (increase(fanout_clients_departed_total{reason=~"slow|flood"}[1h]))"#,
            "",
        ),
        (r#"process_open_fds{job=~"$job"}"#, ""),
        ("fanout_client == 0", "there is no fanout_client"),
        (
            "rate(fanout_turn_seconds[5m])",
            "there is no fanout_turn_seconds",
        ),
        (r#"fanout_clients{reason="slow"}"#, "has no label reason"),
        (
            r#"rate(fanout_clients_departed_total{reason!="slow|late"}[5m])"#,
            "is never late",
        ),
        ("fanout_turns_total > 5", "asked for its growth"),
        ("rate(fanout_clients[5m])", "asked for its growth"),
        ("sum by (error) (fanout_clients)", "has a label error"),
        ("vector(1)", "names no series"),
    ] {
        let faults = faults(expression, &known).join("; ");
        assert_eq!(
            fault.is_empty(),
            faults.is_empty(),
            "{expression}: {faults}"
        );
        assert!(faults.contains(fault), "{expression}: {faults}");
    }
}
