//! Measures: how far behind clients are, how long deliveries take, and how long turns.
//!
//! Layer: relay. Owns the histograms, and the rule that none of them costs a walk or a reading of the
//! clock of its own: each is fed where the numbers pass by. Knows nothing of where they are shown.

use std::io::{Read, Write};

use std::time::Duration;

use super::Relay;
use super::deliveries::Deliveries;
use super::departures::Departures;
use super::histogram::{DURATION_BOUNDS, Histogram, LAG_BOUNDS_FRAMES};
use super::history::History;

/// What is measured of a relay.
#[derive(Debug)]
pub struct Measures {
    /// At each publication, for each client that may still be written to: how many frames it was
    /// behind just before.
    pub(super) lag_frames: Histogram<u64>,
    pub(super) deliveries: Deliveries,
    turns: Histogram<Duration>,
    /// When the turn that is under way began.
    woken_at: Option<Duration>,
}

impl Measures {
    pub(super) fn new() -> Self {
        Self {
            lag_frames: Histogram::new(LAG_BOUNDS_FRAMES),
            deliveries: Deliveries::new(),
            turns: Histogram::new(DURATION_BOUNDS),
            woken_at: None,
        }
    }

    /// At each publication, for each client that may still be written to: how many frames it was
    /// behind just before.
    #[must_use]
    pub fn lag_frames(&self) -> &Histogram<u64> {
        &self.lag_frames
    }

    /// For each frame that was published while somebody was ready: how long it took from the turn
    /// that completed it to the end of the turn in which the last of those had been offered it.
    /// Clients that catch up are not waited for.
    #[must_use]
    pub fn deliveries(&self) -> &Histogram<Duration> {
        self.deliveries.seconds()
    }

    /// How long turns took, from waking to falling asleep. Time that the timekeeper leaves out, more
    /// than a second at once, is missing.
    #[must_use]
    pub fn turns(&self) -> &Histogram<Duration> {
        &self.turns
    }
}

impl<S: Read + Write> Relay<S> {
    /// A turn begins.
    pub fn begin_turn(&mut self, now: Duration) {
        let stats = &mut self.clients.stats;
        self.history
            .advance(now, stats.frames, stats.delivered, stats.clients);
        stats.turns += 1;
        self.clients.measures.woken_at = Some(now);
    }

    /// Observes what has been delivered by now, before the turn does something else.
    pub fn settle_deliveries(&mut self, now: Duration) {
        let served = self.clients.lap.base();
        self.clients.measures.deliveries.settle(served, now);
    }

    /// The work of a turn is done: observes how long it took, and what it has delivered.
    pub fn settle(&mut self, now: Duration) {
        self.settle_deliveries(now);
        let measures = &mut self.clients.measures;
        if let Some(woken_at) = measures.woken_at.take() {
            measures.turns.observe(now.saturating_sub(woken_at));
        }
    }

    /// Who left lately.
    #[must_use]
    pub fn departures(&self) -> &Departures {
        &self.departures
    }

    /// What flowed lately.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What has been measured so far.
    #[must_use]
    pub fn measures(&self) -> &Measures {
        &self.clients.measures
    }
}
