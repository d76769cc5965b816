//! Server A: one endless row of numbered frames, of which any number of bytes can be sent at a time.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{Domain, SockRef, Socket, Type};

use crate::DEADLINE;
use crate::fault::{Fault, Outcome, broken};
use crate::frame::{Head, STANDARD};
use crate::wait::is_ready;

/// Server A, listening.
pub(crate) struct Upstream {
    listener: TcpListener,
}

/// An address where nobody listens, and nobody else will while this lives.
pub(crate) struct Closed {
    socket: Socket,
}

/// Server A's side of the server's connection.
pub(crate) struct Feed {
    stream: TcpStream,
    /// Bytes of the row of frames that have been sent, here or over an earlier connection.
    position: u64,
}

impl Upstream {
    pub(crate) fn listen() -> Self {
        let socket = Closed::reserve().socket;
        socket.listen(1).expect("it is bound");
        Self {
            listener: socket.into(),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// Waits for the server's connection.
    pub(crate) fn accept(&self) -> Outcome<Feed> {
        if !is_ready(&self.listener, PollFlags::IN, DEADLINE) {
            return Err(Fault::Unproven("it never dials its upstream".to_owned()));
        }
        let (stream, _) = self.listener.accept().expect("somebody has dialled");
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("a time is valid");
        Ok(Feed {
            stream,
            position: 0,
        })
    }
}

impl AsFd for Upstream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Closed {
    pub(crate) fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from((own_loopback(), 0));
        socket
            .bind(&any_port.into())
            .expect("loopback has a free port");
        Self { socket }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        let addr = self.socket.local_addr().expect("it is bound");
        addr.as_socket().expect("it is IPv4")
    }
}

impl Feed {
    /// Goes on with this frame.
    pub(crate) fn starting_at(mut self, sequence: u64) -> Self {
        self.position = sequence * FRAME;
        self
    }

    /// Sends as many bytes as so many frames have.
    pub(crate) fn send(&mut self, frames: u64) -> Outcome {
        self.send_bytes(frames * FRAME)
    }

    /// Sends so many bytes with one write, wherever they begin and end.
    pub(crate) fn send_bytes(&mut self, count: u64) -> Outcome {
        if let Err(error) = self.stream.write_all(&row(self.position, count)) {
            return broken(format!("it does not read its upstream: {error}"));
        }
        self.position += count;
        Ok(())
    }

    /// Sends what is left of a frame that was begun.
    pub(crate) fn finish_frame(&mut self) -> Outcome {
        self.send_bytes(self.position.next_multiple_of(FRAME) - self.position)
    }

    /// Sends what the kernel takes of so many frames without waiting; whether that was something.
    pub(crate) fn offer(&mut self, frames: u64) -> Outcome<bool> {
        self.stream.set_nonblocking(true).expect("it is a socket");
        let written = self.stream.write(&row(self.position, frames * FRAME));
        self.stream.set_nonblocking(false).expect("it is a socket");
        match written {
            Ok(count) => {
                self.position += count as u64;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => broken(format!("it lets its upstream go: {error}")),
        }
    }

    /// How many whole frames have been sent, which is the number of the first that has not.
    pub(crate) fn complete(&self) -> u64 {
        self.position / FRAME
    }

    /// Its own address and that of the server's end.
    pub(crate) fn ends(&self) -> (SocketAddr, SocketAddr) {
        let own = self.stream.local_addr().expect("it is connected");
        (own, self.stream.peer_addr().expect("it is connected"))
    }

    /// Ends its stream.
    pub(crate) fn end(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("it is connected");
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a TCP socket");
    }
}

impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The frame with this sequence number.
pub(crate) fn frame(sequence: u64) -> [u8; STANDARD] {
    let mut bytes = [0; STANDARD];
    let head = Head {
        sequence,
        sent_at_ns: 0,
    };
    head.write(&mut bytes);
    bytes
}

/// So many bytes of the row of frames, from a position on.
fn row(position: u64, count: u64) -> Vec<u8> {
    let end = position + count;
    let mut bytes = Vec::new();
    for sequence in position / FRAME..end.div_ceil(FRAME) {
        bytes.extend_from_slice(&frame(sequence));
    }
    let begin = usize::try_from(position % FRAME).expect("less than a frame");
    let count = usize::try_from(count).expect("it fits into memory");
    bytes[begin..begin + count].to_vec()
}

/// An address of loopback that no other check dials: a server that dials again goes on doing so when its upstream is
/// gone, and the kernel may have given the port to another check.
fn own_loopback() -> Ipv4Addr {
    static TAKEN: AtomicU16 = AtomicU16::new(1);
    if cfg!(not(target_os = "linux")) {
        // There, only this one is up unless somebody configures others.
        return Ipv4Addr::LOCALHOST;
    }
    let [high, low] = TAKEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, 2, high, low)
}

/// Bytes in a frame: the variants know no other size.
const FRAME: u64 = STANDARD as u64;
