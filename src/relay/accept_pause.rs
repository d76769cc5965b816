//! The accept pause: what to do while the process is out of descriptors or memory.
//!
//! Layer: relay. Owns the rule that connections which already wait are neither forgotten (the
//! kernel owes no further event for them) nor asked for in a spin (with a full descriptor table
//! `accept` fails even when nobody waits). Knows nothing of listeners.

use std::time::Duration;

use super::limits::ACCEPT_RETRY;

/// Whether connections may be accepted now.
#[derive(Debug, Default)]
pub struct AcceptPause {
    /// When to try again, and how long to wait after that attempt.
    retry: Option<(Duration, Duration)>,
}

impl AcceptPause {
    /// `accept` failed for lack of something that only time or a departure gives back. Says
    /// whether that is news.
    pub fn begin(&mut self, now: Duration) -> bool {
        let (first, longest) = ACCEPT_RETRY;
        let is_news = self.retry.is_none();
        let wait = self.retry.map_or(first, |(_, wait)| wait);
        self.retry = Some((now + wait, (wait * 2).min(longest)));
        is_news
    }

    /// `accept` gave any other answer. Says whether that is news.
    pub fn end(&mut self) -> bool {
        self.retry.take().is_some()
    }

    /// A client has departed and given a descriptor back: the next attempt is due at once.
    pub fn hasten(&mut self, now: Duration) {
        if let Some((at, _)) = &mut self.retry {
            *at = now;
        }
    }

    /// An attempt may be made.
    #[must_use]
    pub fn is_open(&self, now: Duration) -> bool {
        self.retry.is_none_or(|(at, _)| at <= now)
    }

    /// When the next attempt is due, while there is a pause.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.retry.map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn attempts_come_after_100_ms_doubling_to_a_second() {
        let mut pause = AcceptPause::default();
        let mut now = MS(0);
        let mut waits = Vec::new();
        for attempt in 0..6 {
            assert!(pause.is_open(now));
            assert_eq!(pause.begin(now), attempt == 0);
            assert!(!pause.is_open(now));
            let at = pause.deadline().unwrap();
            waits.push(at.saturating_sub(now));
            now = at;
        }
        assert_eq!(
            waits,
            [MS(100), MS(200), MS(400), MS(800), MS(1000), MS(1000)]
        );
    }

    #[test]
    fn a_departure_makes_the_next_attempt_due_at_once() {
        let mut pause = AcceptPause::default();
        pause.hasten(MS(5));
        assert_eq!(pause.deadline(), None);
        pause.begin(MS(10));
        pause.hasten(MS(20));
        assert!(pause.is_open(MS(20)));
        assert!(pause.end());
        assert!(!pause.end());
        assert!(pause.is_open(MS(0)));
    }
}
