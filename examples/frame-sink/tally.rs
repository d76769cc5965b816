//! What is counted for each kind of client.

use hdrhistogram::Histogram;

use crate::Fallible;
use crate::kind::Kind;

/// What all clients of one kind have done.
pub(crate) struct Tally {
    pub(crate) kind: Kind,
    /// Clients that have connected.
    pub(crate) clients: u64,
    /// Complete frames that they have read.
    pub(crate) frames: u64,
    /// Frames that they were skipped over.
    pub(crate) skipped: u64,
    /// How many have ended in each way, by `End as usize`.
    pub(crate) ends: [u64; End::ALL.len()],
    /// Where latency is asked for.
    pub(crate) latencies: Option<Histogram<u64>>,
}

/// How a client's stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server has ended it at a frame boundary.
    Ended,
    /// The client has left by itself: it had enough.
    Left,
    /// The server has thrown it out, and may.
    ThrownOut,
    /// With a broken promise.
    Broken,
}

impl Tally {
    pub(crate) fn new(kind: Kind, with_latencies: bool) -> Fallible<Self> {
        let latencies = if with_latencies {
            let (lowest, highest) = LATENCY_NS;
            Some(Histogram::new_with_bounds(lowest, highest, LATENCY_DIGITS)?)
        } else {
            None
        };
        Ok(Self {
            kind,
            clients: 0,
            frames: 0,
            skipped: 0,
            ends: [0; End::ALL.len()],
            latencies,
        })
    }

    /// Clients that are still connected.
    pub(crate) fn open(&self) -> u64 {
        self.clients - self.ends.iter().sum::<u64>()
    }
}

impl End {
    pub(crate) const ALL: [Self; 4] = [Self::Ended, Self::Left, Self::ThrownOut, Self::Broken];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Left => "left",
            Self::ThrownOut => "thrown out",
            Self::Broken => "broken",
        }
    }
}

/// Latencies that can be told apart, from 1 microsecond to 1 minute, in nanoseconds.
const LATENCY_NS: (u64, u64) = (1_000, 60_000_000_000);

/// Significant digits of a recorded latency.
const LATENCY_DIGITS: u8 = 3;
