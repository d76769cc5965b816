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
