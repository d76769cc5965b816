//! A client that checks all it reads: whole frames, in order, none twice, none missing, none from before it connected.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, SockRef, Socket, Type};

use crate::DEADLINE;
use crate::fault::{Outcome, broken, ensure};
use crate::frame::STANDARD;
use crate::upstream::frame;
use crate::wait::{is_ready, wait_for_some};

/// Its socket never blocks.
pub(crate) struct Client {
    stream: TcpStream,
    /// What has been read of a frame that is not whole yet.
    begun: Vec<u8>,
    /// The oldest frame that its stream may begin with.
    earliest: u64,
    /// The number after that of the last frame read; none before the first.
    next: Option<u64>,
    ended: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

/// How much the kernel is to hold for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// What it likes.
    Usual,
    /// As little as it can be talked into, on both sides: the size of the server's send buffer follows from that of the
    /// segments which the client takes, and else is megabytes on loopback.
    Small,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr, room: Room, earliest: u64) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        if room == Room::Small {
            socket.set_recv_buffer_size(1).expect("any size is valid");
            socket.set_send_buffer_size(1).expect("any size is valid");
            socket
                .set_tcp_mss(SMALL_SEGMENT)
                .expect("it is not connected yet");
        }
        socket
            .connect_timeout(&to.into(), DEADLINE)
            .expect("the server listens");
        socket.set_nonblocking(true).expect("it is a socket");
        Self {
            stream: socket.into(),
            begun: Vec::new(),
            earliest,
            next: None,
            ended: None,
        }
    }

    /// The number after that of the last frame read.
    pub(crate) fn next(&self) -> u64 {
        self.next.unwrap_or(self.earliest)
    }

    /// Whether it has read a byte.
    pub(crate) fn has_joined(&self) -> bool {
        self.next.is_some() || !self.begun.is_empty()
    }

    /// How many bytes it has read of a frame whose others have not come.
    pub(crate) fn torn(&self) -> usize {
        self.begun.len()
    }

    pub(crate) fn ended(&self) -> Option<End> {
        self.ended
    }

    /// Its own address and that of the server.
    pub(crate) fn ends(&self) -> (SocketAddr, SocketAddr) {
        let own = self.stream.local_addr().expect("it is connected");
        (own, self.stream.peer_addr().expect("it is connected"))
    }

    /// Whether the connection has been reset, which shows although nothing is read.
    pub(crate) fn is_reset(&self) -> bool {
        is_ready(self, PollFlags::ERR, Duration::ZERO)
    }

    /// Reads once, if something is there.
    pub(crate) fn read(&mut self) -> Outcome {
        if self.ended.is_some() {
            return Ok(());
        }
        let mut bytes = vec![0; READ];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.ended = Some(End::Fin),
            Ok(count) => self.look_at(&bytes[..count])?,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                self.ended = Some(End::Reset);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return broken(format!("a client cannot read: {error}")),
        }
        Ok(())
    }

    fn look_at(&mut self, bytes: &[u8]) -> Outcome {
        self.begun.extend_from_slice(bytes);
        let begun = std::mem::take(&mut self.begun);
        let (frames, rest) = begun.as_chunks::<STANDARD>();
        for bytes in frames {
            self.count(bytes)?;
        }
        self.begun = rest.to_vec();
        Ok(())
    }

    fn count(&mut self, bytes: &[u8; STANDARD]) -> Outcome {
        let sequence = u64::from_le_bytes(*bytes.first_chunk().expect("a frame is longer"));
        ensure(*bytes == frame(sequence), || {
            format!("no frame, but {:?}..., {}", &bytes[..16], self.place())
        })?;
        let is_right = self
            .next
            .map_or(sequence >= self.earliest, |next| next == sequence);
        ensure(is_right, || format!("frame {sequence} {}", self.place()))?;
        self.next = Some(sequence + 1);
        Ok(())
    }

    /// Where in its stream it is, in words.
    fn place(&self) -> String {
        match self.next {
            Some(next) => format!("in place of frame {next}"),
            None => format!(
                "at the beginning, for which {} is the oldest",
                self.earliest
            ),
        }
    }

    /// Reads up to before this frame, or to the end of the stream if that comes first, whichever way it ends.
    pub(crate) fn read_up_to_or_end(&mut self, next: u64) -> Outcome<Option<End>> {
        loop {
            self.read()?;
            if self.ended.is_some() || self.next() >= next {
                return Ok(self.ended);
            }
            ensure(is_ready(&*self, PollFlags::IN, DEADLINE), || {
                format!("neither frame {} nor an end", self.next())
            })?;
        }
    }

    /// Reads to the end of the stream, whichever way it ends.
    pub(crate) fn read_to_end(&mut self) -> Outcome<End> {
        let end = self.read_up_to_or_end(u64::MAX)?;
        Ok(end.expect("there is no such frame"))
    }

    /// Reads the frames up to this one and then a clean end.
    pub(crate) fn expect_end(&mut self, next: u64) -> Outcome {
        let end = self.read_to_end()?;
        ensure(
            (end, self.next(), self.torn()) == (End::Fin, next, 0),
            || {
                let (got, torn) = (self.next(), self.torn());
                format!("{end} after {torn} bytes of frame {got}; the end is before frame {next}")
            },
        )
    }

    /// Sends what the kernel takes of so many bytes without waiting; returns how many those are.
    pub(crate) fn offer(&mut self, count: usize) -> Outcome<usize> {
        match self.stream.write(&vec![b'?'; count]) {
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => broken(format!("a client cannot send: {error}")),
        }
    }

    /// Takes much at a time from now on: however busy the machine is, to catch up then takes few rounds.
    pub(crate) fn widen(&self) {
        SockRef::from(&self.stream)
            .set_recv_buffer_size(WIDE)
            .expect("any size is valid");
    }

    /// Shuts down the sending side, as `nc` does at the end of its input.
    pub(crate) fn half_close(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("it is connected");
    }

    /// Leaves with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a TCP socket");
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Fin => "a FIN",
            Self::Reset => "a reset",
        })
    }
}

/// All of them read, at the same time, up to before this frame.
pub(crate) fn all_read_up_to(clients: &mut [&mut Client], next: u64) -> Outcome {
    loop {
        for client in clients.iter_mut().filter(|client| client.next() < next) {
            client.read()?;
            if let (Some(end), true) = (client.ended, client.next() < next) {
                return broken(format!("{end} in place of frame {}", client.next()));
            }
        }
        let behind = clients.iter().filter(|client| client.next() < next);
        let mut polled: Vec<_> = behind
            .map(|client| PollFd::new(&**client, PollFlags::IN))
            .collect();
        if polled.is_empty() {
            return Ok(());
        }
        ensure(wait_for_some(&mut polled, DEADLINE) > 0, || {
            let waiting: Vec<_> = clients.iter().map(|client| client.next()).collect();
            format!("clients wait in vain for frames {waiting:?}, {next} were sent")
        })?;
    }
}

/// Bytes of a segment: a few to a frame.
const SMALL_SEGMENT: u32 = 536;

/// Bytes of a receive buffer.
const WIDE: usize = 1024 * 1024;

/// Bytes of a read.
const READ: usize = 64 * 1024;
