//! Departures: who left lately, and why.
//!
//! Layer: relay. Owns the bound on how many are remembered: room for them is taken at the start, and
//! the oldest makes room for the newest. Knows nothing of where they are shown.

use std::collections::VecDeque;
use std::time::Duration;

use super::client::{Card, Tally};
use super::clients::Parted;
use super::departure::Reason;

/// The last clients that left.
#[derive(Debug)]
pub struct Departures {
    /// Oldest first; at most `kept`.
    ring: VecDeque<Departed>,
    kept: usize,
    total: u64,
}

/// A client that has left.
#[derive(Clone, Debug)]
pub struct Departed {
    /// Its particulars.
    pub card: Card,
    /// What it was given.
    pub tally: Tally,
    /// Why it left.
    pub reason: Reason,
    /// The failure behind [`Reason::Error`], in the words of the system.
    pub error: Option<String>,
    /// When it was reaped, since the start of the clock.
    pub left_at: Duration,
}

/// What one departure takes at the most, in bytes: its place, and the words of a failure.
pub const DEPARTED_BYTES: u64 = size_of::<Departed>() as u64 + 128;

impl Departures {
    /// Nobody yet. The last `kept` are remembered; 0 remembers none and takes no memory.
    #[must_use]
    pub fn new(kept: usize) -> Self {
        Self {
            ring: VecDeque::with_capacity(kept),
            kept,
            total: 0,
        }
    }

    /// A client has left.
    pub(super) fn record<S>(&mut self, parted: &Parted<S>, now: Duration) {
        self.total += 1;
        if self.kept == 0 {
            return;
        }
        if self.ring.len() == self.kept {
            self.ring.pop_front();
        }
        self.ring.push_back(Departed {
            card: parted.card.clone(),
            tally: parted.tally,
            reason: parted.departure.reason,
            error: parted.departure.error.as_ref().map(ToString::to_string),
            left_at: now,
        });
    }

    /// Those who are remembered, the last one first.
    #[must_use]
    pub fn newest_first(&self) -> impl ExactSizeIterator<Item = &Departed> {
        self.ring.iter().rev()
    }

    /// How many have left since the start, the forgotten included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many are remembered at the most.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::net::{Ipv4Addr, SocketAddr};

    use super::super::departure::Departure;
    use super::super::policy::SlowPolicy;
    use super::*;

    fn parted(serial: u64, departure: Departure) -> Parted<()> {
        Parted {
            socket: (),
            card: Card {
                serial,
                addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into(),
                listener: 0,
                policy: SlowPolicy::Wait,
                joined_at: Duration::ZERO,
            },
            tally: Tally::default(),
            departure,
        }
    }

    fn serials(departures: &Departures) -> Vec<u64> {
        let serials = departures.newest_first();
        serials.map(|departed| departed.card.serial).collect()
    }

    #[test]
    fn the_last_ones_are_remembered_in_the_room_that_was_taken_at_the_start() {
        let mut departures = Departures::new(3);
        let capacity = departures.ring.capacity();
        for serial in 1..=8 {
            let departure = Departure::by_fin(Reason::Closed);
            departures.record(&parted(serial, departure), Duration::from_secs(serial));
        }
        assert_eq!(serials(&departures), [8, 7, 6]);
        assert_eq!((departures.total(), departures.kept()), (8, 3));
        assert_eq!(departures.ring.capacity(), capacity);
    }

    #[test]
    fn an_error_is_remembered_in_words() {
        let mut departures = Departures::new(1);
        let failure = Departure::by_failure(Error::from(ErrorKind::HostUnreachable));
        departures.record(&parted(1, failure), Duration::from_secs(5));
        let departed = departures.newest_first().next().unwrap();
        assert_eq!(departed.error.as_deref(), Some("host unreachable"));
        assert_eq!(departed.reason, Reason::Error);
        assert_eq!(departed.left_at, Duration::from_secs(5));
    }

    #[test]
    fn where_none_are_kept_they_are_counted_and_nothing_else() {
        let mut departures = Departures::new(0);
        let departure = Departure::by_reset(Reason::Slow);
        departures.record(&parted(1, departure), Duration::ZERO);
        assert_eq!(
            (departures.total(), departures.newest_first().len()),
            (1, 0)
        );
        assert_eq!(departures.ring.capacity(), 0);
    }
}
