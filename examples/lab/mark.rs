//! What the sink says when it is asked for a mark. A measurement is the difference between two of them.

use serde::{Deserialize, Serialize};

/// The sink's counters and the server's CPU time in one moment. Latencies are those since the mark before, of the
/// clients that read everything at once; all four are 0 where latency is not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// On the system-wide monotonic clock.
    pub(crate) at_ns: u64,
    /// User and system time of all the server's threads so far.
    pub(crate) cpu_ns: u64,
    /// Complete frames that all clients have read so far.
    pub(crate) deliveries: u64,
    /// Frames that clients were skipped over so far.
    pub(crate) skipped: u64,
    /// Half of the frames were at most so old when read.
    pub(crate) p50_ns: u64,
    /// 99 of 100 frames were at most so old when read.
    pub(crate) p99_ns: u64,
    /// 999 of 1,000 frames were at most so old when read.
    pub(crate) p999_ns: u64,
    /// No frame was older when read.
    pub(crate) max_ns: u64,
}
