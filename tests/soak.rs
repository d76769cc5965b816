//! The soak, for a few seconds: nothing is found wrong with the server, and what is wrong is found.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, str, thread};

use serde_json::Value;

/// Runs the soak with few clients, and gives its report with its exit code.
#[track_caller]
fn soak(words: &str) -> (Value, Option<i32>) {
    let output = run(&format!("--json {QUICK} {words}"));
    let text = str::from_utf8(&output.stdout).expect("a report is text");
    let report = serde_json::from_str(text).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("{error} in {text:?}; it said {said}")
    });
    (report, output.status.code())
}

fn run(words: &str) -> Output {
    let mut command = Command::new(built().join("examples/soak"));
    // What the server is told comes last.
    let (own, others) = words.split_once(" -- ").unwrap_or((words, ""));
    command.args(own.split_whitespace()).arg("--");
    command.args(others.split_whitespace());
    command.output().expect("soak has been built")
}

#[track_caller]
fn number(report: &Value, path: &str) -> u64 {
    let value = report.pointer(path).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no number {path} in {report:#}"))
}

/// Whether one of the broken promises has these words in it.
fn breaks(report: &Value, words: &str) -> bool {
    let lines = report["broken"].as_array().expect("there is a list");
    lines
        .iter()
        .any(|line| line.as_str().is_some_and(|line| line.contains(words)))
}

/// Where the programs are. They are built as this test was, once: `cargo test` with the name of a test builds none.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let this = env::current_exe().expect("this test is a file");
        // target/PROFILE/deps/soak-HASH
        let builds = this.ancestors().nth(2).expect("a folder of builds");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args([
            "build",
            "--quiet",
            "--locked",
            "--example=soak",
            "--bin=fanout",
        ]);
        if builds.ends_with("release") {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").args(builds.parent());
        assert!(cargo.status().expect("cargo can be started").success());
        builds.to_path_buf()
    })
}

#[test]
fn a_short_soak_tries_everything_and_finds_nothing_broken() {
    let (report, code) = soak("--duration 6s --seed 7");
    assert_eq!(report["broken"], Value::Array(Vec::new()), "{report:#}");
    assert_eq!(code, Some(0));
    // During the load, once more at its end, and after the closing balance.
    assert!(number(&report, "/checks") >= 3, "{report:#}");
    for path in [
        "/seen/frames",
        "/seen/left_by_themselves",
        "/seen/thrown_out_behind",
        "/seen/thrown_out_flooding",
        "/upstream/cuts_by_fin",
        "/upstream/partial_bytes",
        "/lines/joined",
    ] {
        assert!(number(&report, path) > 0, "{path} in {report:#}");
    }
    for (seen, said) in [
        ("/upstream/frames", "/said/frames"),
        ("/upstream/partial_bytes", "/said/discarded_bytes"),
        ("/seen/connects", "/said/accepted"),
        ("/seen/left_by_themselves", "/said/left_closed"),
        ("/seen/thrown_out_flooding", "/said/left_flood"),
    ] {
        assert_eq!(
            number(&report, seen),
            number(&report, said),
            "{seen} in {report:#}"
        );
    }
}

#[test]
fn every_kind_of_damage_to_the_stream_is_seen() {
    thread::scope(|scope| {
        for damage in ["missing", "repeated", "torn"] {
            scope.spawn(move || {
                let (report, code) = soak(&format!("--duration 2s --damage {damage}"));
                let line = format!("healthy client 8 (disconnect): {damage}: ");
                assert!(breaks(&report, &line), "{report:#}");
                assert_eq!(code, Some(1));
            });
        }
    });
}

#[test]
fn a_server_that_ends_when_its_upstream_does_breaks_its_promise() {
    let (report, code) = soak("--duration 60s -- --no-reconnect");
    assert!(
        breaks(
            &report,
            "healthy client 8 (disconnect): ended by the server after"
        ),
        "{report:#}"
    );
    assert!(
        breaks(&report, "the server ended by itself with exit status: 0"),
        "{report:#}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_server_that_refuses_clients_breaks_its_promise() {
    let (report, code) = soak("--duration 4s -- --max-clients 38");
    assert!(breaks(&report, "refused: the server says"), "{report:#}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_server_that_does_not_start_is_one_line() {
    let output = run("--program /bin/false");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("\nsoak: the server does not listen"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn options_that_do_not_go_together_are_exit_code_2() {
    for (words, complaint) in [
        ("--clients 19", "'--clients 19' leaves a kind of client out"),
        ("--stall-timeout 1s", "'--stall-timeout 1s' ends a doze of"),
    ] {
        let output = run(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(complaint) && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(output.status.code(), Some(2));
    }
}

/// Small enough for a machine that does other things too: a client that reads is not taken for one that lags, because
/// the upstream waits for a soak that does not get to run.
const QUICK: &str =
    "--clients 40 --check-every 2s --rate 1000 --backlog 512 --stall-timeout 30s --cut-every 600ms";
