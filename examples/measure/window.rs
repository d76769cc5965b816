//! What is measured: the difference between two marks.

use std::fmt;
use std::str::FromStr;

use crate::table::to_float;

/// The sink's counters and the server's CPU time in one moment. Latencies are those since the mark before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// On the system-wide monotonic clock.
    pub(crate) at_ns: u64,
    /// User and system time of all the server's threads so far.
    pub(crate) cpu_ns: u64,
    /// Complete frames that all clients have read so far.
    pub(crate) deliveries: u64,
    /// Frames that readers were skipped over so far.
    pub(crate) skipped: u64,
    /// Half of the frames were at most so old when read; 0 when not measured.
    pub(crate) p50_ns: u64,
    /// 99 of 100 frames were at most so old when read; 0 when not measured.
    pub(crate) p99_ns: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "mark {} {} {} {} {} {}",
            self.at_ns, self.cpu_ns, self.deliveries, self.skipped, self.p50_ns, self.p99_ns
        )
    }
}

impl FromStr for Mark {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let numbers = line.split_ascii_whitespace().skip(1).map(str::parse);
        match numbers.collect::<Result<Vec<u64>, _>>().as_deref() {
            Ok(&[at_ns, cpu_ns, deliveries, skipped, p50_ns, p99_ns]) => Ok(Self {
                at_ns,
                cpu_ns,
                deliveries,
                skipped,
                p50_ns,
                p99_ns,
            }),
            _ => Err(format!("not a mark: {line:?}")),
        }
    }
}

/// What happened between two marks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    seconds: f64,
    cpu_seconds: f64,
    deliveries: f64,
    skipped: f64,
    p50_us: f64,
    p99_us: f64,
    strangers_seconds: f64,
}

impl Window {
    /// The window from `start` to `end`, while strangers to the measurement used so much CPU time.
    pub(crate) fn between(start: &Mark, end: &Mark, strangers_ns: u64) -> Self {
        Self {
            seconds: to_float(end.at_ns - start.at_ns) / 1e9,
            cpu_seconds: to_float(end.cpu_ns - start.cpu_ns) / 1e9,
            deliveries: to_float(end.deliveries - start.deliveries),
            skipped: to_float(end.skipped - start.skipped),
            p50_us: to_float(end.p50_ns) / 1e3,
            p99_us: to_float(end.p99_ns) / 1e3,
            strangers_seconds: to_float(strangers_ns) / 1e9,
        }
    }

    /// Millions of deliveries for one CPU second of the server.
    pub(crate) fn millions_per_cpu_second(&self) -> f64 {
        self.deliveries / self.cpu_seconds / 1e6
    }

    /// CPU time of the server for one delivery.
    pub(crate) fn cpu_ns_per_delivery(&self) -> f64 {
        self.cpu_seconds * 1e9 / self.deliveries
    }

    /// Thousands of deliveries for one second of real time.
    pub(crate) fn thousands_per_second(&self) -> f64 {
        self.deliveries / self.seconds / 1e3
    }

    /// How much of one core the server used.
    pub(crate) fn busy_percent(&self) -> f64 {
        self.cpu_seconds / self.seconds * 100.0
    }

    /// How much of one core was used by processes that are no part of the measurement: noise.
    pub(crate) fn strangers_percent(&self) -> f64 {
        self.strangers_seconds / self.seconds * 100.0
    }

    /// Frames that readers were skipped over, for every hundred they were owed.
    pub(crate) fn skipped_percent(&self) -> f64 {
        self.skipped / (self.skipped + self.deliveries) * 100.0
    }

    /// The median latency in microseconds.
    pub(crate) fn p50_us(&self) -> f64 {
        self.p50_us
    }

    /// The 99th percentile of latency in microseconds.
    pub(crate) fn p99_us(&self) -> f64 {
        self.p99_us
    }
}
