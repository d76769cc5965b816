//! The head of every report: what the figures were taken on.

use std::fs;
use std::process::Command;

use crate::rig::{Bench, Candidate};

/// Prints what a reader needs to know before the first figure.
pub(crate) fn print_head(bench: &Bench) {
    let repetitions = format!(
        "{} of {:?} after {:?} of warm-up",
        bench.repetitions, bench.window, bench.warm_up
    );
    let processors = processors();
    let lines = [
        ("processor", processors.first().cloned().unwrap_or_default()),
        ("cores", processors.len().to_string()),
        ("kernel", setting("kernel/osrelease")),
        (
            "congestion control",
            setting("net/ipv4/tcp_congestion_control"),
        ),
        ("tcp_rmem", setting("net/ipv4/tcp_rmem")),
        ("tcp_wmem", setting("net/ipv4/tcp_wmem")),
        ("load average", read("/proc/loadavg")),
        ("pinning", bench.pinning.to_string()),
        ("under test", under_test(bench)),
        ("repetitions", repetitions),
    ];
    for (name, value) in lines {
        println!("{name:<20}{value}");
    }
}

/// The model name of each core.
fn processors() -> Vec<String> {
    let text = read("/proc/cpuinfo");
    let models = text.lines().filter(|line| line.starts_with("model name"));
    models
        .filter_map(|line| Some(line.split_once(": ")?.1.to_owned()))
        .collect()
}

fn under_test(bench: &Bench) -> String {
    match &bench.server {
        Candidate::Floor => "the floor itself (two runs of the same thing)".to_owned(),
        Candidate::Fanout { path, options } => {
            let output = Command::new(path).arg("--version").output();
            let version = output.map_or_else(
                |error| error.to_string(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            );
            format!("{version} {}", options.join(" "))
        }
    }
}

fn setting(name: &str) -> String {
    read(&format!("/proc/sys/{name}")).replace('\t', " ")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}
