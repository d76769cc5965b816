//! The timekeeper: monotonic time since the start, less the time during which the process was stopped.
//!
//! Layer: relay. Owns the promise that nobody is thrown out because *fanout* was asleep: after a
//! SIGSTOP, a debugger or an overloaded host, every deadline would be overdue at once. The lost
//! time is left out of the count instead. Knows neither the clock that is read nor what the
//! deadlines are for.

use std::time::Duration;

/// Turns readings of a monotonic clock into the time of the turn.
#[derive(Debug, Default)]
pub struct Timekeeper {
    /// Time left out of the count.
    lost: Duration,
    /// The last reading.
    now: Duration,
}

impl Timekeeper {
    /// The time as of the last reading.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Moves on to `elapsed`, the reading after work, which is known to take much less than
    /// [`TOO_LATE`].
    pub fn read(&mut self, elapsed: Duration, was_stopped: bool) -> Duration {
        self.advance(elapsed, Duration::ZERO, TOO_LATE, was_stopped)
    }

    /// Moves on to `elapsed`, the reading after a poll that was to take no longer than `patience`.
    /// An interrupted poll that took longer was stopped in the middle: that is how it reports a
    /// SIGCONT even without a handler (`signal(7)`).
    pub fn wake(
        &mut self,
        elapsed: Duration,
        patience: Option<Duration>,
        was_interrupted: bool,
        was_stopped: bool,
    ) -> Duration {
        let tolerance = if was_interrupted {
            Duration::ZERO
        } else {
            TOO_LATE
        };
        // Without a deadline nothing can be overdue, however long it took.
        let foreseen = patience.unwrap_or(Duration::MAX);
        self.advance(elapsed, foreseen, tolerance, was_stopped)
    }

    /// Moves on to `elapsed`, unless the process was stopped in between, or it is later than
    /// foreseen: then the whole of it is lost.
    fn advance(
        &mut self,
        elapsed: Duration,
        foreseen: Duration,
        tolerance: Duration,
        was_stopped: bool,
    ) -> Duration {
        let reading = elapsed.saturating_sub(self.lost);
        let latest = self.now.saturating_add(foreseen).saturating_add(tolerance);
        if was_stopped || reading > latest {
            self.lost += reading.saturating_sub(self.now);
        } else {
            self.now = reading;
        }
        self.now
    }
}

/// Later than this was not the scheduler of a busy machine.
pub const TOO_LATE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn time_on_schedule_counts_and_lost_time_does_not() {
        let mut keeper = Timekeeper::default();
        assert_eq!(keeper.wake(MS(100), Some(MS(100)), true, false), MS(100));
        // Foreseen was 200 ms at most; the process was stopped for an hour.
        let hour = MS(3_600_100);
        assert_eq!(keeper.wake(hour, Some(MS(200)), false, false), MS(100));
        let later = MS(3_600_150);
        assert_eq!(keeper.wake(later, Some(MS(200)), false, false), MS(150));
        assert_eq!(keeper.now(), MS(150));
    }

    #[test]
    fn time_that_includes_a_stop_does_not_count_however_short_it_was() {
        let mut keeper = Timekeeper::default();
        assert_eq!(keeper.wake(MS(150), Some(MS(200)), false, true), MS(0));
        assert_eq!(keeper.wake(MS(250), Some(MS(200)), false, false), MS(100));
        assert_eq!(keeper.read(MS(260), true), MS(100));
    }

    #[test]
    fn being_a_little_late_is_no_loss_unless_the_poll_was_interrupted() {
        let mut keeper = Timekeeper::default();
        assert_eq!(keeper.wake(MS(1200), Some(MS(200)), false, false), MS(1200));
        assert_eq!(keeper.wake(MS(2401), Some(MS(200)), false, false), MS(1200));
        assert_eq!(keeper.wake(MS(2602), Some(MS(200)), true, false), MS(1200));
        assert_eq!(keeper.read(MS(3602), false), MS(2200));
    }

    #[test]
    fn without_a_deadline_nothing_is_overdue() {
        let mut keeper = Timekeeper::default();
        assert_eq!(keeper.wake(MS(90_000), None, true, false), MS(90_000));
    }
}
