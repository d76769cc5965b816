//! The phase of a server: serving, or letting everybody go.
//!
//! Layer: relay. Owns what is counted during a drain, and its deadline. Knows nothing of how
//! clients are let go.

use std::time::Duration;

use super::departure::{Ending, Reason};

/// What the server is doing.
#[derive(Debug)]
pub enum Phase {
    /// Accepting, taking in, giving out.
    Serving,
    /// Giving out what is left.
    Draining(Drain),
}

/// What is to be done about orders to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    None,
    /// Begin to let everybody go.
    Drain,
    /// End now.
    Stop,
}

/// A drain under way.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Who is not done by then is reset; none once that has happened.
    until: Option<Duration>,
    /// Clients let go with everything they were owed.
    pub drained: u64,
    /// Clients reset because the time was up.
    pub aborted: u64,
}

impl Phase {
    /// Nobody has been told to go.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        matches!(self, Self::Serving)
    }

    /// When a drain has to be over.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Serving => None,
            Self::Draining(drain) => drain.until,
        }
    }

    /// Whether the time of a drain is up; says so once.
    pub fn is_time_up(&mut self, now: Duration) -> bool {
        match self {
            Self::Serving => false,
            Self::Draining(drain) => drain.until.take_if(|until| *until <= now).is_some(),
        }
    }

    /// Counts a client that left for `reason`, if that is part of a drain.
    pub fn count(&mut self, reason: Reason, ending: Ending) {
        let Self::Draining(drain) = self else {
            return;
        };
        match (reason, ending) {
            // Its socket failed: neither was it given everything, nor was the time up.
            (Reason::Error, _) => {}
            (_, Ending::Reset) => drain.aborted += 1,
            (Reason::Drain | Reason::UpstreamEnd, Ending::Fin) => drain.drained += 1,
            _ => {}
        }
    }
}

impl Drain {
    /// A drain that has to be over at `until`.
    #[must_use]
    pub fn new(until: Duration) -> Self {
        Self {
            until: Some(until),
            drained: 0,
            aborted: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_drain_counts_whom_it_let_go_and_whom_it_reset_and_nobody_else() {
        let mut phase = Phase::Serving;
        phase.count(Reason::Drain, Ending::Fin);
        phase = Phase::Draining(Drain::new(MS(5)));
        for (reason, ending) in [
            (Reason::Drain, Ending::Fin),
            (Reason::UpstreamEnd, Ending::Fin),
            (Reason::Drain, Ending::Fin),
            (Reason::Closed, Ending::Fin),
            (Reason::Error, Ending::Fin),
            (Reason::Drain, Ending::Reset),
            (Reason::Stalled, Ending::Reset),
        ] {
            phase.count(reason, ending);
        }
        let Phase::Draining(drain) = phase else {
            panic!("a drain goes on until everybody has left");
        };
        assert_eq!((drain.drained, drain.aborted), (3, 2));
    }

    #[test]
    fn the_time_of_a_drain_is_up_once_and_that_of_serving_never() {
        let mut phase = Phase::Serving;
        assert!(phase.is_serving() && !phase.is_time_up(MS(1_000_000)));
        assert_eq!(phase.deadline(), None);
        phase = Phase::Draining(Drain::new(MS(5)));
        assert!(!phase.is_serving() && !phase.is_time_up(MS(4)));
        assert_eq!(phase.deadline(), Some(MS(5)));
        assert!(phase.is_time_up(MS(5)));
        assert!(!phase.is_time_up(MS(6)));
        assert_eq!(phase.deadline(), None);
    }
}
