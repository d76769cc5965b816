//! Deadlines of all clients together: a lower bound for each kind, so that asking costs nothing.
//!
//! Layer: relay. Owns the rule that a deadline may be early but never late: whoever looks too soon
//! finds nothing and says when to look again. Knows nothing of what is done then.

use std::time::Duration;

use super::departure::Reason;

/// What is due when. `None` is never.
#[derive(Debug)]
pub(super) struct Deadlines {
    pub(super) stall_timeout: Option<Duration>,
    /// No client stalls before this.
    pub(super) stall_check: Option<Duration>,
    pub(super) write_retry: Option<Duration>,
    /// No finishing client's time is up before this.
    pub(super) finish_check: Option<Duration>,
    /// Why everybody is being let go.
    pub(super) drain: Option<Reason>,
}

impl Deadlines {
    pub(super) fn new(stall_timeout: Option<Duration>) -> Self {
        Self {
            stall_timeout,
            stall_check: None,
            write_retry: None,
            finish_check: None,
            drain: None,
        }
    }

    /// A client lags that made its last progress at `progress_at`.
    pub(super) fn watch_stall(&mut self, progress_at: Duration) {
        if let Some(timeout) = self.stall_timeout {
            sooner(&mut self.stall_check, progress_at.saturating_add(timeout));
        }
    }

    /// A write met `ENOBUFS`.
    pub(super) fn retry_writes(&mut self, at: Duration) {
        sooner(&mut self.write_retry, at);
    }

    pub(super) fn drain_reason(&self) -> Reason {
        self.drain.unwrap_or(Reason::Drain)
    }

    /// The earliest of them.
    pub(super) fn next(&self) -> Option<Duration> {
        [self.stall_check, self.write_retry, self.finish_check]
            .into_iter()
            .flatten()
            .min()
    }
}

/// `deadline` has come.
pub(super) fn is_due(deadline: Option<Duration>, now: Duration) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

/// Moves `deadline` to `candidate` if that comes first.
pub(super) fn sooner(deadline: &mut Option<Duration>, candidate: Duration) {
    *deadline = Some(deadline.map_or(candidate, |deadline| deadline.min(candidate)));
}
