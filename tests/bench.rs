//! The benchmark at work: every server there is, for a moment, and the report that comes of it.
//!
//! What the figures are is nobody's business here. That there are any says that source, server and sink were started,
//! that frames went all the way, and that the sink found nothing wrong with them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, fs, io};

use serde_json::Value;

/// Plays with the shortest of windows, and gives the report.
#[track_caller]
fn play(name: &str, words: &str) -> Value {
    let file = env::temp_dir().join(format!("fanout-bench-test-{}-{name}", std::process::id()));
    let mut command = Command::new(built().join("examples/bench"));
    command
        .args(words.split_whitespace())
        .args(QUICK)
        .arg("--json")
        .arg(&file);
    let output = command.output().expect("bench has been built");
    assert!(output.status.success(), "{}", said(&output));
    let text = fs::read_to_string(&file).expect("a report is written");
    // What is left behind in the folder for such things is the system's to clear.
    let _ = fs::remove_file(&file);
    let report: Value = serde_json::from_str(&text).expect("a report is JSON");
    for line in report["skipped"].as_array().expect("there is a list") {
        let line = line.as_str().expect("it is a line");
        assert!(
            !line.starts_with("failed") || is_lossy(line),
            "{}",
            said(&output)
        );
        if line.starts_with("skipped: no ") {
            // Past the test harness, which shows nothing of a test that passes.
            let _ = writeln!(io::stderr(), "{line}");
            assert!(env::var_os("CI").is_none(), "{line}");
        }
    }
    report
}

/// str2str passes over clients that do not take everything at once: on a busy machine at any rate. That the sink saw
/// what it left out says that it was started and fed as well.
fn is_lossy(line: &str) -> bool {
    line.contains("str2str") && line.contains("missing:")
}

fn said(output: &Output) -> String {
    let text =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    text.join("\n")
}

/// The names of the servers that delivered something in this scenario.
fn servers(report: &Value, scenario: &str) -> Vec<String> {
    let samples = report["samples"].as_array().expect("there are samples");
    let of_scenario = samples
        .iter()
        .filter(|sample| sample["scenario"] == scenario);
    let delivering = of_scenario.filter(|sample| {
        let per_second = sample["figures"]["deliveries_per_second"].as_f64();
        per_second.is_some_and(|per_second| per_second > 0.0)
    });
    delivering
        .map(|sample| sample["server"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Where the programs are. They are built as this test was, once: `cargo test` with the name of a test builds none.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let this = env::current_exe().expect("this test is a file");
        // target/PROFILE/deps/bench-HASH
        let builds = this.ancestors().nth(2).expect("a folder of builds");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["build", "--quiet", "--locked", "--examples", "--bin=fanout"]);
        if builds.ends_with("release") {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").args(builds.parent());
        assert!(cargo.status().expect("cargo can be started").success());
        builds.to_path_buf()
    })
}

#[test]
fn every_server_is_measured_and_loses_nothing() {
    let report = play("all", "saturation --clients=2");
    let measured = servers(&report, "saturation");
    let skipped = report["skipped"].to_string();
    for name in SERVERS {
        let is_left_out = MISSING.iter().any(|(server, tool)| {
            *server == name && skipped.contains(&format!("skipped: no {tool}"))
        });
        let is_left_out = is_left_out || (name == "str2str" && is_lossy(&skipped));
        assert!(
            is_left_out || measured.iter().any(|server| server == name),
            "{name}: {report}"
        );
    }
}

#[test]
fn scenarios_that_disturb_measure_a_server_with_and_without() {
    let scenes: [(&str, &[&str]); 2] = [
        ("storm", &["fanout", "minimal-reactor"]),
        ("half-stalled", &["minimal-reactor"]),
    ];
    for (scenario, names) in scenes {
        let words = format!("{scenario} --clients=4 --servers={}", names.join(","));
        let report = play(scenario, &words);
        for scenario in [scenario, &format!("{scenario}-base")] {
            assert_eq!(servers(&report, scenario), names, "{report}");
        }
    }
}

#[test]
fn a_damaged_stream_is_seen() {
    let report = play("self", "self-test");
    let findings = report["findings"].as_array().expect("there are findings");
    assert_eq!(findings.len(), 4);
    assert!(
        findings.iter().all(|finding| finding["is_met"] == true),
        "{report}"
    );
}

const QUICK: [&str; 4] = [
    "--no-build",
    "--repetitions=1",
    "--window=100ms",
    "--warm-up=50ms",
];

const SERVERS: [&str; 17] = [
    "send-floor",
    "fanout",
    "thread-per-client",
    "message-passing",
    "shared-log-threads",
    "minimal-reactor",
    "tokio-broadcast",
    "tokio-current-thread",
    "own-executor",
    "go",
    "cpp",
    "python-threads",
    "python-asyncio",
    "ncat",
    "str2str",
    "redis",
    "nats",
];

/// What a server takes that may not be there.
const MISSING: [(&str, &str); 8] = [
    ("go", "go"),
    ("cpp", "g++"),
    ("python-threads", "python3"),
    ("python-asyncio", "python3"),
    ("ncat", "ncat"),
    ("str2str", "str2str"),
    ("redis", "redis-server"),
    ("nats", "nats-server"),
];
