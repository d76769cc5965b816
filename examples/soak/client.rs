//! One client: its socket, what it does, and how far its stream is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, Type};

use crate::kind::Kind;
use crate::stream::Stream;

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) phase: Phase,
    pub(crate) stream: Stream,
    /// Bytes read.
    pub(crate) bytes: u64,
    pub(crate) said_bytes: u64,
    /// Frames that somebody had read before it connected. Those that were sent and not read yet may be published to it.
    pub(crate) seen_before: u64,
    /// When it acts next, on the monotonic clock: alarms for other moments are of no concern to it.
    pub(crate) acts_at_ns: u64,
}

/// Where a client is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Open,
    /// Open, and not reading for a while.
    Asleep,
    /// Open, and left with something to read or to write for which no event will come.
    Unfinished,
}

impl Client {
    /// Begins to connect the client of this place.
    pub(crate) fn connect(
        registry: &Registry,
        place: usize,
        kind: Kind,
        server: SocketAddr,
        seen_before: u64,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if kind.has_small_window() {
            // It has to be set before connecting (`tcp(7)`).
            socket.set_recv_buffer_size(SMALL_WINDOW_BYTES)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((own_addr(place), 0)).into())?;
        match socket.connect(&server.into()) {
            Err(error) if is_under_way(&error) => {}
            outcome => outcome?,
        }
        let mut socket = TcpStream::from_std(socket.into());
        registry.register(
            &mut socket,
            Token(place),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        Ok(Self {
            socket,
            phase: Phase::Connecting,
            stream: Stream::default(),
            bytes: 0,
            said_bytes: 0,
            seen_before,
            acts_at_ns: 0,
        })
    }

    /// Whether the connection is made; an error if it cannot be.
    pub(crate) fn finish_connecting(&mut self, kind: Kind) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            outcome => outcome?,
        };
        self.phase = Phase::Open;
        if kind == Kind::HalfClosed {
            self.socket.shutdown(Shutdown::Write)?;
        }
        Ok(true)
    }

    /// Leaves with a reset: nothing stays behind in the kernel, and no port is blocked for a minute.
    pub(crate) fn leave(self) {
        // Where that fails, the server has reset it already.
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }
}

/// The address that the client of a place connects from: each its own, so that ports never run out.
fn own_addr(place: usize) -> IpAddr {
    let [_, _, high, low] = u32::try_from(place).unwrap_or(u32::MAX).to_be_bytes();
    // All of 127.0.0.0/8 is this machine (RFC 1122, 3.2.1.3), and 127.0.0.1 is the servers'.
    IpAddr::V4(Ipv4Addr::new(127, 1, high, low))
}

fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// The receive buffer of those who do not read at once: a few frames.
const SMALL_WINDOW_BYTES: usize = 16 * 1024;
