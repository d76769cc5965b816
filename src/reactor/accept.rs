//! The entrance: connections are accepted, admitted or refused, and seated.
//!
//! Layer: reactor. Owns the rule that a failed `accept` costs one connection at most, and that a
//! process out of descriptors neither spins nor forgets those who wait. Knows nothing of what is
//! sent to whom.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use log::warn;
use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::listener::Listener;
use super::report::Report;
use super::socket::{self, ClientOptions};
use super::token::Role;
use crate::error::Error;
use crate::relay::Relay;
use crate::relay::accept_pause::AcceptPause;
use crate::relay::admission::Admission;
use crate::relay::client::Card;
use crate::relay::clients::{Newcomer, Parted};
use crate::relay::limits::{ACCEPT_FAILURES_IN_A_ROW, ACCEPTS_PER_TURN};

/// All listeners, and who may come in.
pub(super) struct Entrance {
    listeners: Vec<Listener>,
    admission: Admission,
    pause: AcceptPause,
    options: ClientOptions,
}

impl Entrance {
    pub(super) fn new(
        listeners: Vec<Listener>,
        admission: Admission,
        options: ClientOptions,
    ) -> Self {
        Self {
            listeners,
            admission,
            pause: AcceptPause::default(),
            options,
        }
    }

    /// The addresses that clients connect to; none once it is closed.
    pub(super) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .map(|listener| listener.addr)
            .collect()
    }

    /// Notes that a connection may be waiting.
    pub(super) fn note(&mut self, index: usize) {
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.acceptable = true;
        }
    }

    /// A connection may be waiting and may be accepted now.
    pub(super) fn has_work(&self, now: Duration) -> bool {
        self.pause.is_open(now) && self.is_anybody_waiting()
    }

    /// When to try again, while accepting is paused.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.pause.deadline()
    }

    /// Closes every listener. Connections that still wait are reset by the kernel.
    pub(super) fn close(&mut self, registry: &Registry) {
        for mut listener in self.listeners.drain(..) {
            // Closing the socket takes it out of the poll in any case.
            let _ = registry.deregister(&mut listener.socket);
        }
        self.pause.end();
    }

    /// A client has left: its seat and its descriptor are free again.
    pub(super) fn leave<S>(&mut self, parted: &Parted<S>, now: Duration) {
        let card = &parted.card;
        self.admission.leave(card.addr.ip(), card.listener.into());
        self.pause.hasten(now);
    }

    /// Accepts whoever waits, as much as one turn's budget permits.
    pub(super) fn accept(
        &mut self,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        report: &mut Report,
        now: Duration,
    ) -> Result<(), Error> {
        for place in 0..self.listeners.len() {
            let mut failures = 0;
            for _ in 0..ACCEPTS_PER_TURN {
                let listener = &mut self.listeners[place];
                if !listener.acceptable || !self.pause.is_open(now) {
                    break;
                }
                match listener.socket.accept() {
                    Ok((stream, addr)) => {
                        failures = 0;
                        self.resume(report, now);
                        self.welcome(place, stream, addr, relay, registry, report, now);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        listener.acceptable = false;
                        self.resume(report, now);
                    }
                    Err(error) => {
                        relay.stats_mut().accept_errors += 1;
                        failures += 1;
                        self.judge(place, error, failures, report, now)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What a failed `accept` means for the others who wait.
    fn judge(
        &mut self,
        place: usize,
        error: io::Error,
        failures: usize,
        report: &mut Report,
        now: Duration,
    ) -> Result<(), Error> {
        match AcceptFailure::of(&error) {
            AcceptFailure::Connection if failures < ACCEPT_FAILURES_IN_A_ROW => Ok(()),
            AcceptFailure::Connection | AcceptFailure::Exhaustion => {
                if self.pause.begin(now) {
                    report.accept_paused(&error, now);
                }
                Ok(())
            }
            AcceptFailure::Listener => Err(Error::Accept {
                addr: self.listeners[place].addr,
                source: error,
            }),
        }
    }

    fn resume(&mut self, report: &mut Report, now: Duration) {
        if self.pause.end() {
            report.accept_resumed(now);
        }
    }

    fn is_anybody_waiting(&self) -> bool {
        self.listeners.iter().any(|listener| listener.acceptable)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a turn are kept apart on purpose"
    )]
    fn welcome(
        &mut self,
        place: usize,
        mut stream: TcpStream,
        addr: SocketAddr,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        report: &mut Report,
        now: Duration,
    ) {
        let listener = &self.listeners[place];
        let index = listener.index;
        if let Err(refusal) = self.admission.enter(addr.ip(), index.into()) {
            socket::reset_on_close(&stream);
            relay.stats_mut().count_refusal(refusal);
            report.refused(addr, refusal, now);
            return;
        }
        socket::prepare_client(&stream, &self.options);
        let seat = relay.vacant_seat();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = registry.register(&mut stream, Role::Client(seat).into(), interest) {
            // Out of memory, or of fs.epoll.max_user_watches: its own bad luck, as with accept.
            socket::reset_on_close(&stream);
            self.admission.leave(addr.ip(), index.into());
            relay.stats_mut().accept_errors += 1;
            warn!("client not registered addr={addr} error=\"{error}\"");
            return;
        }
        let card = Card {
            serial: 0,
            addr,
            listener: index,
            policy: listener.policy,
            joined_at: now,
        };
        let start = relay.start_of_last(listener.replay);
        let serial = relay.seat(Newcomer {
            socket: stream,
            card,
            start,
        });
        report.joined(serial, addr, relay.clients().len(), now);
    }
}

/// What a failed `accept` says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptFailure {
    /// That connection is lost, and the next may be fine: Linux hands over errors of the new
    /// socket (`accept(2)`, "Error handling"); macOS can give a descriptor without an address,
    /// which arrives here as invalid input.
    Connection,
    /// Descriptors or memory have run out.
    Exhaustion,
    /// The listener itself is broken.
    Listener,
}

impl AcceptFailure {
    fn of(error: &io::Error) -> Self {
        const ENOMEM: i32 = 12;
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const EBADF: i32 = 9;
        const EINVAL: i32 = 22;
        const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
        const ENOTSOCK: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };
        match error.raw_os_error() {
            Some(EMFILE | ENFILE | ENOBUFS | ENOMEM) => Self::Exhaustion,
            Some(EBADF | ENOTSOCK) => Self::Listener,
            // On macOS, the client was gone before it was accepted.
            Some(EINVAL) if cfg!(target_os = "linux") => Self::Listener,
            _ => Self::Connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_costs_what_it_must_and_no_more() {
        let of = |number| AcceptFailure::of(&io::Error::from_raw_os_error(number));
        for exhausted in [12, 23, 24] {
            assert_eq!(of(exhausted), AcceptFailure::Exhaustion, "{exhausted}");
        }
        // EPERM and EINTR; no address at all, as macOS has it.
        for lost in [1, 4] {
            assert_eq!(of(lost), AcceptFailure::Connection, "{lost}");
        }
        let no_address = io::Error::from(ErrorKind::InvalidInput);
        assert_eq!(AcceptFailure::of(&no_address), AcceptFailure::Connection);
        assert_eq!(of(9), AcceptFailure::Listener);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_of_the_new_socket_are_its_own_on_linux() {
        // ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
        // ENETUNREACH (all of accept(2)), ECONNABORTED, ETIMEDOUT, ECONNRESET.
        for number in [100, 71, 92, 112, 64, 113, 95, 101, 103, 110, 104] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(AcceptFailure::of(&error), AcceptFailure::Connection);
        }
        let exhausted = io::Error::from_raw_os_error(105);
        assert_eq!(AcceptFailure::of(&exhausted), AcceptFailure::Exhaustion);
        let shut = io::Error::from_raw_os_error(22);
        assert_eq!(AcceptFailure::of(&shut), AcceptFailure::Listener);
    }
}
