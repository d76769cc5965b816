//! The stream: an upstream connection that has been made.
//!
//! Layer: reactor. Owns its readiness and its silence: how long no byte and no frame has come,
//! counting only the time during which fanout was willing to read. Knows nothing of what follows
//! a loss.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use log::warn;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::token::Role;
use crate::config::Span;
use crate::relay::Relay;
use crate::relay::intake::IntakeEnd;

pub(super) struct Stream {
    socket: TcpStream,
    addr: SocketAddr,
    /// Something may be there to read: set by an event, cleared by would-block.
    readable: bool,
    /// It is not registered: while frames are held back, more of them need wake nobody up.
    unheard: bool,
    /// Frames completed on this connection.
    frames: u64,
    /// When it last gave a byte, or was last left unread.
    silent_since: Duration,
    /// When it last completed a frame, or was last left unread, unless it has been called stale
    /// since.
    frameless_since: Option<Duration>,
}

/// Whether the stream has come to its end.
pub(super) enum StreamEnd {
    /// It has not.
    Open,
    /// The upstream has closed its side.
    Ended,
    /// The connection is broken.
    Failed(io::Error),
}

impl Stream {
    pub(super) fn new(socket: TcpStream, addr: SocketAddr, now: Duration) -> Self {
        Self {
            socket,
            addr,
            // Bytes may have come together with the news that the connection was made.
            readable: true,
            unheard: false,
            frames: 0,
            silent_since: now,
            frameless_since: Some(now),
        }
    }

    pub(super) fn note(&mut self, event: &Event) {
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.readable = true;
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// There are bytes to be read that no event will announce.
    pub(super) fn has_unread(&self, relay: &Relay<TcpStream>, now: Duration) -> bool {
        self.readable || (self.unheard && !relay.can_wait(now))
    }

    /// Reads what there is, as far as the relay has room for it. Does not listen for more while
    /// frames are held back, if little comes meanwhile: with a frame a millisecond and ten
    /// milliseconds of linger, that is two wake-ups in the place of ten.
    pub(super) fn take_in(
        &mut self,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) -> StreamEnd {
        if self.unheard {
            if relay.can_wait(now) {
                return StreamEnd::Open;
            }
            if let Err(error) =
                registry.register(&mut self.socket, Role::Upstream.into(), Interest::READABLE)
            {
                return StreamEnd::Failed(error);
            }
            self.unheard = false;
            self.readable = true;
            self.silent_since = now;
        }
        let end = self.read(relay, now);
        if matches!(end, StreamEnd::Open) && !self.readable && relay.can_wait(now) {
            // If that fails, it is heard as before.
            self.unheard = registry.deregister(&mut self.socket).is_ok();
        }
        end
    }

    fn read(&mut self, relay: &mut Relay<TcpStream>, now: Duration) -> StreamEnd {
        if !self.readable {
            return StreamEnd::Open;
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
            IntakeEnd::Drained | IntakeEnd::BudgetSpent | IntakeEnd::Held => StreamEnd::Open,
            IntakeEnd::Ended => StreamEnd::Ended,
            IntakeEnd::Failed(error) => StreamEnd::Failed(error),
        }
    }

    /// Says once that no frame has come for too long.
    pub(super) fn tell_if_stale(&mut self, stale_after: Option<Duration>, now: Duration) {
        let (Some(limit), Some(since)) = (stale_after, self.frameless_since) else {
            return;
        };
        if !self.unheard && now >= since + limit {
            self.frameless_since = None;
            warn!(
                "upstream stale addr={} silent_for={}: connected but no frames; \
                 is server A busy with another client?",
                self.addr,
                Span(limit)
            );
        }
    }

    /// The time without a byte after which it is to be given up, if that is over.
    pub(super) fn given_up(
        &self,
        upstream_timeout: Option<Duration>,
        now: Duration,
    ) -> Option<Duration> {
        upstream_timeout.filter(|&limit| !self.unheard && now >= self.silent_since + limit)
    }

    /// When one of the two is due. Never while it is known to have bytes unread: then the silence
    /// is ours.
    pub(super) fn deadline(
        &self,
        upstream_timeout: Option<Duration>,
        stale_after: Option<Duration>,
    ) -> Option<Duration> {
        if self.readable || self.unheard {
            return None;
        }
        let given_up = upstream_timeout.map(|limit| self.silent_since + limit);
        let stale = stale_after
            .zip(self.frameless_since)
            .map(|(limit, since)| since + limit);
        [given_up, stale].into_iter().flatten().min()
    }
}
