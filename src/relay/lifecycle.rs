//! Deadlines and endings: stalled clients, writes to be tried again, and the drain.
//!
//! Layer: relay. Owns the promise that a clean end comes after the whole backlog, and that nobody
//! holds a seat for ever without taking a byte. Time comes in as `now`, the next deadline comes
//! out; both count from the start of the caller's clock.

use std::io::{Read, Write};
use std::time::Duration;

use super::client::{Client, ClientId, Life};
use super::clients::Clients;
use super::deadlines::{is_due, sooner};
use super::departure::{Departure, Reason};
use super::frame_log::FrameLog;
use super::limits::{FINISH_TIMEOUT, STALL_CHECK_INTERVAL};

impl<S: Read + Write> Clients<S> {
    /// The moment at which [`Clients::check_deadlines`] has something to do at the earliest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.next()
    }

    /// Does what has become due.
    pub fn check_deadlines(&mut self, log: &FrameLog, now: Duration) {
        if is_due(self.deadlines.write_retry, now) {
            self.deadlines.write_retry = None;
            self.wake_lagging(log);
        }
        if is_due(self.deadlines.stall_check, now) {
            self.deadlines.stall_check = self.expel_stalled(log, now);
        }
        if is_due(self.deadlines.finish_check, now) {
            self.deadlines.finish_check = self.close_finished(now);
        }
    }

    /// Pretends that every lagging client had a writable edge, because one of them is owed none.
    fn wake_lagging(&mut self, log: &FrameLog) {
        for place in 0..self.roster.len() {
            self.note(self.roster[place], false, true, log);
        }
    }

    /// Throws out who made no progress for the stall timeout, and says when to look again.
    fn expel_stalled(&mut self, log: &FrameLog, now: Duration) -> Option<Duration> {
        let timeout = self.deadlines.stall_timeout?;
        let mut next = None;
        for place in 0..self.roster.len() {
            let id = self.roster[place];
            let client = &self.slab[id.key()];
            if client.writable || !client.is_receiving() || client.backlog.is_empty(log) {
                continue;
            }
            let due = client.progress_at.saturating_add(timeout);
            if due <= now {
                self.depart(id, Departure::by_reset(Reason::Stalled));
            } else {
                sooner(&mut next, due.max(now + STALL_CHECK_INTERVAL));
            }
        }
        next
    }

    /// Lets go of who did not end its side in time; it has been given everything.
    fn close_finished(&mut self, now: Duration) -> Option<Duration> {
        let mut next = None;
        for place in 0..self.roster.len() {
            let id = self.roster[place];
            if let Life::Finishing { until } = self.slab[id.key()].life {
                if until <= now {
                    self.depart(id, Departure::by_fin(self.deadlines.drain_reason()));
                } else {
                    sooner(&mut next, until);
                }
            }
        }
        next
    }

    /// Begins to let everybody go for `reason`: each client is given its backlog, then its end.
    pub fn drain(&mut self, reason: Reason, log: &FrameLog, now: Duration) {
        self.deadlines.drain = Some(reason);
        for place in 0..self.roster.len() {
            let id = self.roster[place];
            if !self.slab[id.key()].is_receiving() {
                continue;
            }
            self.begin(id, log);
            let client = &mut self.slab[id.key()];
            client.life = Life::Draining;
            if client.backlog.is_empty(log) {
                self.finish(id, now);
            }
        }
    }

    /// The drain time is up: who is still behind is reset, who has everything is let go.
    pub fn cut_drain(&mut self) {
        let reason = self.deadlines.drain_reason();
        for place in 0..self.roster.len() {
            let id = self.roster[place];
            match self.slab[id.key()].life {
                Life::Joining { .. } | Life::Live | Life::Draining => {
                    self.depart(id, Departure::by_reset(reason));
                }
                Life::Finishing { .. } => self.depart(id, Departure::by_fin(reason)),
                Life::Departed(_) => {}
            }
        }
    }

    /// A client's backlog has been emptied for good.
    pub(super) fn finish(&mut self, id: ClientId, now: Duration) {
        self.stats.lagging -= u64::from(self.slab[id.key()].is_lagging());
        let until = now + FINISH_TIMEOUT;
        self.slab[id.key()].life = Life::Finishing { until };
        sooner(&mut self.deadlines.finish_check, until);
        self.emptied.push_back(id);
    }

    /// A client whose kernel had refused bytes for a while and has taken some since, for the first
    /// time. It is slow and alive; whether it goes on is watched here. To be called until it gives none.
    pub fn next_resumed(&mut self) -> Option<&mut Client<S>> {
        let id = self.resumed.pop_front()?;
        self.slab.get_mut(id.key())
    }

    /// A client that has been given everything: the caller shuts down the sending side of its
    /// socket. To be called until it gives none.
    pub fn next_emptied(&mut self, log: &FrameLog) -> Option<&mut Client<S>> {
        while let Some(id) = self.emptied.pop_front() {
            if !self.slab[id.key()].has_departed() {
                // It may have ended its own side long ago, and no event will say so again.
                self.note(id, true, false, log);
                return self.slab.get_mut(id.key());
            }
        }
        None
    }
}
