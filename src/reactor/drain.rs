//! The phase of a server: serving, or letting everybody go.
//!
//! Layer: reactor. Owns what is counted during a drain, and what is to be returned after it. Knows
//! nothing of how clients are let go.

use std::time::Duration;

use log::info;

use crate::error::Error;
use crate::relay::departure::{Ending, Reason};

/// What the server is doing.
#[derive(Debug)]
pub(super) enum Phase {
    /// Accepting, taking in, giving out.
    Serving,
    /// Giving out what is left.
    Draining(Drain),
}

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// Who is not done by then is reset; none once that has happened.
    until: Option<Duration>,
    /// Clients let go with everything they were owed.
    drained: u64,
    /// Clients reset because the time was up.
    aborted: u64,
    /// Why it ends in failure, if it does.
    failure: Option<Error>,
}

impl Drain {
    pub(super) fn new(until: Duration, failure: Option<Error>) -> Self {
        Self {
            until: Some(until),
            drained: 0,
            aborted: 0,
            failure,
        }
    }

    /// Counts a client that left for `reason`.
    pub(super) fn count(&mut self, reason: Reason, ending: Ending) {
        match (reason, ending) {
            (_, Ending::Reset) => self.aborted += 1,
            (Reason::Drain | Reason::UpstreamEnd, Ending::Fin) => self.drained += 1,
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.until
    }

    /// Whether the time is up; says so once.
    pub(super) fn is_time_up(&mut self, now: Duration) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// The last client has left.
    pub(super) fn finish(self) -> Result<(), Error> {
        info!("drained clients={} aborted={}", self.drained, self.aborted);
        self.failure.map_or(Ok(()), Err)
    }
}
