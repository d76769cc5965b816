//! A socket and an upstream without a kernel.
//!
//! The socket keeps to the edge-triggered contract and to no more: a writable edge follows a
//! refusal, once, as soon as there is room; a readable edge follows new input, once. Whoever
//! forgets an edge waits for ever, and that is what the tests are after.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

use super::frame_byte;

/// A client's socket as its kernel sees it.
#[derive(Debug, Default)]
pub(super) struct FakeSocket {
    /// Bytes that the kernel took, in order.
    pub(super) taken: Vec<u8>,
    /// Bytes that it would take now.
    pub(super) room: usize,
    /// Outcomes of the next writes; when there are none left, the room decides.
    pub(super) script: VecDeque<Outcome>,
    /// What every write fails with, the empty one included.
    pub(super) broken: Option<ErrorKind>,
    /// What the client has sent and nobody has read.
    pub(super) input: usize,
    /// What comes behind the input.
    pub(super) input_end: InputEnd,
    /// Reads that are to be interrupted.
    pub(super) interrupts: usize,
    /// The sending side has been shut down.
    pub(super) is_shut: bool,
    pub(super) calls: Calls,
    pub(super) writable: Edge,
    readable_edge: bool,
}

/// How often the socket was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) reads: usize,
    /// Writes with something in them, vectored ones included.
    pub(super) writes: usize,
    pub(super) vectored: usize,
}

/// What a write comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// This many bytes are taken, if so many are offered.
    Takes(usize),
    WouldBlock,
    Interrupted,
    NoBuffers,
    Fails(ErrorKind),
}

/// What comes behind a client's input.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum InputEnd {
    #[default]
    Open,
    Ended,
    Failed(ErrorKind),
}

/// A writable edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Edge {
    /// None is due.
    #[default]
    None,
    /// It comes when there is room.
    Owed,
    /// The next poll reports it.
    Pending,
}

impl FakeSocket {
    pub(super) fn with_room(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// The client reads: there is room for so many more bytes.
    pub(super) fn grant(&mut self, bytes: usize) {
        self.room = self.room.saturating_add(bytes);
        if self.writable == Edge::Owed && self.room > 0 {
            self.writable = Edge::Pending;
        }
    }

    /// The client sends.
    pub(super) fn say(&mut self, bytes: usize) {
        self.input += bytes;
        self.readable_edge = true;
    }

    /// The client shuts down its sending side.
    pub(super) fn end_input(&mut self) {
        self.input_end = InputEnd::Ended;
        self.readable_edge = true;
    }

    /// The connection breaks.
    pub(super) fn break_off(&mut self, kind: ErrorKind) {
        self.broken = Some(kind);
        self.input_end = InputEnd::Failed(kind);
        self.readable_edge = true;
        self.writable = Edge::Pending;
    }

    /// What a poll reports: readable, writable.
    pub(super) fn poll(&mut self) -> (bool, bool) {
        let readable = std::mem::take(&mut self.readable_edge);
        let writable = self.writable == Edge::Pending;
        if writable {
            self.writable = Edge::None;
        }
        (readable, writable)
    }

    pub(super) fn has_event(&self) -> bool {
        self.readable_edge || self.writable == Edge::Pending
    }

    /// There is input, and no event will tell.
    pub(super) fn has_silent_input(&self) -> bool {
        self.input > 0 && !self.readable_edge
    }

    fn take(&mut self, pieces: &[&[u8]], most: usize) -> usize {
        let mut left = most;
        for piece in pieces {
            let count = piece.len().min(left);
            self.taken.extend_from_slice(&piece[..count]);
            left -= count;
        }
        self.room -= most - left;
        most - left
    }

    fn refuse(&mut self) {
        self.writable = if self.room > 0 {
            Edge::Pending
        } else {
            Edge::Owed
        };
    }

    fn answer(&mut self, pieces: &[&[u8]]) -> io::Result<usize> {
        let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
        if let Some(kind) = self.broken {
            return Err(kind.into());
        }
        if offered == 0 {
            return Ok(0);
        }
        self.calls.writes += 1;
        let most = match self.script.pop_front() {
            None => self.room,
            Some(Outcome::Takes(count)) => count.min(self.room),
            Some(Outcome::WouldBlock) => 0,
            Some(Outcome::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Outcome::NoBuffers) => return Err(no_buffers()),
            Some(Outcome::Fails(kind)) => return Err(kind.into()),
        };
        let count = self.take(pieces, most.min(offered));
        if count < offered {
            self.refuse();
        }
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(count)
    }
}

impl Write for FakeSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answer(&[bytes])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls.vectored += 1;
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
        self.answer(&pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for FakeSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.calls.reads += 1;
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(ErrorKind::Interrupted.into());
        }
        let count = into.len().min(self.input);
        if count > 0 {
            self.input -= count;
            return Ok(count);
        }
        match self.input_end {
            InputEnd::Open => Err(ErrorKind::WouldBlock.into()),
            InputEnd::Ended => Ok(0),
            InputEnd::Failed(kind) => Err(kind.into()),
        }
    }
}

/// The upstream: frame after frame, as far as it has sent them.
#[derive(Debug, Default)]
pub(super) struct FakeUpstream {
    pub(super) frame_size: usize,
    /// The byte of the stream that is read next.
    pub(super) position: u64,
    /// Bytes that can be read.
    pub(super) available: usize,
    /// Outcomes of the next reads; when there are none left, all that is available is read.
    pub(super) script: VecDeque<Intaking>,
    /// There may be something to read: set by an event, cleared by would-block.
    pub(super) is_ready: bool,
}

/// What a read of the upstream comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Intaking {
    /// So many bytes at most.
    Bytes(usize),
    Interrupted,
    Ended,
    Failed(ErrorKind),
}

impl FakeUpstream {
    /// The upstream sends so many more bytes.
    pub(super) fn send(&mut self, bytes: usize) {
        self.available += bytes;
        self.is_ready = true;
    }
}

impl Read for FakeUpstream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = match self.script.pop_front() {
            None => usize::MAX,
            Some(Intaking::Bytes(count)) => count,
            Some(Intaking::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Intaking::Ended) => return Ok(0),
            Some(Intaking::Failed(kind)) => return Err(kind.into()),
        };
        let count = into.len().min(self.available).min(most);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        for byte in &mut into[..count] {
            let size = self.frame_size as u64;
            let offset = usize::try_from(self.position % size).expect("a small frame");
            *byte = frame_byte(self.position / size, offset);
            self.position += 1;
        }
        self.available -= count;
        Ok(count)
    }
}

fn no_buffers() -> io::Error {
    io::Error::from_raw_os_error(if cfg!(target_os = "linux") { 105 } else { 55 })
}
