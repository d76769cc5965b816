//! The stream: an upstream connection that has been made.
//!
//! Layer: relay. Owns its readiness and its silence: how long no byte and no frame has come,
//! counting only the time during which fanout was willing to read. Knows nothing of what follows
//! a loss.

use std::io::{self, Read, Write};
use std::time::Duration;

use super::Step;
use crate::relay::Relay;
use crate::relay::endpoint::Endpoint;
use crate::relay::intake::IntakeEnd;

#[derive(Debug)]
pub(super) struct Stream<U> {
    pub(super) socket: U,
    pub(super) addr: Endpoint,
    /// Something may be there to read: set by an event, cleared by would-block.
    readable: bool,
    hearing: Hearing,
    /// Frames completed on this connection.
    pub(super) frames: u64,
    /// When the connection was made.
    pub(super) connected_at: Duration,
    /// When it last gave a byte, or was last left unread.
    silent_since: Duration,
    /// When it last completed a frame, or was last left unread, unless it has been called stale
    /// since.
    frameless_since: Option<Duration>,
}

/// Whether news of the socket comes from the kernel.
#[derive(Debug)]
enum Hearing {
    /// It is registered.
    Heard,
    /// It is not: while frames are held back, more of them need wake nobody up.
    Unheard,
    /// It could not be registered again.
    Broken(io::Error),
}

/// What a turn comes to.
#[derive(Debug)]
pub(super) enum StreamEnd {
    /// It goes on, once this has been done.
    Open(Step),
    /// The upstream has closed its side.
    Ended,
    /// The connection is broken.
    Failed(io::Error),
}

impl<U: Read> Stream<U> {
    pub(super) fn new(socket: U, addr: Endpoint, now: Duration) -> Self {
        Self {
            socket,
            addr,
            // Bytes may have come together with the news that the connection was made.
            readable: true,
            hearing: Hearing::Heard,
            frames: 0,
            connected_at: now,
            silent_since: now,
            frameless_since: Some(now),
        }
    }

    pub(super) fn note(&mut self, readable: bool) {
        self.readable |= readable;
    }

    /// There are bytes to be read that no event will announce.
    pub(super) fn has_unread<S: Read + Write>(&self, relay: &Relay<S>, now: Duration) -> bool {
        match self.hearing {
            Hearing::Heard => self.readable,
            Hearing::Unheard => !relay.can_wait(now),
            Hearing::Broken(_) => true,
        }
    }

    /// Reads what there is, as far as the relay has room for it. Asks not to listen for more while
    /// frames are held back, if little comes meanwhile: with a frame a millisecond and ten
    /// milliseconds of linger, that is two wake-ups in the place of ten.
    pub(super) fn take_in<S: Read + Write>(
        &mut self,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> StreamEnd {
        match std::mem::replace(&mut self.hearing, Hearing::Heard) {
            Hearing::Heard => {}
            Hearing::Unheard => {
                self.hearing = Hearing::Unheard;
                return if relay.can_wait(now) {
                    StreamEnd::Open(Step::Rest)
                } else {
                    StreamEnd::Open(Step::Listen)
                };
            }
            Hearing::Broken(error) => return StreamEnd::Failed(error),
        }
        let end = self.read(relay, now);
        if matches!(end, StreamEnd::Open(_)) && !self.readable && relay.can_wait(now) {
            return StreamEnd::Open(Step::Ignore);
        }
        end
    }

    /// It has been registered again, or that has failed.
    pub(super) fn listened(&mut self, outcome: io::Result<()>, now: Duration) {
        match outcome {
            Ok(()) => {
                self.hearing = Hearing::Heard;
                // What came meanwhile is announced by no event.
                self.readable = true;
                self.silent_since = now;
            }
            Err(error) => self.hearing = Hearing::Broken(error),
        }
    }

    /// It has been taken out of the poll.
    pub(super) fn ignored(&mut self) {
        self.hearing = Hearing::Unheard;
    }

    fn read<S: Read + Write>(&mut self, relay: &mut Relay<S>, now: Duration) -> StreamEnd {
        if !self.readable {
            return StreamEnd::Open(Step::Rest);
        }
        let intake = relay.take_in(&mut self.socket, now);
        self.frames += intake.frames;
        let is_held = matches!(intake.end, IntakeEnd::Held);
        if intake.bytes > 0 || is_held {
            self.silent_since = now;
        }
        if intake.frames > 0 || (is_held && self.frameless_since.is_some()) {
            self.frameless_since = Some(now);
        }
        if matches!(intake.end, IntakeEnd::Drained) {
            self.readable = false;
        }
        match intake.end {
            IntakeEnd::Drained | IntakeEnd::BudgetSpent | IntakeEnd::Held => {
                StreamEnd::Open(Step::Rest)
            }
            IntakeEnd::Ended => StreamEnd::Ended,
            IntakeEnd::Failed(error) => StreamEnd::Failed(error),
        }
    }

    /// Says once that no frame has come for too long.
    pub(super) fn has_become_stale(&mut self, limit: Duration, now: Duration) -> bool {
        let since = self.frameless_since;
        let has = self.is_heard() && since.is_some_and(|since| now >= since + limit);
        if has {
            self.frameless_since = None;
        }
        has
    }

    /// It has been said, and no frame has come since.
    pub(super) fn is_stale(&self) -> bool {
        self.frameless_since.is_none()
    }

    /// The time without a byte after which it is to be given up, if that is over.
    pub(super) fn given_up(
        &self,
        upstream_timeout: Option<Duration>,
        now: Duration,
    ) -> Option<Duration> {
        upstream_timeout.filter(|&limit| self.is_heard() && now >= self.silent_since + limit)
    }

    /// When one of the two is due. Never while it is known to have bytes unread: then the silence
    /// is ours.
    pub(super) fn deadline(
        &self,
        upstream_timeout: Option<Duration>,
        stale_after: Option<Duration>,
    ) -> Option<Duration> {
        if self.readable || !self.is_heard() {
            return None;
        }
        let given_up = upstream_timeout.map(|limit| self.silent_since + limit);
        let stale = stale_after
            .zip(self.frameless_since)
            .map(|(limit, since)| since + limit);
        [given_up, stale].into_iter().flatten().min()
    }

    fn is_heard(&self) -> bool {
        matches!(self.hearing, Hearing::Heard)
    }
}
