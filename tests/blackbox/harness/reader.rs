//! A client that checks all it reads: whole frames, in order, nothing twice, no gap unless gaps are its subject.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{SockRef, Socket};

use super::wait::is_ready;
use super::{DEADLINE, frame};

pub(crate) struct Reader {
    stream: TcpStream,
    addr: SocketAddr,
    frame_size: usize,
    /// The beginning of a frame that is not whole yet.
    begun: Vec<u8>,
    /// The sequence number after the last one read.
    expected: Option<u64>,
    frames: u64,
    missing: Option<u64>,
    /// The end that something else than a read was told of: the kernel tells of a reset once only.
    pub(super) ended: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

impl Reader {
    /// Over a socket that is, or is about to be, connected from this address.
    pub(super) fn of(socket: Socket, addr: SocketAddr, frame_size: usize) -> Self {
        let stream = TcpStream::from(socket);
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time is valid");
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("a time is valid");
        Self {
            stream,
            addr,
            frame_size,
            begun: Vec::new(),
            expected: None,
            frames: 0,
            missing: None,
            ended: None,
        }
    }

    /// From now on a gap is counted and no failure.
    pub(crate) fn counting_gaps(mut self) -> Self {
        self.missing = Some(0);
        self
    }

    /// The client's own address, as the program's log names it.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many frames it has read.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many frames are missing between the first and the last that it has read.
    pub(crate) fn missing(&self) -> u64 {
        self.missing.unwrap_or(0)
    }

    /// How many bytes it has read of a frame whose others have not come.
    pub(crate) fn torn(&self) -> usize {
        self.begun.len()
    }

    /// The sequence number of the next frame.
    #[track_caller]
    pub(crate) fn next(&mut self) -> u64 {
        match self.try_next() {
            Ok(sequence) => sequence,
            Err(end) => panic!(
                "{end:?} after {} frames and {} bytes",
                self.frames,
                self.torn()
            ),
        }
    }

    /// The sequence number of the next frame, or how the stream ended instead.
    #[track_caller]
    pub(crate) fn try_next(&mut self) -> Result<u64, End> {
        let mut bytes = std::mem::take(&mut self.begun);
        let mut filled = bytes.len();
        bytes.resize(self.frame_size, 0);
        while filled < self.frame_size {
            let end = match self.stream.read(&mut bytes[filled..]) {
                Ok(0) => self.ended.unwrap_or(End::Fin),
                Ok(count) => {
                    filled += count;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
                // A read with a time-out is not made again when this process was stopped in it (signal(7)).
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!(
                    "no frame and no end: {error}; {} frames and {filled} bytes so far",
                    self.frames
                ),
            };
            bytes.truncate(filled);
            self.begun = bytes;
            return Err(end);
        }
        Ok(self.count(&bytes))
    }

    #[track_caller]
    fn count(&mut self, bytes: &[u8]) -> u64 {
        let sequence = frame::sequence_of(bytes);
        let expected = self.expected.unwrap_or(sequence);
        assert!(
            sequence >= expected,
            "frame {sequence} came again, or too late, after {}",
            expected - 1
        );
        match &mut self.missing {
            Some(missing) => *missing += sequence - expected,
            None => assert_eq!(sequence, expected, "a gap"),
        }
        self.expected = Some(sequence + 1);
        self.frames += 1;
        sequence
    }

    /// Reads exactly these frames.
    #[track_caller]
    pub(crate) fn expect(&mut self, sequences: Range<u64>) {
        for sequence in sequences {
            assert_eq!(self.next(), sequence, "after {} frames", self.frames - 1);
        }
    }

    /// Reads up to and with this frame.
    #[track_caller]
    pub(crate) fn read_to(&mut self, sequence: u64) {
        while self.next() < sequence {}
    }

    /// Reads what is left; returns how the stream ended.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> End {
        loop {
            if let Err(end) = self.try_next() {
                return end;
            }
        }
    }

    /// Expects the clean end, here and now.
    #[track_caller]
    pub(crate) fn expect_fin(&mut self) {
        assert_eq!(self.try_next(), Err(End::Fin));
        assert_eq!(self.torn(), 0, "a clean end is at a frame boundary");
    }

    /// Expects that an abort ends the stream, after whatever is still on its way.
    #[track_caller]
    pub(crate) fn expect_reset(&mut self) {
        assert_eq!(self.read_to_end(), End::Reset);
    }

    /// Expects that nothing comes for so long.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, window: Duration) {
        assert!(
            !is_ready(&self.stream, PollFlags::IN, window),
            "something came, or the end"
        );
    }

    /// Whether a frame is whole within a moment.
    pub(crate) fn has_frame(&mut self) -> bool {
        self.fill_frame()
    }

    /// Reads frames until none is whole within the kernel, `limit` at most; returns how many it has read in all.
    #[track_caller]
    pub(crate) fn read_what_is_there(&mut self, limit: u64) -> u64 {
        while self.frames < limit && self.fill_frame() {
            self.next();
        }
        self.frames
    }

    /// Reads more of the frame that was begun; whether it is whole, once nothing more comes for a moment.
    fn fill_frame(&mut self) -> bool {
        while self.begun.len() < self.frame_size && is_ready(&self.stream, PollFlags::IN, MOMENT) {
            let mut bytes = vec![0; self.frame_size - self.begun.len()];
            let count = self
                .stream
                .read(&mut bytes)
                .expect("poll says that bytes are there");
            self.begun.extend_from_slice(&bytes[..count]);
        }
        self.begun.len() == self.frame_size
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the program reads what clients send");
    }

    /// Sends all of it, or what the program will take before it resets the connection.
    pub(crate) fn send_until_refused(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            self.ended = Some(End::Reset);
        }
    }

    /// Shuts down the sending side, as `nc` does at the end of its input.
    pub(crate) fn half_close(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("it is connected");
    }

    /// Leaves with a reset, which the program sees at once.
    pub(crate) fn reset(self) -> SocketAddr {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a TCP socket");
        self.addr
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// All of them read exactly these frames.
#[track_caller]
pub(crate) fn all_expect(clients: &mut [Reader], sequences: Range<u64>) {
    for client in clients {
        client.expect(sequences.clone());
    }
}

/// All of them leave with a reset.
pub(crate) fn all_reset(clients: impl IntoIterator<Item = Reader>) {
    for client in clients {
        client.reset();
    }
}

/// How long the kernel may take to move what it holds: longer than its timer for a window that opens again.
const MOMENT: Duration = Duration::from_millis(300);
