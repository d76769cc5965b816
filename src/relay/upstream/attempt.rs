//! An attempt: one address of an upstream that is being connected to.
//!
//! Layer: relay. Owns the question whether a connection has been made, which an event alone does
//! not answer, and the refusal of a connection to itself. Knows nothing of the list of upstreams.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::news::describe;
use super::{ConnectResult, Dialled};
use crate::relay::endpoint::Endpoint;

/// A connection that is being made.
#[derive(Debug)]
pub(crate) struct Attempt<U> {
    pub(super) socket: U,
    addr: Endpoint,
    until: Duration,
    /// It may be decided: an event has come, or none is needed.
    noted: bool,
}

/// What has become of an attempt.
#[derive(Debug)]
pub(crate) enum Verdict<U> {
    /// Nothing yet.
    Pending(Attempt<U>),
    /// The connection has been made.
    Connected(U, Endpoint),
    /// It has failed for this reason, and its socket is closed.
    Failed(Endpoint, ConnectResult, String),
}

impl<U: Dialled> Attempt<U> {
    /// `socket` is being connected to `addr`, and given up at `until`.
    ///
    /// Unix sockets are connected at once or not at all (unix(7)), and standard input is there
    /// already: of those there is no event to wait for.
    pub(crate) fn new(socket: U, addr: Endpoint, until: Duration) -> Self {
        let noted = addr.inet().is_none();
        Self {
            socket,
            addr,
            until,
            noted,
        }
    }

    /// It can be decided now.
    pub(super) fn is_noted(&self) -> bool {
        self.noted
    }

    pub(crate) fn note(&mut self) {
        self.noted = true;
    }

    pub(super) fn addr(&self) -> &Endpoint {
        &self.addr
    }

    pub(super) fn deadline(&self) -> Duration {
        self.until
    }

    /// Decides, if that is possible now.
    pub(crate) fn decide(mut self, now: Duration) -> Verdict<U> {
        let is_late = now >= self.until;
        // When the time is up, the event may still be on its way.
        let connected = if std::mem::take(&mut self.noted) || is_late {
            check_connected(&self.socket)
        } else {
            Ok(false)
        };
        let (result, reason) = match connected {
            Ok(true) if !self.is_to_itself() => return Verdict::Connected(self.socket, self.addr),
            Ok(true) => (ConnectResult::ToItself, TO_ITSELF),
            Ok(false) if !is_late => return Verdict::Pending(self),
            Ok(false) => (ConnectResult::TimedOut, "connect timed out"),
            Err(error) => {
                let result = ConnectResult::of(&error);
                return Verdict::Failed(self.addr, result, describe(&error));
            }
        };
        let addr = self.addr.clone();
        self.abandon();
        Verdict::Failed(addr, result, reason.to_owned())
    }

    /// Closes the socket with a reset, whatever may become of it: if it has met itself, a
    /// connection in `TIME_WAIT` would keep the upstream off its own port.
    pub(super) fn abandon(self) {
        self.socket.reset_on_close();
    }

    /// The system chose the port that is being dialled as the source port, and TCP's simultaneous
    /// open (RFC 9293, section 3.5) did the rest. It happens when a local upstream is down.
    fn is_to_itself(&self) -> bool {
        // Not the address that was dialled: that may be a wildcard.
        let local = self.socket.local_addr();
        local.is_ok_and(|local| {
            self.socket
                .remote_addr()
                .is_ok_and(|remote| remote == local)
        })
    }
}

/// Whether the connection has been made. An event alone does not say so: it may be spurious.
///
/// An upstream may send frames and reset the connection before this is asked, or while it is. Its
/// frames can still be read then, though its address is gone; and asking for the error (`SO_ERROR`)
/// would take it for a failed connect. So only reading and `getpeername(2)` are asked, and reading
/// again after the latter has said no: it gives the bytes first and the error after them.
fn check_connected(socket: &impl Dialled) -> io::Result<bool> {
    for _ in 0..2 {
        match socket.peek(&mut [0]) {
            Ok(_) => return Ok(true),
            // Nothing to read. While the connection is being made, one of these on each system.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::NotConnected
                ) => {}
            Err(error) => return Err(error),
        }
        // macOS says EINVAL while the connection is being made.
        match socket.remote_addr() {
            Ok(_) => return Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotConnected | ErrorKind::InvalidInput
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

const TO_ITSELF: &str = "connected to itself, so nobody listens there";
