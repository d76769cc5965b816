//! A socket without a kernel: it gives and takes what its script says.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

/// The other side of a connection, and the kernel in between.
#[derive(Debug, Default)]
pub(super) struct FakeSocket {
    /// What the next reads come to. When there is nothing left, they would block.
    pub(super) input: VecDeque<Bite>,
    /// What the next writes come to. When there is nothing left, they take everything.
    pub(super) rooms: VecDeque<Room>,
    /// Bytes that the kernel took, in order.
    pub(super) taken: Vec<u8>,
    /// Bytes that have been read.
    pub(super) given_bytes: usize,
    /// Most bytes that had been read and would have been read, at any read.
    pub(super) wanted_bytes: usize,
    /// Reads and writes.
    pub(super) calls: usize,
    pub(super) name: usize,
}

/// What a read comes to.
#[derive(Clone, Debug)]
pub(super) enum Bite {
    Bytes(Vec<u8>),
    WouldBlock,
    Interrupted,
    End,
    Fails(ErrorKind),
}

/// What a write comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    Bytes(usize),
    WouldBlock,
    Interrupted,
    Fails(ErrorKind),
}

impl FakeSocket {
    pub(super) fn saying(bytes: impl AsRef<[u8]>) -> Self {
        let mut socket = Self::default();
        socket.say(bytes);
        socket
    }

    pub(super) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.input.push_back(Bite::Bytes(bytes.as_ref().to_vec()));
    }

    pub(super) fn heard(&self) -> String {
        String::from_utf8(self.taken.clone()).unwrap()
    }

    /// The three digits of the answer, if one has begun.
    pub(super) fn code(&self) -> Option<u16> {
        let heard = self.heard();
        heard.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }
}

impl Read for FakeSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!buffer.is_empty(), "a read of nothing looks like an end");
        self.calls += 1;
        self.wanted_bytes = self.wanted_bytes.max(self.given_bytes + buffer.len());
        match self.input.pop_front() {
            Some(Bite::Bytes(mut bytes)) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                bytes.drain(..count);
                if !bytes.is_empty() {
                    self.input.push_front(Bite::Bytes(bytes));
                }
                self.given_bytes += count;
                Ok(count)
            }
            None | Some(Bite::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Some(Bite::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(Bite::End) => {
                self.input.push_front(Bite::End);
                Ok(0)
            }
            Some(Bite::Fails(kind)) => Err(kind.into()),
        }
    }
}

impl Write for FakeSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "there is something to write");
        self.calls += 1;
        let count = match self.rooms.pop_front() {
            None => bytes.len(),
            Some(Room::Bytes(count)) => count.min(bytes.len()),
            Some(Room::WouldBlock) => return Err(ErrorKind::WouldBlock.into()),
            Some(Room::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Room::Fails(kind)) => return Err(kind.into()),
        };
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
