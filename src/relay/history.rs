//! The history: how much was received and delivered in each of the last seconds, and to how many.
//!
//! Layer: relay. Owns the promise that it wakes nobody up: nothing changes while the loop sleeps, so
//! the seconds that have passed are closed when the next turn begins, with the counters as they are.
//! Knows neither what the counters mean nor who draws them.
//!
//! ```text
//!   seconds         │  1  │  2  │  3  │  4  │  5  │
//!   turns             ╵ ╵     ╵           ╵      ╵
//!   closed by                 1           2, 3   4      what a turn did belongs to the second
//!                                                       in which it began
//! ```

use std::collections::VecDeque;
use std::time::Duration;

/// The last whole seconds.
#[derive(Debug)]
pub struct History {
    /// Oldest first; at most `kept`.
    seconds: VecDeque<Second>,
    kept: usize,
    /// The second that is under way, since the start of the clock.
    current: u64,
    /// The counters when it began.
    frames: u64,
    delivered: u64,
}

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Frames received in it.
    pub frames: u64,
    /// Frames delivered in it, over all clients.
    pub delivered: u64,
    /// Clients at its end.
    pub clients: u64,
}

/// What one second takes, in bytes.
pub const SECOND_BYTES: u64 = size_of::<Second>() as u64;

impl History {
    /// No second has passed. The last `kept` are remembered; 0 remembers none and takes no memory.
    #[must_use]
    pub fn new(kept: usize) -> Self {
        Self {
            seconds: VecDeque::with_capacity(kept),
            kept,
            current: 0,
            frames: 0,
            delivered: 0,
        }
    }

    /// Closes the seconds that have passed. `frames` and `delivered` count since the start; they and
    /// `clients` have stood still since the end of the last turn.
    pub(super) fn advance(&mut self, now: Duration, frames: u64, delivered: u64, clients: u64) {
        let current = now.as_secs();
        if current <= self.current || self.kept == 0 {
            return;
        }
        // The one under way, and the ones that were slept through.
        self.push(Second {
            frames: frames - self.frames,
            delivered: delivered - self.delivered,
            clients,
        });
        let slept = current - self.current - 1;
        let most = slept.min(self.kept as u64);
        for _ in 0..most {
            self.push(Second {
                clients,
                ..Second::default()
            });
        }
        self.current = current;
        self.frames = frames;
        self.delivered = delivered;
    }

    fn push(&mut self, second: Second) {
        if self.seconds.len() == self.kept {
            self.seconds.pop_front();
        }
        self.seconds.push_back(second);
    }

    /// The whole seconds that are remembered, oldest first.
    #[must_use]
    pub fn seconds(&self) -> impl ExactSizeIterator<Item = &Second> {
        self.seconds.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn seconds(history: &History) -> Vec<(u64, u64, u64)> {
        let seconds = history.seconds();
        seconds
            .map(|second| (second.frames, second.delivered, second.clients))
            .collect()
    }

    #[test]
    fn what_a_turn_did_belongs_to_the_second_in_which_it_began() {
        let mut history = History::new(10);
        history.advance(MS(100), 0, 0, 0);
        history.advance(MS(900), 3, 6, 2);
        assert_eq!(history.seconds().len(), 0, "the first is under way");
        history.advance(MS(1200), 5, 10, 2);
        assert_eq!(seconds(&history), [(5, 10, 2)]);
        history.advance(MS(1999), 6, 12, 3);
        history.advance(MS(4000), 7, 13, 1);
        let all = [(5, 10, 2), (2, 3, 1), (0, 0, 1), (0, 0, 1)];
        assert_eq!(seconds(&history), all);
    }

    #[test]
    fn hours_of_sleep_leave_as_many_seconds_as_are_kept() {
        let mut history = History::new(3);
        let capacity = history.seconds.capacity();
        history.advance(MS(1000), 4, 4, 1);
        history.advance(Duration::from_secs(86_400), 5, 5, 7);
        assert_eq!(seconds(&history), [(0, 0, 7); 3]);
        history.advance(Duration::from_secs(86_401), 9, 6, 8);
        assert_eq!(seconds(&history), [(0, 0, 7), (0, 0, 7), (4, 1, 8)]);
        assert_eq!(history.seconds.capacity(), capacity);
        history.advance(Duration::MAX, 9, 6, 8);
    }

    #[test]
    fn where_none_are_kept_nothing_is() {
        let mut history = History::new(0);
        history.advance(MS(5000), 4, 4, 1);
        assert_eq!(
            (history.seconds().len(), history.seconds.capacity()),
            (0, 0)
        );
    }
}
