//! Measures: how far behind clients are, how long deliveries take, and how long turns.
//!
//! Layer: relay. Owns the histograms, and the rule that none of them costs a walk or a reading of the
//! clock of its own: each is fed where the numbers pass by. Knows nothing of where they are shown.

use std::io::{Read, Write};

use super::Relay;
use super::histogram::{Histogram, LAG_BOUNDS_FRAMES};

/// What is measured of a relay.
#[derive(Debug)]
pub struct Measures {
    /// At each publication, for each client that may still be written to: how many frames it was
    /// behind just before.
    pub(super) lag_frames: Histogram<u64>,
}

impl Measures {
    pub(super) fn new() -> Self {
        Self {
            lag_frames: Histogram::new(LAG_BOUNDS_FRAMES),
        }
    }

    /// At each publication, for each client that may still be written to: how many frames it was
    /// behind just before.
    #[must_use]
    pub fn lag_frames(&self) -> &Histogram<u64> {
        &self.lag_frames
    }
}

impl<S: Read + Write> Relay<S> {
    /// What has been measured so far.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.clients.measures
    }
}
