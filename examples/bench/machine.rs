//! What the figures are taken on, in the system's own words.

use std::fs;
use std::process::Command;
use std::thread;

use crate::bench::Bench;
use crate::record::Machine;

/// The machine, and the relay under test on it.
pub(crate) fn describe(bench: &Bench) -> Machine {
    Machine {
        processor: processor(),
        cores: cores(),
        kernel: setting("kernel/osrelease"),
        congestion_control: setting("net/ipv4/tcp_congestion_control"),
        tcp_rmem: setting("net/ipv4/tcp_rmem"),
        tcp_wmem: setting("net/ipv4/tcp_wmem"),
        pinning: bench.pinning.to_string(),
        version: version(bench),
        load_average: averages(&read("/proc/loadavg")),
    }
}

/// The model name of the first core.
fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let model = text.lines().find(|line| line.starts_with("model name"));
    model
        .and_then(|line| line.split_once(": "))
        .map_or_else(unknown, |(_, name)| name.to_owned())
}

/// Cores of the machine: this process has left the server's.
fn cores() -> u32 {
    let listed = read("/proc/cpuinfo")
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let own = || thread::available_parallelism().map_or(1, usize::from);
    let count = if listed > 0 { listed } else { own() };
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What the relay says of itself, and the options it was given.
fn version(bench: &Bench) -> String {
    let output = Command::new(bench.programs.relay())
        .arg("--version")
        .output();
    let version = output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    let words: Vec<&str> = [version.as_str()]
        .into_iter()
        .chain(bench.programs.relay_options.iter().map(String::as_str))
        .collect();
    words.join(" ")
}

/// The three averages of `/proc/loadavg`, without the counts that follow.
fn averages(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().take(3).collect();
    words.join(" ")
}

fn setting(name: &str) -> String {
    read(&format!("/proc/sys/{name}")).replace('\t', " ")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_three_numbers() {
        assert_eq!(averages("0.14 0.15 0.46 1/345 9000"), "0.14 0.15 0.46");
    }
}
