//! One client: its socket, what it does, and how far its stream is.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};

use crate::Fallible;
use crate::checker::Checker;
use crate::dialect::Dialect;
use crate::greeting;
use crate::kind::Kind;

/// One client.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) kind: Kind,
    /// Which client this is, of all there ever were.
    pub(crate) serial: u64,
    pub(crate) checker: Checker,
    /// When it last read something, on the monotonic clock; kept up only where silence has a limit.
    pub(crate) heard_at_ns: u64,
    /// Whether it was left with something to read, and is remembered for that.
    pub(crate) is_unfinished: bool,
    /// Bytes it has sent.
    pub(crate) said: usize,
}

impl Client {
    /// Connects a client and waits until the server serves it.
    pub(crate) fn connect(
        addr: SocketAddr,
        kind: Kind,
        serial: u64,
        dialect: Dialect,
    ) -> Fallible<Self> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        if kind == Kind::Slow {
            // The kernel's own would hide for minutes that nobody reads. It has to be set before connecting (`tcp(7)`).
            socket.set_recv_buffer_size(SLOW_RECEIVE_BUFFER_BYTES)?;
        }
        socket.connect(&addr.into())?;
        let mut stream = std::net::TcpStream::from(socket);
        stream.set_read_timeout(Some(GREETING_LIMIT))?;
        greeting::exchange(&mut stream, dialect)?;
        if kind == Kind::HalfClosing {
            match stream.shutdown(Shutdown::Write) {
                // The server has reset it already, which reading will tell.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                outcome => outcome?,
            }
        }
        stream.set_nonblocking(true)?;
        Ok(Self::new(TcpStream::from_std(stream), kind, serial))
    }

    /// A client that is connected, or about to be.
    pub(crate) fn new(stream: TcpStream, kind: Kind, serial: u64) -> Self {
        Self {
            stream,
            kind,
            serial,
            checker: Checker::default(),
            heard_at_ns: 0,
            is_unfinished: false,
            said: 0,
        }
    }

    /// Leaves, every second one with a reset.
    pub(crate) fn leave(self) {
        if self.serial.is_multiple_of(2) {
            // Where that fails, the client is gone already.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// What it is called in reports.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind.name(), self.serial)
    }
}

/// A slow client's receive buffer: a few frames.
const SLOW_RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// How long a server may take to answer the first words.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
