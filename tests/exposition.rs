//! The metrics as Prometheus itself reads them: `promtool check metrics` parses the text and has nothing to say about
//! names, types, units and help.
//!
//! Needs promtool, which comes with Prometheus. Without it the tests say that they are skipped; where `CI` is set, they
//! fail.

#[path = "blackbox/cases/tools.rs"]
#[allow(
    dead_code,
    reason = "the tools of another suite, of which this one needs a part"
)]
mod tools;

use std::io::{ErrorKind, Write};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use fanout::admin::exposition::HistogramView;
use fanout::admin::metrics::{
    ClientMetrics, MetricsView, ProcessMetrics, TurnMetrics, UpstreamMetrics, render,
};
use fanout::admin::view::{Connects, Delivered, Departed, Refused};

const TIMES: &[Duration] = &[
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_millis(2500),
];

/// A view that has something of everything, or nothing of anything.
fn view(version: &str, is_busy: bool) -> MetricsView<'_> {
    let some = u64::from(is_busy);
    let times = HistogramView {
        bounds: TIMES,
        counts: if is_busy { &[5, 0, 2, 1] } else { &[0; 4] },
        sum: Duration::from_nanos(some),
    };
    let known = is_busy.then_some(u64::MAX);
    MetricsView {
        version,
        uptime: Duration::ZERO,
        upstream: UpstreamMetrics {
            connected: is_busy,
            last_frame_age: is_busy.then_some(Duration::from_nanos(1)),
            connects: Connects([some; 5]),
            frames: some * u64::MAX,
            bytes: some,
            discarded_bytes: some,
            held: Duration::from_nanos(some),
        },
        clients: ClientMetrics {
            connected: some,
            lagging: some,
            accepted: some,
            refused: Refused([some; 4]),
            departed: Departed([some; 7]),
            lag_frames_max: some,
            lag_frames: HistogramView {
                bounds: &[0, 1, 16_384],
                counts: if is_busy { &[0, 3, 0, 9] } else { &[0; 4] },
                sum: some * 500_000,
            },
        },
        delivered: Delivered {
            frames: some,
            bytes: some,
            skipped: some,
            abandoned: some,
        },
        turns: TurnMetrics {
            turns: some,
            durations: times,
            deliveries: times,
            accept_errors: [some; 9],
            lines_suppressed: some,
        },
        process: ProcessMetrics {
            cpu: is_busy.then_some(Duration::from_millis(10)),
            open_fds: known,
            max_fds: known,
            virtual_memory_bytes: known,
            resident_memory_bytes: known,
            start_time: is_busy.then_some(Duration::from_millis(1_790_000_000_010)),
        },
    }
}

/// What promtool has to say, and whether it fails; nothing if it is missing, which is a failure where `CI` is set.
fn checked(text: &str) -> Option<Output> {
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut promtool = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tools::skipped("promtool is not installed");
            return None;
        }
        started => started.expect("promtool starts"),
    };
    let mut input = promtool.stdin.take().expect("it was piped");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    Some(promtool.wait_with_output().expect("promtool ends"))
}

#[track_caller]
fn check(text: &str) {
    let Some(said) = checked(text) else { return };
    let words = format!(
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    assert!(said.status.success() && words.is_empty(), "{words}\n{text}");
}

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    check(&render(&view("0.1.0", true)));
    check(&render(&view("0.1.0", false)));
}

#[test]
fn promtool_reads_whatever_a_label_holds() {
    check(&render(&view(
        "\\\"}\n# TYPE fanout_clients counter\n\\",
        false,
    )));
}

#[test]
fn promtool_would_say_something() {
    let without_help = "# TYPE cups gauge\ncups 1\n";
    let not_a_histogram = "# HELP a Of.\n# TYPE a counter\na{b=\"c\" 1\n";
    for text in [without_help, not_a_histogram] {
        if let Some(said) = checked(text) {
            assert!(!said.status.success(), "{text}");
        }
    }
}
