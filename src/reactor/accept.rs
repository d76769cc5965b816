//! Accepting: connections are taken from the listeners, admitted or refused, and seated.
//!
//! Layer: reactor. Owns the listening sockets. Who is let in, and when to try, is decided by
//! [`crate::relay::entrance`]. Knows nothing of what is sent to whom.

use std::time::Duration;

use mio::{Interest, Registry};

use super::listener::Listener;
use super::report::Report;
use super::socket::{self, ClientOptions, SocketCore};
use super::stream::Stream;
use super::token::Role;
use crate::error::Error;
use crate::relay::clients::Newcomer;
use crate::relay::endpoint::Endpoint;
use crate::relay::entrance::{Outlook, Round};

/// All listeners, and what is set on the sockets that they give.
pub(super) struct Doors {
    listeners: Vec<Listener>,
    options: ClientOptions,
}

impl Doors {
    pub(super) fn new(listeners: Vec<Listener>, options: ClientOptions) -> Self {
        Self { listeners, options }
    }

    /// Where clients connect; nowhere once they are closed.
    pub(super) fn addrs(&self) -> impl Iterator<Item = &Endpoint> {
        self.listeners.iter().map(|listener| &listener.addr)
    }

    /// Closes every listener. Connections that still wait are reset by the kernel.
    pub(super) fn close(&mut self, registry: &Registry) {
        for mut listener in self.listeners.drain(..) {
            // Closing the socket takes it out of the poll in any case.
            let _ = registry.deregister(listener.socket.source());
        }
    }

    /// Accepts whoever waits, as much as one turn's budget permits.
    pub(super) fn accept(
        &self,
        core: &mut SocketCore,
        registry: &Registry,
        report: &mut Report,
        now: Duration,
    ) -> Result<(), Error> {
        let mut round = Round::default();
        while let Some(place) = core.entrance.next(&mut round, now) {
            let listener = &self.listeners[place];
            match listener.accept() {
                Ok((stream, addr)) => {
                    if core.entrance.accepted(&mut round) == Outlook::Resumed {
                        report.accept_resumed(now);
                    }
                    self.welcome(place, stream, &addr, core, registry, report, now);
                }
                Err(error) => match core.fail_accept(&mut round, &error, now) {
                    Outlook::Unchanged => {}
                    Outlook::Paused => report.accept_paused(&error, now),
                    Outlook::Resumed => report.accept_resumed(now),
                    Outlook::Broken => {
                        let (addr, source) = (listener.addr.clone(), error);
                        return Err(Error::Accept { addr, source });
                    }
                },
            }
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a turn are kept apart on purpose"
    )]
    fn welcome(
        &self,
        place: usize,
        mut stream: Stream,
        addr: &Endpoint,
        core: &mut SocketCore,
        registry: &Registry,
        report: &mut Report,
        now: Duration,
    ) {
        if let Err(refusal) = core.admit(place, addr.ip()) {
            socket::reset_on_close(&stream);
            report.refused(addr, refusal, now);
            return;
        }
        socket::prepare_client(&stream, &self.options);
        let seat = Role::Client(core.relay.vacant_seat());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(stream.source(), seat.into(), interest) {
            // Out of memory, or of fs.epoll.max_user_watches: its own bad luck, as with accept.
            socket::reset_on_close(&stream);
            core.turn_away(place, addr.ip(), &error);
            report.not_registered(addr, &error, now);
            return;
        }
        let (card, replay) = core.entrance.card(place, addr.clone(), now);
        let start = core.relay.start_of_last(replay);
        let serial = core.relay.seat(Newcomer {
            socket: stream,
            card,
            start,
        });
        report.joined(serial, addr, core.relay.clients().len(), now);
    }
}
