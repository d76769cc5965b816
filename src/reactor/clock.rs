//! The clock: monotonic time since the start, less the time during which the process was stopped.
//!
//! Layer: reactor. Owns the promise that nobody is thrown out because *fanout* was asleep: after a
//! SIGSTOP, a debugger or an overloaded host, every deadline would be overdue at once. The lost
//! time is left out of the count instead. Knows nothing of what the deadlines are for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Gives the time of the turn.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    /// Time left out of the count.
    lost: Duration,
    /// The last reading.
    now: Duration,
    /// Set when the process goes on after it was stopped; nobody sets it unless signals are
    /// watched.
    continued: Arc<AtomicBool>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            start: Instant::now(),
            lost: Duration::ZERO,
            now: Duration::ZERO,
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
        self.now
    }

    /// Reads the clock after work, which is known to take much less than [`TOO_LATE`].
    pub(super) fn read(&mut self) -> Duration {
        self.advance(self.start.elapsed(), Duration::ZERO, TOO_LATE)
    }

    /// Reads the clock after a poll that was to take no longer than `patience`. An interrupted
    /// poll that took longer was stopped in the middle: that is how it reports a SIGCONT even
    /// without a handler (`signal(7)`).
    pub(super) fn wake(&mut self, patience: Option<Duration>, was_interrupted: bool) -> Duration {
        let tolerance = if was_interrupted {
            Duration::ZERO
        } else {
            TOO_LATE
        };
        // Without a deadline nothing can be overdue, however long it took.
        let foreseen = patience.unwrap_or(Duration::MAX);
        self.advance(self.start.elapsed(), foreseen, tolerance)
    }

    /// Moves on to `elapsed`, unless the process was stopped in between, or it is later than
    /// foreseen: then the whole of it is lost.
    fn advance(&mut self, elapsed: Duration, foreseen: Duration, tolerance: Duration) -> Duration {
        let reading = elapsed.saturating_sub(self.lost);
        let latest = self.now.saturating_add(foreseen).saturating_add(tolerance);
        if self.continued.swap(false, Ordering::Relaxed) || reading > latest {
            self.lost += reading.saturating_sub(self.now);
        } else {
            self.now = reading;
        }
        self.now
    }
}

/// Later than this was not the scheduler of a busy machine.
const TOO_LATE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn time_on_schedule_counts_and_lost_time_does_not() {
        let mut clock = Clock::start();
        assert_eq!(clock.advance(MS(100), MS(100), MS(0)), MS(100));
        // Foreseen was 200 ms at most; the process was stopped for an hour.
        assert_eq!(clock.advance(MS(3_600_100), MS(200), MS(1000)), MS(100));
        assert_eq!(clock.advance(MS(3_600_150), MS(200), MS(1000)), MS(150));
    }

    #[test]
    fn time_that_includes_a_stop_does_not_count_however_short_it_was() {
        let mut clock = Clock::start();
        clock.continued().store(true, Ordering::Relaxed);
        assert_eq!(clock.advance(MS(150), MS(200), MS(1000)), MS(0));
        assert_eq!(clock.advance(MS(250), MS(200), MS(1000)), MS(100));
    }

    #[test]
    fn being_a_little_late_is_no_loss() {
        let mut clock = Clock::start();
        assert_eq!(clock.advance(MS(1200), MS(200), MS(1000)), MS(1200));
        assert_eq!(clock.advance(MS(2401), MS(200), MS(1000)), MS(1200));
    }
}
