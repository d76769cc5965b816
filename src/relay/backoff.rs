//! Back-off: how long to wait before an upstream is dialled again.
//!
//! Layer: relay. Owns the rule that the nominal wait doubles with every failure, up to the longest
//! one, and starts over only after a connection was worth something. Knows neither clock nor
//! random numbers: both come in.

use std::time::Duration;

/// The nominal wait and its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    /// The next nominal wait, from `shortest` to `longest`.
    nominal: Duration,
}

impl Backoff {
    /// A back-off from `shortest` to `longest`, which must not be less.
    #[must_use]
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            nominal: shortest,
        }
    }

    /// The wait that is due now, somewhere between half and all of the nominal one as `jitter`
    /// (from 0 to 1) says. The next one is twice as long.
    ///
    /// Without jitter, everybody who lost the same upstream would come back at the same moment.
    pub fn next(&mut self, jitter: f64) -> Duration {
        let wait = self.nominal.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        self.nominal = self.nominal.saturating_mul(2).min(self.longest);
        wait
    }

    /// Starts over. To be called when a connection has delivered a complete frame, not when it was
    /// made: an upstream that accepts and closes at once would be dialled in a storm.
    pub fn reset(&mut self) {
        self.nominal = self.shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over_after_a_reset() {
        let mut backoff = Backoff::new(MS(250), MS(1500));
        let waits: Vec<_> = (0..5).map(|_| backoff.next(1.0)).collect();
        assert_eq!(waits, [MS(250), MS(500), MS(1000), MS(1500), MS(1500)]);
        backoff.reset();
        assert_eq!(backoff.next(1.0), MS(250));
    }

    #[test]
    fn jitter_takes_away_half_at_the_most() {
        for jitter in [-1.0, 0.0, 0.3, 0.999, 1.0, 7.0] {
            let wait = Backoff::new(MS(100), MS(100)).next(jitter);
            assert!((MS(50)..=MS(100)).contains(&wait), "{wait:?} at {jitter}");
        }
        assert_eq!(Backoff::new(MS(100), MS(100)).next(0.0), MS(50));
    }

    #[test]
    fn a_wait_of_zero_stays_zero() {
        let mut backoff = Backoff::new(MS(0), MS(0));
        assert_eq!((backoff.next(1.0), backoff.next(1.0)), (MS(0), MS(0)));
    }
}
