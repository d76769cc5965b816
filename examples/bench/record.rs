//! What a run of the benchmark leaves behind: the machine, the settings, every sample, and what was found.
//!
//! It owns the form in which this is kept in a file, so that tables and charts can be made again from it. It does not
//! know how anything was measured, nor how it is shown.

use serde::{Deserialize, Deserializer, Serialize};

/// Everything that one run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    /// In the order in which they were measured.
    pub(crate) samples: Vec<Sample>,
    /// What was left out and why, one a line: `skipped: no ncat`.
    pub(crate) skipped: Vec<String>,
    pub(crate) findings: Vec<Finding>,
}

/// What the figures were taken on, in the system's own words; `unknown` for what it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The model name of the first core.
    pub(crate) processor: String,
    /// Cores that this process may use, at least 1.
    pub(crate) cores: u32,
    /// The release of the kernel.
    pub(crate) kernel: String,
    pub(crate) congestion_control: String,
    /// Least, usual and most bytes of a receive buffer.
    pub(crate) tcp_rmem: String,
    /// Least, usual and most bytes of a send buffer.
    pub(crate) tcp_wmem: String,
    /// Which process runs on which core, or why that could not be arranged.
    pub(crate) pinning: String,
    /// What the relay under test says its version is.
    pub(crate) version: String,
    /// Over 1, 5 and 15 minutes, before the first sample.
    pub(crate) load_average: String,
}

/// How the samples were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// How long each sample was measured, in milliseconds.
    pub(crate) window_ms: u64,
    /// How long the load ran before that, in milliseconds.
    pub(crate) warm_up_ms: u64,
    /// Samples of each server under each load, at least 1.
    pub(crate) repetitions: u64,
    /// Whether this was the run of everything, not the short one.
    pub(crate) full: bool,
}

/// One server under one load, measured once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// `saturation`, `paced`, `linger`, ...: the name on the command line.
    pub(crate) scenario: String,
    pub(crate) server: String,
    /// Clients connected.
    pub(crate) clients: u32,
    /// Frames per second that the source sends; 0: as many as are taken.
    pub(crate) rate: u64,
    /// Bytes.
    pub(crate) frame_size: u32,
    /// How long the server holds frames back to send several at once, in microseconds; 0: not at all.
    pub(crate) linger_us: u64,
    /// Samples of the same repetition are neighbours in time: what the machine did meanwhile met them alike.
    pub(crate) repetition: u32,
    pub(crate) figures: Figures,
}

/// What one window showed. A quotient without a divisor is not a number; the file says `null` for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Whole frames that all clients together read in a second of real time.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) deliveries_per_second: f64,
    /// The same for a second of CPU time, user and system, of all the server's threads.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) deliveries_per_cpu_second: f64,
    /// The inverse of that, in nanoseconds.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) cpu_ns_per_delivery: f64,
    /// Half of the frames were at most so old when read, in microseconds. This and the next three: only of paced loads.
    pub(crate) p50_us: Option<f64>,
    /// 99 of 100 frames.
    pub(crate) p99_us: Option<f64>,
    /// 999 of 1,000 frames.
    pub(crate) p999_us: Option<f64>,
    /// All frames.
    pub(crate) max_us: Option<f64>,
    /// The most that the server ever had in memory, kernel buffers not counted.
    pub(crate) peak_resident_bytes: u64,
    /// The server's, at the end of the window.
    pub(crate) threads: u32,
    /// Of all the server's threads, voluntary and not.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) context_switches_per_second: f64,
    /// The server's CPU time in hundredths of one core: above 100 when it used several.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) busy_percent: f64,
    /// CPU time of processes that are no part of the measurement, in hundredths of one core: noise.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) strangers_percent: f64,
    /// Frames that readers were skipped over, of every hundred they were owed: 0 to 100.
    #[serde(deserialize_with = "number_or_null")]
    pub(crate) skipped_percent: f64,
}

/// One demand and what was found: a row of the last table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// What was measured.
    pub(crate) what: String,
    /// What is asked for.
    pub(crate) demand: String,
    /// What was found.
    pub(crate) figure: String,
    /// Whether the figure is what is asked for.
    pub(crate) is_met: bool,
}

/// JSON has no word for what is not a number: it is written as `null`, and has to come back as what it was.
fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}
