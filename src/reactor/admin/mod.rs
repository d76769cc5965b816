//! The admin endpoint's sockets: accepted, given their bytes, and closed.
//!
//! Layer: reactor. Owns two promises: the endpoint has a small share of the loop's time, whoever asks and
//! how often; and of its descriptors there are never more than were reserved. How it speaks is in
//! [`crate::admin`], what it says is found in
//! the files below this one.

mod answers;
mod figures;
mod opening;
mod rows;
mod scene;
mod status;

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use log::{debug, info, warn};
use mio::{Interest, Registry};

pub(super) use self::opening::Opening;
pub(super) use self::scene::{Facts, Scene};
use super::clock::Clock;
use super::listener::Listener;
use super::socket;
use super::stream::Stream;
use super::token::Role;
use crate::admin::connections::{Connections, Slot};
use crate::admin::limits::MAX_CONNECTIONS;
use crate::admin::origin::Hosts;
use crate::config::Config;
use crate::error::Error;
use crate::relay::accept_pause::AcceptPause;
use crate::relay::departure::Ending;

/// The endpoint: its listeners, its connections and what it knows of the server.
pub(super) struct Admin {
    doors: Vec<Door>,
    pause: AcceptPause,
    connections: Connections<Stream>,
    /// Everybody who is connected waits for an answer, so nobody can make room for a newcomer.
    is_crowded: bool,
    /// Nothing is answered before this.
    rest_until: Duration,
    facts: Facts,
}

/// One listening socket.
struct Door {
    listener: Listener,
    /// A connection may be waiting: set by an event, cleared by would-block.
    acceptable: bool,
}

/// What the endpoint says of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Requests answered in one turn: one of them may take a millisecond or two, with many clients.
const ANSWERS_PER_TURN: usize = 1;

/// After each answer the endpoint rests for this many times as long as that took: it has a tenth of the
/// loop's time at the most.
const REST_FACTOR: u32 = 9;

/// Connections accepted in one turn.
const ACCEPTS_PER_TURN: usize = MAX_CONNECTIONS;

impl Admin {
    /// Binds its sockets, if there is to be an endpoint.
    pub(super) fn bind(config: &Config, opening: Opening) -> Result<Vec<Listener>, Error> {
        opening.bind(config)
    }

    /// Registers its sockets, if there are any.
    pub(super) fn open(
        config: &Config,
        mut listeners: Vec<Listener>,
        facts: Facts,
        registry: &Registry,
    ) -> Result<Option<Self>, Error> {
        if listeners.is_empty() {
            return Ok(None);
        }
        let names = config.admin.iter().flat_map(|admin| &admin.hosts);
        for (place, listener) in listeners.iter_mut().enumerate() {
            let token = Role::AdminListener(place).into();
            registry
                .register(listener.socket.source(), token, Interest::READABLE)
                .map_err(Error::system("register the admin listener"))?;
            info!("admin listening addr={}", listener.addr);
        }
        let doors = listeners.into_iter().map(|listener| Door {
            listener,
            acceptable: false,
        });
        Ok(Some(Self {
            doors: doors.collect(),
            pause: AcceptPause::default(),
            connections: Connections::new(Hosts::new(names)),
            is_crowded: false,
            rest_until: Duration::ZERO,
            facts,
        }))
    }

    /// Notes that a connection may be waiting.
    pub(super) fn note_listener(&mut self, place: usize) {
        if let Some(door) = self.doors.get_mut(place) {
            door.acceptable = true;
        }
    }

    /// Notes what an event says of a connection, and moves no bytes.
    pub(super) fn note(&mut self, slot: Slot, readable: bool, writable: bool) {
        self.connections.note(slot, readable, writable);
    }

    /// When to come round again even if no event does.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        if self.is_quiet() {
            return None;
        }
        if self.has_work(now) {
            return Some(now);
        }
        let answer = self.connections.is_asked().then_some(self.rest_until);
        let deadlines = [self.connections.deadline(), self.pause.deadline(), answer];
        deadlines.into_iter().flatten().min()
    }

    /// Nobody is there and nobody comes: all that there is to be said of most turns.
    fn is_quiet(&self) -> bool {
        self.connections.is_empty() && !self.doors.iter().any(|door| door.acceptable)
    }

    fn has_work(&self, now: Duration) -> bool {
        let is_waited_for = self.doors.iter().any(|door| door.acceptable);
        (is_waited_for && !self.is_crowded && self.pause.is_open(now))
            || self.connections.has_work()
            || (self.connections.is_asked() && self.rest_until <= now)
    }

    /// Does the endpoint's part of a turn. After everything else: nobody waits for it who is served
    /// frames.
    pub(super) fn serve(&mut self, scene: &mut Scene<'_>, registry: &Registry, clock: &mut Clock) {
        if self.is_quiet() {
            return;
        }
        let now = clock.now();
        self.connections.advance(now);
        self.accept(registry, now);
        self.answer(scene, clock);
        while let Some(socket) = self.connections.next_to_shut_down() {
            // It fails when the other side is gone already; reading will tell.
            let _ = socket.shutdown(Shutdown::Write);
        }
        self.close_done(registry);
    }

    fn answer(&mut self, scene: &mut Scene<'_>, clock: &mut Clock) {
        for _ in 0..ANSWERS_PER_TURN {
            if !self.connections.is_asked() {
                return;
            }
            let begun = clock.read();
            if begun < self.rest_until {
                return;
            }
            let Some((slot, request)) = self.connections.next_asked() else {
                return;
            };
            let response = answers::respond(&request, &self.facts, scene, begun);
            self.connections.answer(slot, response, begun);
            let done = clock.read();
            self.rest_until = done + done.saturating_sub(begun) * REST_FACTOR;
            self.is_crowded = false;
        }
    }

    fn accept(&mut self, registry: &Registry, now: Duration) {
        if !self.pause.is_open(now) {
            return;
        }
        for place in 0..self.doors.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                if !self.doors[place].acceptable {
                    break;
                }
                if !self.connections.make_room() {
                    self.is_crowded = true;
                    break;
                }
                // Whoever was put out. Its slot may be given away now: all events of the batch have been noted.
                self.close_done(registry);
                if !self.accept_one(place, registry, now) {
                    break;
                }
            }
        }
        // A request mostly comes right behind its connection.
        self.connections.advance(now);
    }

    /// Says whether the next one may be tried.
    fn accept_one(&mut self, place: usize, registry: &Registry, now: Duration) -> bool {
        match self.doors[place].listener.accept() {
            Ok((stream, _)) => {
                self.pause.end();
                self.seat(stream, registry, now);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.pause.end();
                self.doors[place].acceptable = false;
                false
            }
            Err(error) => {
                // Out of descriptors, or that one connection is lost: either way it is tried again soon.
                if self.pause.begin(now) {
                    warn!("admin accept paused error=\"{error}\"");
                }
                false
            }
        }
    }

    fn seat(&mut self, mut stream: Stream, registry: &Registry, now: Duration) {
        let Some(slot) = self.connections.vacant_slot() else {
            return;
        };
        let (token, interest) = (
            Role::Admin(slot).into(),
            Interest::READABLE | Interest::WRITABLE,
        );
        if let Err(error) = registry.register(stream.source(), token, interest) {
            debug!("admin connection not registered error=\"{error}\"");
            return;
        }
        // There was a vacant slot.
        let _ = self.connections.seat(stream, now);
    }

    fn close_done(&mut self, registry: &Registry) {
        for (mut stream, ending) in self.connections.reap() {
            if ending == Ending::Reset {
                socket::reset_on_close(&stream);
            }
            // Closing the socket takes it out of the poll in any case.
            let _ = registry.deregister(stream.source());
        }
    }
}
