//! One client: its socket, its write buffer, and two readiness bits.
//!
//! Layer: relay. Owns the states below. Knows nothing of other clients, nor of how readiness is
//! learnt.
//!
//! Readiness (registered once for both directions, edge-triggered, never re-registered):
//!
//! ```text
//!   backlog  writable  name                    leaves by
//!   empty    yes       caught up               publish → sending
//!   some     yes       sending                 flush: emptied → caught up; refused → lagging
//!   some     no        lagging                 writable event → sending;
//!                                              policy → skipped, departed, or the upstream waits
//! ```
//!
//! There is no fourth state: the writable bit is cleared by a refusal (or with the connection), and
//! a refusal leaves a backlog.
//!
//! Life:
//!
//! ```text
//!   Joining ──first offer──▶ Live ──drain──▶ Draining ──backlog emptied──▶ Finishing
//!      │                       │                │ time up, or failure          │ its end, or time up
//!      └──────────────────────▶┴───────────────▶┴─────────────────────────────▶┴──▶ Departed
//!                                                         reap, end of a turn ◀─────────┘
//! ```

use std::time::Duration;

use super::backlog::Backlog;
use super::departure::Departure;
use super::endpoint::Endpoint;
use super::frame_log::Position;
use super::policy::SlowPolicy;

/// A seat in the slab, reserved or taken. Valid until the client is reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId(u32);

impl ClientId {
    /// The seat with slab key `key`.
    ///
    /// # Panics
    /// When `key` has more than 32 bits: a process cannot have so many descriptors.
    #[must_use]
    pub fn new(key: usize) -> Self {
        Self(u32::try_from(key).expect("a slab key counts descriptors, which are 32-bit"))
    }

    /// The slab key.
    #[must_use]
    pub fn key(self) -> usize {
        self.0 as usize
    }
}

/// What does not change while a client is connected.
#[derive(Clone, Debug)]
pub struct Card {
    /// The number under which the log speaks of it; never given twice.
    pub serial: u64,
    /// Its address.
    pub addr: Endpoint,
    /// Index of the listener that accepted it.
    pub listener: u16,
    /// What happens when it is slow.
    pub policy: SlowPolicy,
    /// When it was accepted, since the start of the clock.
    pub joined_at: Duration,
}

/// What a client has been given, and has said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Frames whose last byte its kernel took.
    pub frames: u64,
    /// Bytes that its kernel took.
    pub bytes: u64,
    /// Frames it was skipped over.
    pub skipped: u64,
    /// Frames of its replay that were no longer kept when its turn came.
    pub unreplayed: u64,
    /// Bytes that it sent and that were thrown away.
    pub heard_bytes: u64,
}

/// A connected client.
#[derive(Debug)]
pub struct Client<S> {
    /// Where frames go. Anything that reads and writes will do.
    pub socket: S,
    pub(super) card: Card,
    pub(super) tally: Tally,
    pub(super) backlog: Backlog,
    pub(super) life: Life,
    /// Its input may hold something: set by an event, cleared by would-block and by the input's
    /// end. Until it departs, set exactly while the client stands in the queue of those to be
    /// heard.
    pub(super) readable: bool,
    /// Its kernel may take bytes: set on arrival, by an event, and by a write that was taken whole;
    /// cleared by a refusal. Together with a backlog, true exactly while the client, until it
    /// departs, stands in the queue of those to be sent to.
    pub(super) writable: bool,
    pub(super) pace: Pace,
    /// When its kernel last took a byte, or when its backlog last ceased to be empty.
    pub(super) progress_at: Duration,
    /// Its index in the roster.
    pub(super) place: usize,
}

/// Whether a client has ever lagged, and lived through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Its kernel has never refused bytes for longer than a moment.
    Unbroken,
    /// It has refused, and has taken none since.
    Refused,
    /// It has taken bytes again after so long that its window must have been closed.
    Resumed,
}

/// How far a client has come.
#[derive(Debug)]
pub(super) enum Life {
    /// It has been offered nothing yet. The log is kept for it from `since` on, where it joined, and
    /// not from where its replay starts: what is overwritten before its turn comes is not replayed.
    /// So nobody can hold the upstream by merely connecting.
    Joining {
        /// The end of the last frame that was complete when it joined.
        since: Position,
    },
    /// Frames are appended to its backlog.
    Live,
    /// It is given its backlog and no more.
    Draining,
    /// It has been given everything; its own end is waited for.
    Finishing {
        /// Until then.
        until: Duration,
    },
    /// It is on the list of those to be reaped.
    Departed(Departure),
}

impl<S> Client<S> {
    /// What it has been given, and has said.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Its kernel may take bytes, as far as is known.
    #[must_use]
    pub fn is_willing(&self) -> bool {
        self.writable
    }

    /// What it has not been given yet.
    #[must_use]
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Bytes may still be written to it.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        matches!(
            self.life,
            Life::Joining { .. } | Life::Live | Life::Draining
        )
    }

    /// It has a backlog, and its kernel refuses it.
    #[must_use]
    pub fn is_lagging(&self) -> bool {
        !self.writable && self.is_receiving()
    }

    /// It is to be reaped.
    #[must_use]
    pub fn has_departed(&self) -> bool {
        matches!(self.life, Life::Departed(_))
    }

    /// From where on the log must be kept for this client, if it must: fanout has not got round to
    /// it yet, or its policy is that the upstream waits.
    pub(super) fn hold(&self) -> Option<Position> {
        match self.life {
            Life::Joining { since } => Some(since.max(self.backlog.position())),
            Life::Live | Life::Draining
                if self.writable || self.card.policy == SlowPolicy::Wait =>
            {
                Some(self.backlog.position())
            }
            _ => None,
        }
    }
}
