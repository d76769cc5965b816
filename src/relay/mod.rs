//! What the program does: frames come in, every client is given each of them.
//!
//! Layer: relay, the lower room. Pure: no poll, no socket, no clock, no log, no thread. It is
//! generic over [`Read`] and [`Write`], time comes in as `now` (a [`Duration`] since the start of
//! the caller's clock), and the next deadline comes out, so all of it runs in a test without a
//! kernel. Knows nothing of `reactor`, which drives it through the verbs of [`Relay`], once a
//! turn and in this order: note, take in, give out, part.

use std::io::{Read, Write};
use std::time::Duration;

pub mod accept_error;
pub mod accept_pause;
pub mod admission;
pub mod backlog;
pub mod backoff;
pub mod client;
pub mod clients;
pub mod core;
mod deadlines;
mod deliveries;
pub mod departure;
pub mod departures;
pub mod endpoint;
pub mod entrance;
mod fan_out;
pub mod frame_log;
mod hearing;
pub mod histogram;
pub mod history;
pub mod intake;
mod lap;
mod lifecycle;
pub mod limits;
pub mod line_budget;
pub mod listing;
pub mod measures;
mod parting;
pub mod phase;
pub mod policy;
pub mod service_status;
pub(crate) mod span;
pub mod stats;
pub mod timekeeper;
pub mod upstream;

#[cfg(test)]
mod tests;

use client::{Client, ClientId};
use clients::{Clients, Newcomer, Parted};
use departure::Reason;
use departures::Departures;
use frame_log::{FrameLog, LogTooLarge, Position};
use history::History;
use limits::{Budgets, UNHEARD_BYTES};
use stats::Stats;

/// The frame log and the clients that are given its frames.
pub struct Relay<S> {
    log: FrameLog,
    clients: Clients<S>,
    linger: Linger,
    /// Somebody may be given frames that were published before it came.
    replays: bool,
    /// When so much has been received, it is looked whether the log can start over.
    next_look: Position,
    /// When the upstream was last looked at, if it was left unread then.
    held_since: Option<Duration>,
    departures: Departures,
    history: History,
}

/// What a relay is made of.
#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// Bytes per frame.
    pub frame_size: usize,
    /// How far the upstream may be read ahead of a fan-out that is under way, in bytes; a frame at
    /// least.
    pub window_bytes: usize,
    /// Frames that a client may lag before its policy acts.
    pub backlog_frames: u64,
    /// Frames published in the past that a newcomer may be given at most: those are kept even when
    /// everybody has them.
    pub replay_frames: u64,
    /// How long complete frames are held back, to send several with one write.
    pub linger: Duration,
    /// A lagging client whose kernel takes no byte for this long is thrown out.
    pub stall_timeout: Option<Duration>,
    /// Clients that have left of whom is remembered why, at the most.
    pub departures_kept: usize,
    /// Whole seconds of which is remembered what flowed, at the most.
    pub history_seconds: usize,
    /// How much is done in one turn.
    pub budgets: Budgets,
}

/// Complete frames that are held back until they are due.
#[derive(Debug)]
struct Linger {
    hold: Duration,
    /// When the oldest frame held back is to be published.
    due: Option<Duration>,
    /// What had been received when frames were published last.
    mark: Position,
    /// What came between the last two publications, in bytes.
    harvest: u64,
}

impl<S: Read + Write> Relay<S> {
    /// A relay without clients.
    ///
    /// # Errors
    /// When the system refuses the memory for the frame log.
    pub fn new(settings: &RelaySettings) -> Result<Self, LogTooLarge> {
        Ok(Self {
            log: FrameLog::new(
                settings.frame_size,
                settings.backlog_frames,
                settings.window_bytes,
            )?,
            clients: Clients::new(settings.stall_timeout, settings.budgets),
            linger: Linger {
                hold: settings.linger,
                due: None,
                mark: 0,
                // Unknown, so as much as can be.
                harvest: u64::MAX,
            },
            replays: settings.replay_frames > 0,
            next_look: 0,
            held_since: None,
            departures: Departures::new(settings.departures_kept),
            history: History::new(settings.history_seconds),
        })
    }

    /// Reserves room for so many clients.
    pub fn reserve(&mut self, clients: usize) {
        self.clients.reserve(clients);
    }

    /// Notes that a client's socket may be read or written, and moves no bytes.
    pub fn note(&mut self, id: ClientId, readable: bool, writable: bool) {
        self.clients.note(id, readable, writable, &self.log);
    }

    /// Publishes complete frames if they need not be held back any longer.
    pub fn publish_due(&mut self, now: Duration) {
        if self.log.complete() == self.log.published() {
            return;
        }
        let due = *self.linger.due.get_or_insert(now + self.linger.hold);
        // What is held back must not keep the upstream from being read.
        if due <= now || self.clients.fill_limit(&self.log) <= self.log.received() {
            self.publish(now);
        }
    }

    fn publish(&mut self, now: Duration) {
        self.linger.due = None;
        self.linger.harvest = self.log.received() - self.linger.mark;
        self.linger.mark = self.log.received();
        self.clients.publish(&mut self.log, now);
    }

    /// Frames are held back, and so little comes meanwhile that it may as well wait in the kernel:
    /// until they are due, nobody need wake up for more.
    #[must_use]
    pub fn can_wait(&self, now: Duration) -> bool {
        self.linger.due.is_some_and(|due| now < due) && self.linger.harvest <= UNHEARD_BYTES
    }

    /// The upstream connection is lost: forgets the frame that it did not complete, and says how
    /// many bytes of it there were.
    pub fn discard_partial(&mut self) -> u64 {
        let discarded = self.log.discard_partial();
        self.linger.mark = self.linger.mark.min(self.log.received());
        self.clients.stats.discarded_bytes += discarded;
        discarded
    }

    /// Throws away what clients have sent, then flushes backlogs, as much as one turn's budget
    /// permits.
    pub fn give_out(&mut self, now: Duration) {
        self.clients.hear();
        self.clients.give_out(&self.log, now);
    }

    /// Does what has become due, except for publishing.
    pub fn check_deadlines(&mut self, now: Duration) {
        self.clients.check_deadlines(&self.log, now);
    }

    /// When to come round again even if no event does.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.clients.next_deadline(), self.linger.due]
            .into_iter()
            .flatten()
            .min()
    }

    /// A client that has been given everything: shut down the sending side of its socket.
    pub fn next_emptied(&mut self) -> Option<&mut Client<S>> {
        self.clients.next_emptied(&self.log)
    }

    /// A client whose kernel had refused bytes for a while and has taken some since, for the first
    /// time: it is slow and alive, and whether it goes on is watched here.
    pub fn next_resumed(&mut self) -> Option<&mut Client<S>> {
        self.clients.next_resumed()
    }

    /// Takes departed clients out of the slab, as many as one turn's budget permits.
    pub fn reap(&mut self) -> Vec<Parted<S>> {
        self.clients.reap(&self.log)
    }

    /// Begins to let everybody go: each client is given its backlog, then its end. Frames held
    /// back are published first; those of which bytes are missing are forgotten.
    pub fn drain(&mut self, reason: Reason, now: Duration) {
        self.discard_partial();
        self.end_hold(now);
        self.publish(now);
        self.clients.drain(reason, &self.log, now);
    }

    /// The drain time is up: who is still behind is reset, who has everything is let go.
    pub fn cut_drain(&mut self) {
        self.clients.cut_drain();
    }

    /// The seat that the next newcomer will take.
    #[must_use]
    pub fn vacant_seat(&self) -> ClientId {
        self.clients.vacant_seat()
    }

    /// Gives a newcomer the vacant seat, and says under which serial number.
    pub fn seat(&mut self, newcomer: Newcomer<S>) -> u64 {
        self.clients.seat(newcomer, &self.log)
    }

    /// Where the stream of a client starts that is to be given the `frames` most recent frames.
    #[must_use]
    pub fn start_of_last(&self, frames: u64) -> Position {
        self.log.start_of_last(frames)
    }

    /// The upstream may be read now.
    pub fn has_room(&mut self) -> bool {
        self.clients.fill_limit(&self.log) > self.log.received()
    }

    /// There is something to do that no event will announce.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.clients.has_work()
    }

    /// Somebody is to be reaped.
    #[must_use]
    pub fn has_departed(&self) -> bool {
        self.clients.has_departed()
    }

    /// The clients.
    #[must_use]
    pub fn clients(&self) -> &Clients<S> {
        &self.clients
    }

    /// Whoever has this seat at the moment, the departed included until they are reaped.
    pub fn client_mut(&mut self, id: ClientId) -> Option<&mut Client<S>> {
        self.clients.slab.get_mut(id.key())
    }

    /// The frame log.
    #[must_use]
    pub fn log(&self) -> &FrameLog {
        &self.log
    }

    /// The counters so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.clients.stats
    }

    /// The counters, for what happens outside of the relay.
    pub fn stats_mut(&mut self) -> &mut Stats {
        &mut self.clients.stats
    }
}
