//! An attempt: one address of an upstream that is being connected to, and those to try after it.
//!
//! Layer: reactor. Owns the three ways in which a connect can go wrong (at once, later, never)
//! and the rule that a socket is closed before the next one is opened. Knows nothing of the list
//! of upstreams.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use log::info;
use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::socket;
use super::token::Role;

/// A connection that is being made.
pub(super) struct Attempt {
    socket: TcpStream,
    addr: SocketAddr,
    until: Duration,
    /// An event has come: it may be decided.
    noted: bool,
}

/// What has become of an attempt.
pub(super) enum Verdict {
    /// Nothing yet.
    Pending(Attempt),
    /// The connection has been made.
    Connected(TcpStream, SocketAddr),
    /// It has failed, and its socket is closed.
    Failed(Loss),
}

/// An upstream that could not be connected to, or was lost.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) addr: String,
    pub(super) reason: String,
}

/// The addresses of one upstream that have not been tried yet.
pub(super) type Untried = VecDeque<SocketAddr>;

impl Attempt {
    /// Begins to connect to `addr`, and registers the socket. What becomes of that afterwards is the
    /// stream's affair, which is not listened to while frames are held back.
    pub(super) fn begin(
        addr: SocketAddr,
        registry: &Registry,
        until: Duration,
    ) -> Result<Self, Loss> {
        info!("upstream connecting addr={addr}");
        let begun = TcpStream::connect(addr).and_then(|mut socket| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut socket, Role::Upstream.into(), interest)?;
            Ok(socket)
        });
        let socket = begun.map_err(|error| Loss::new(addr, &describe(&error)))?;
        Ok(Self {
            socket,
            addr,
            until,
            noted: false,
        })
    }

    pub(super) fn note(&mut self) {
        self.noted = true;
    }

    pub(super) fn deadline(&self) -> Duration {
        self.until
    }

    /// Decides, if that is possible now.
    pub(super) fn decide(mut self, now: Duration) -> Verdict {
        let connected = if std::mem::take(&mut self.noted) {
            check_connected(&self.socket)
        } else {
            Ok(false)
        };
        let reason = match connected {
            Ok(true) if self.is_to_itself() => {
                // Closed with a reset: TIME_WAIT would keep the upstream off its own port.
                socket::reset_on_close(&self.socket);
                "connected to itself, so nobody listens there".to_owned()
            }
            Ok(true) => return Verdict::Connected(self.socket, self.addr),
            Ok(false) if now < self.until => return Verdict::Pending(self),
            Ok(false) => "connect timed out".to_owned(),
            Err(error) => describe(&error),
        };
        Verdict::Failed(Loss::new(self.addr, &reason))
    }

    /// The system chose the port that is being dialled as the source port, and TCP's simultaneous
    /// open (RFC 9293, section 3.5) did the rest. It happens when a local upstream is down.
    fn is_to_itself(&self) -> bool {
        // Not the address that was dialled: that may be a wildcard.
        let local = self.socket.local_addr();
        local.is_ok_and(|local| self.socket.peer_addr().is_ok_and(|remote| remote == local))
    }
}

impl Loss {
    pub(super) fn new(addr: SocketAddr, reason: &str) -> Self {
        Self {
            addr: addr.to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether the connection has been made. An event alone does not say so: it may be spurious.
///
/// An upstream may send frames and reset the connection before this is asked, or while it is. Its
/// frames can still be read then, though its address is gone; and asking for the error (`SO_ERROR`)
/// would take it for a failed connect. So only reading and `getpeername(2)` are asked, and reading
/// again after the latter has said no: it gives the bytes first and the error after them.
fn check_connected(socket: &TcpStream) -> io::Result<bool> {
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
        match socket.peer_addr().map_err(|error| error.kind()) {
            Ok(_) => return Ok(true),
            Err(ErrorKind::NotConnected | ErrorKind::InvalidInput) => {}
            Err(kind) => return Err(kind.into()),
        }
    }
    Ok(false)
}

/// The system's words for an error, without "(os error 111)".
pub(super) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_described_without_its_number() {
        let refused =
            io::Error::from_raw_os_error(if cfg!(target_os = "linux") { 111 } else { 61 });
        assert_eq!(describe(&refused), "connection refused");
        assert_eq!(describe(&io::Error::other("As it is")), "As it is");
    }

    #[test]
    fn a_connection_to_itself_is_no_connection() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        let addr = socket.local_addr().unwrap();
        socket.connect(&addr).expect("it meets itself");
        socket.set_nonblocking(true).unwrap();
        // Dialled as the wildcard, which names the same port.
        let dialled = SocketAddr::new([0, 0, 0, 0].into(), addr.as_socket().unwrap().port());
        let attempt = Attempt {
            socket: TcpStream::from_std(socket.into()),
            addr: dialled,
            until: Duration::MAX,
            noted: true,
        };
        match attempt.decide(Duration::ZERO) {
            Verdict::Failed(loss) => assert!(loss.reason.contains("itself"), "{loss:?}"),
            Verdict::Pending(_) | Verdict::Connected(..) => panic!("it was taken for an upstream"),
        }
        drop(std::net::TcpListener::bind(addr.as_socket().unwrap()).expect("the port is free"));
    }
}
