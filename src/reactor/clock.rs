//! The clock: reads the system's monotonic clock, and hears of stops.
//!
//! Layer: reactor. Owns the flag that a handler of SIGCONT sets. What the readings mean is the
//! timekeeper's affair.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::relay::timekeeper::Timekeeper;

/// Gives the time of the turn.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    keeper: Timekeeper,
    /// Set when the process goes on after it was stopped; nobody sets it unless signals are
    /// watched.
    continued: Arc<AtomicBool>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            start: Instant::now(),
            keeper: Timekeeper::default(),
            continued: Arc::default(),
        }
    }

    /// What a handler of SIGCONT is to set. It runs before anything else of the process does
    /// (`signal(7)`), so before the next reading.
    pub(super) fn continued(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.continued)
    }

    /// The time as of the last reading.
    pub(super) fn now(&self) -> Duration {
        self.keeper.now()
    }

    /// Reads the clock after work.
    pub(super) fn read(&mut self) -> Duration {
        let (elapsed, was_stopped) = self.look();
        self.keeper.read(elapsed, was_stopped)
    }

    /// Reads the clock after a poll that was to take no longer than `patience`.
    pub(super) fn wake(&mut self, patience: Option<Duration>, was_interrupted: bool) -> Duration {
        let (elapsed, was_stopped) = self.look();
        self.keeper
            .wake(elapsed, patience, was_interrupted, was_stopped)
    }

    fn look(&self) -> (Duration, bool) {
        let elapsed = self.start.elapsed();
        if self.continued.swap(false, Ordering::Relaxed) {
            // Read again: the stop may have come in between, and all of it is to be left out.
            return (self.start.elapsed(), true);
        }
        (elapsed, false)
    }
}
