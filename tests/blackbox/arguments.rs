//! The command line: help, version, and what is wrong with it said in one line.

use crate::harness::{Launch, Upstream};

#[test]
fn help_names_every_option_with_its_default() {
    for option in ["--help", "-h"] {
        let outcome = Launch::new(option).run();
        assert_eq!(outcome.code, 0);
        for name in OPTIONS {
            assert!(
                outcome.output.contains(name),
                "{option} does not name {name}: {}",
                outcome.output
            );
        }
        for default in [
            "localhost:1235",
            "1024",
            "16384",
            "disconnect",
            "60s",
            "128KiB",
            "250ms",
            "30s",
            "5s",
            "10s",
        ] {
            assert!(
                outcome.output.contains(default),
                "{option} does not name the default {default}"
            );
        }
    }
}

#[test]
fn version_is_the_packages() {
    for option in ["--version", "-V"] {
        let outcome = Launch::new(option).run();
        assert_eq!(outcome.code, 0);
        assert_eq!(
            outcome.output.trim(),
            format!("fanout {}", env!("CARGO_PKG_VERSION"))
        );
    }
}

#[test]
fn an_invalid_value_is_one_line_that_names_the_option_and_the_value() {
    for (option, values) in INVALID {
        for value in values.split_whitespace() {
            let upstream = Upstream::bind();
            let arguments = format!("{option}={value} {}", upstream.addr());
            assert_usage_error(&arguments, &[option, value]);
            assert!(!upstream.is_dialled(), "{arguments}: nothing is opened");
        }
    }
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    assert_usage_error("--bogus 127.0.0.1:1", &["--bogus"]);
    assert_usage_error("-x 127.0.0.1:1", &["-x"]);
}

#[test]
fn an_option_without_its_value_is_a_usage_error() {
    assert_usage_error("127.0.0.1:1 --backlog", &["--backlog"]);
}

#[test]
fn an_upstream_is_required() {
    assert_usage_error("", &["UPSTREAM"]);
    assert_usage_error("-l 127.0.0.1:0", &["UPSTREAM"]);
}

#[test]
fn an_upstream_that_is_no_address_is_a_usage_error() {
    for upstream in [
        "localhost",
        "127.0.0.1:99999",
        "localhost:",
        ":1234x",
        "[::1]",
        "[::1:1234",
    ] {
        assert_usage_error(&format!("-l 127.0.0.1:0 {upstream}"), &[upstream]);
    }
}

#[test]
fn more_replay_than_backlog_is_a_usage_error() {
    assert_usage_error(
        "--replay 11 --backlog 10 127.0.0.1:1",
        &["replay", "11", "10"],
    );
    assert_usage_error(
        "-l 127.0.0.1:0,replay=11 --backlog 10 127.0.0.1:1",
        &["replay", "11", "10"],
    );
}

/// Exit code 2 and one line, which contains these.
#[track_caller]
fn assert_usage_error(arguments: &str, names: &[&str]) {
    let outcome = Launch::new(arguments).run();
    assert_eq!(outcome.code, 2, "{arguments}: {:#?}", outcome.lines);
    assert_eq!(
        outcome.lines.len(),
        1,
        "{arguments}: one line, not {:#?}",
        outcome.lines
    );
    let line = &outcome.lines[0];
    for name in names {
        assert!(
            line.contains(name),
            "{arguments}: {line:?} does not name {name}"
        );
    }
    assert!(outcome.output.is_empty(), "{arguments}: {}", outcome.output);
}

const OPTIONS: &[&str] = &[
    "UPSTREAM",
    "-l",
    "--listen",
    "--frame-size",
    "--backlog",
    "--slow",
    "--stall-timeout",
    "--replay",
    "--linger",
    "--unsent-limit",
    "--max-clients",
    "--max-clients-per-ip",
    "--allow",
    "--reconnect-min",
    "--reconnect-max",
    "--no-reconnect",
    "--connect-timeout",
    "--upstream-timeout",
    "--stale-after",
    "--drain-timeout",
    "--log-level",
    "--demo",
    "--help",
    "--version",
];

/// Every option that takes a value, with some that it must not take.
pub(crate) const INVALID: &[(&str, &str)] = &[
    (
        "--listen",
        "nonsense 127.0.0.1 127.0.0.1:99999 [::1] 127.0.0.1:0,slow=never 127.0.0.1:0,replay=x \
         127.0.0.1:0,max-clients=x 127.0.0.1:0,bogus=1",
    ),
    ("--frame-size", "0 1048577 -1 x"),
    ("--backlog", "x -1"),
    ("--slow", "never"),
    ("--stall-timeout", "soon -1s"),
    ("--replay", "x -1"),
    ("--linger", "soon"),
    ("--unsent-limit", "lots"),
    ("--max-clients", "many -1"),
    ("--max-clients-per-ip", "many"),
    ("--allow", "10.0.0.0/33 nobody"),
    ("--reconnect-min", "soon"),
    ("--reconnect-max", "soon"),
    ("--connect-timeout", "soon"),
    ("--upstream-timeout", "soon"),
    ("--stale-after", "soon"),
    ("--drain-timeout", "soon"),
    ("--log-level", "loud"),
];
