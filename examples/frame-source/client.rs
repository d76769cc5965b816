//! The one client that is served: its socket, what it has had, and how it goes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::SockRef;

use crate::Fallible;
use crate::clock::monotonic_ns;
use crate::dialect::{Dialect, Heard, PONG};
use crate::waiting::Interruptions;

/// A connected client, or the server that frames are published to.
pub(crate) struct Client {
    stream: TcpStream,
    pub(crate) addr: SocketAddr,
    dialect: Dialect,
    /// Whether it may still send something.
    hears: bool,
    /// The beginning of a line whose rest has not come yet.
    line: Vec<u8>,
    /// On the system-wide monotonic clock.
    pub(crate) since_ns: u64,
    /// Frames it has had whole.
    pub(crate) frames: u64,
    /// Bytes that the kernel has taken for it.
    pub(crate) bytes: u64,
}

/// How much of a write the kernel has taken.
pub(crate) enum Written {
    Some(usize),
    /// Nothing: it has to wait.
    Blocked,
    /// The client is gone.
    Gone,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, addr: SocketAddr, dialect: Dialect) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            addr,
            dialect,
            hears: true,
            line: Vec::new(),
            since_ns: monotonic_ns(),
            frames: 0,
            bytes: 0,
        })
    }

    /// Sends as much as the kernel takes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<Written> {
        match self.stream.write(bytes) {
            Ok(taken) => {
                self.bytes += taken as u64;
                Ok(Written::Some(taken))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Written::Blocked),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Written::Some(0)),
            Err(error) if is_departure(&error) => Ok(Written::Gone),
            Err(error) => Err(error),
        }
    }

    /// Reads what it says, answers what has to be answered. Returns whether it is still there.
    pub(crate) fn hear(&mut self) -> Fallible<bool> {
        let mut bytes = [0; 4096];
        while self.hears {
            match self.stream.read(&mut bytes) {
                // It may have shut down its sending side and still read: the next write tells. A server does not.
                Ok(0) => {
                    self.hears = false;
                    return Ok(self.dialect == Dialect::Raw);
                }
                Ok(count) => self.take_in(&bytes[..count])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_departure(&error) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn take_in(&mut self, bytes: &[u8]) -> Fallible<()> {
        if self.dialect == Dialect::Raw {
            return Ok(());
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if !piece.ends_with(b"\n") && self.line.len() < LINE_BYTES {
                break;
            }
            match self.dialect.hear(&self.line) {
                Heard::Nothing => {}
                // Between two batches, so between two frames. Only a server that does not read at all would block this.
                Heard::Ping => self.stream.write_all(PONG)?,
                Heard::Complaint(complaint) => {
                    return Err(format!("the server says {complaint:?}").into());
                }
                Heard::Nonsense => return Err("this is no server of that dialect".into()),
            }
            self.line.clear();
        }
        Ok(())
    }

    /// What poll(2) is to tell of it, beside that there is room to write.
    pub(crate) fn interest(&self) -> PollFlags {
        if self.hears {
            PollFlags::IN
        } else {
            PollFlags::empty()
        }
    }

    /// Whether it answers with lines that have to be taken in even while there is much to send.
    pub(crate) fn answers(&self) -> bool {
        self.dialect != Dialect::Raw
    }

    /// Ends the stream and waits until the client has closed: what it sent and nobody read would make it a reset.
    pub(crate) fn finish(mut self, interruptions: &mut Interruptions) -> Fallible<Self> {
        // It may be gone already.
        let _ = self.stream.shutdown(Shutdown::Write);
        let until_ns = monotonic_ns() + PARTING_NS;
        while self.hears && monotonic_ns() < until_ns {
            let socket = Some((self.stream.as_fd(), PollFlags::IN));
            interruptions.wait(socket, Some(until_ns))?;
            if !self.hear()? || interruptions.is_stopped() {
                break;
            }
        }
        Ok(self)
    }

    /// Ends the stream with a reset, once everything before it is on the wire: a reset destroys what the kernel holds.
    pub(crate) fn abort(self, interruptions: &mut Interruptions) -> Fallible<Self> {
        let socket = SockRef::from(&self.stream);
        // With this, poll(2) says "writable" when there is nothing unsent left (`tcp(7)`). socket2 offers it on Linux
        // only; elsewhere "writable" comes earlier, and the last bytes may be destroyed.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(1)?;
        socket.set_linger(Some(Duration::ZERO))?;
        let until_ns = monotonic_ns() + PARTING_NS;
        // Whoever stops the source does not wait for a client that takes nothing.
        while monotonic_ns() < until_ns && !interruptions.is_stopped() {
            let socket = Some((self.stream.as_fd(), PollFlags::OUT));
            if !interruptions.wait(socket, Some(until_ns))?.is_empty() {
                break;
            }
        }
        Ok(self)
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_departure(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// More than any line has. What is longer makes no sense, and is heard as it is.
const LINE_BYTES: usize = 64 * 1024;

/// How long a client may take to leave, on the monotonic clock.
const PARTING_NS: u64 = 2_000_000_000;
