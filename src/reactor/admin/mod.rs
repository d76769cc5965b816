//! The admin endpoint's sockets: accepted, given their bytes, and closed.
//!
//! Layer: reactor. Owns the endpoint's listening sockets, and the order of its part of a turn. Whose turn it
//! is and how it speaks is in [`crate::admin`]; what it says is found in the files below this one.

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
use super::report::Report;
use super::socket;
use super::stream::Stream;
use super::token::Role;
use crate::admin::connections::Slot;
use crate::admin::origin::Hosts;
use crate::admin::reception::{Allowance, Reception};
use crate::config::Config;
use crate::error::Error;
use crate::relay::accept_error::AcceptError;
use crate::relay::departure::Ending;
use crate::relay::entrance::{Outlook, Round};

/// The endpoint: its listeners, those who ask, and what it knows of the server.
pub(super) struct Admin {
    listeners: Vec<Listener>,
    reception: Reception<Stream>,
    facts: Facts,
}

/// What the endpoint says of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Admin {
    /// Binds its sockets, if there is to be an endpoint.
    pub(super) fn bind(config: &Config, opening: Opening) -> Result<Vec<Listener>, Error> {
        opening.bind(config)
    }

    /// Registers its sockets, if there are any. If not, whoever has said something of them is told.
    pub(super) fn open(
        config: &Config,
        mut listeners: Vec<Listener>,
        facts: Facts,
        registry: &Registry,
    ) -> Result<Option<Self>, Error> {
        if listeners.is_empty() {
            if config.admin.has_options() {
                warn!("admin options unused: there is no --admin");
            }
            return Ok(None);
        }
        for (place, listener) in listeners.iter_mut().enumerate() {
            let token = Role::AdminListener(place).into();
            registry
                .register(listener.socket.source(), token, Interest::READABLE)
                .map_err(Error::system("register the admin listener"))?;
            info!("admin listening addr={}", listener.addr);
        }
        let reception = Reception::new(listeners.len(), Hosts::new(&config.admin.hosts));
        Ok(Some(Self {
            listeners,
            reception,
            facts,
        }))
    }

    /// Notes that a connection may be waiting.
    pub(super) fn note_listener(&mut self, place: usize) {
        self.reception.note_listener(place);
    }

    /// Notes what an event says of a connection, and moves no bytes.
    pub(super) fn note(&mut self, slot: Slot, readable: bool, writable: bool) {
        self.reception.note(slot, readable, writable);
    }

    /// When to come round again even if no event does.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.reception.deadline(now)
    }

    /// Nobody is there and nobody comes.
    pub(super) fn is_quiet(&self) -> bool {
        self.reception.is_quiet()
    }

    /// Does the endpoint's part of a turn. After everything else: nobody waits for it who is served
    /// frames.
    pub(super) fn serve(
        &mut self,
        scene: &mut Scene<'_>,
        registry: &Registry,
        report: &mut Report,
        clock: &mut Clock,
    ) {
        let now = clock.now();
        self.reception.advance(now);
        let mut allowance = Allowance::default();
        self.accept(scene, registry, report, &mut allowance, now);
        // A request mostly comes right behind its connection.
        self.reception.advance(now);
        self.answer(scene, &mut allowance, clock);
        while let Some(socket) = self.reception.next_to_shut_down() {
            // It fails when the other side is gone already; reading will tell.
            let _ = socket.shutdown(Shutdown::Write);
        }
        self.close_done(registry);
    }

    fn answer(&mut self, scene: &mut Scene<'_>, allowance: &mut Allowance, clock: &mut Clock) {
        let mut begun = clock.now();
        while let Some((slot, request)) = self.reception.next_asked(allowance, begun) {
            begun = clock.read();
            let response = answers::respond(&request, &self.facts, scene, begun);
            let done = clock.read();
            self.reception.answer(slot, &request, response, begun, done);
            begun = done;
        }
    }

    fn accept(
        &mut self,
        scene: &mut Scene<'_>,
        registry: &Registry,
        report: &mut Report,
        allowance: &mut Allowance,
        now: Duration,
    ) {
        let mut round = Round::default();
        while let Some(place) = self.reception.next_place(&mut round, allowance, now) {
            // Whoever was put out. Its slot may be given away now: all events of the batch have been noted.
            self.close_done(registry);
            let outcome = self.listeners[place].accept();
            let outlook = match &outcome {
                Ok(_) => self.reception.accepted(&mut round),
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        let stats = scene.core.relay.stats_mut();
                        stats.count_accept_error(AcceptError::of(error));
                    }
                    self.reception.failed(&mut round, error, now)
                }
            };
            match (outlook, &outcome) {
                (Outlook::Paused, Err(error)) => report.accept_paused(error, now),
                (Outlook::Resumed, _) => report.accept_resumed(now),
                (Outlook::Broken, Err(error)) => {
                    // The relay goes on without it.
                    warn!("admin endpoint closed error=\"{error}\"");
                    self.reception.close();
                }
                _ => {}
            }
            if let Ok((stream, _)) = outcome {
                self.seat(stream, registry, now);
            }
        }
    }

    fn seat(&mut self, mut stream: Stream, registry: &Registry, now: Duration) {
        let Some(slot) = self.reception.vacant_slot() else {
            return;
        };
        let token = Role::Admin(slot).into();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(stream.source(), token, interest) {
            debug!("admin connection not registered error=\"{error}\"");
            return;
        }
        // There was a vacant slot.
        let _ = self.reception.seat(stream, now);
    }

    fn close_done(&mut self, registry: &Registry) {
        for (mut stream, ending) in self.reception.reap() {
            if ending == Ending::Reset {
                socket::reset_on_close(&stream);
            }
            // Closing the socket takes it out of the poll in any case.
            let _ = registry.deregister(stream.source());
        }
    }
}
