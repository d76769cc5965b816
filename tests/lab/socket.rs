//! The clients and the server that a test plays, with deadlines, and frames as the source makes them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::DEADLINE;
use crate::frame::{Head, STANDARD};

/// A socket that a test reads and writes, with deadlines.
pub(crate) struct Socket(pub(crate) TcpStream);

impl Socket {
    #[track_caller]
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::of(TcpStream::connect(addr).expect("somebody listens"))
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time is valid");
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("a time is valid");
        Self(stream)
    }

    /// Reads a whole frame, which has to be right; returns its number.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> u64 {
        let mut bytes = [0; STANDARD];
        self.0.read_exact(&mut bytes).expect("a frame");
        sequence_of(&bytes)
    }

    /// Reads to the end; whether it was a reset.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let outcome = (&self.0).take(REST_BYTES).read_to_end(&mut bytes);
        match outcome {
            Ok(count) => {
                assert!((count as u64) < REST_BYTES, "it does not end");
                (bytes, false)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => (bytes, true),
            Err(error) => panic!("neither end nor reset: {error}"),
        }
    }

    /// Whether there is nothing to read now.
    #[track_caller]
    pub(crate) fn is_silent(&self) -> bool {
        self.0.set_nonblocking(true).expect("it is a socket");
        let outcome = self.0.peek(&mut [0; 1]);
        self.0.set_nonblocking(false).expect("it is a socket");
        matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    #[track_caller]
    pub(crate) fn send_frames(&mut self, sequences: impl Iterator<Item = u64>) {
        for sequence in sequences {
            self.0.write_all(&frame(sequence)).expect("it reads");
        }
    }

    /// Leaves with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a socket");
    }
}

/// A server that the test plays.
pub(crate) struct Server(TcpListener);

impl Server {
    pub(crate) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"))
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    #[track_caller]
    pub(crate) fn accept(&self) -> Socket {
        assert!(self.is_dialled_within(DEADLINE), "nobody connects");
        let (stream, _) = self.0.accept().expect("somebody waits");
        Socket::of(stream)
    }

    fn is_dialled_within(&self, time: Duration) -> bool {
        let give_up = Instant::now() + time;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).expect("a deadline is short");
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&left)) {
                Err(rustix::io::Errno::INTR) => {}
                outcome => return outcome.expect("poll works") > 0,
            }
        }
    }
}

/// A frame as the source makes it.
pub(crate) fn frame(sequence: u64) -> [u8; STANDARD] {
    let mut bytes = [0; STANDARD];
    let head = Head {
        sequence,
        sent_at_ns: 1,
    };
    head.write(&mut bytes);
    bytes
}

#[track_caller]
pub(crate) fn sequence_of(frame: &[u8]) -> u64 {
    let word = |at: usize| u64::from_le_bytes(frame[at..at + 8].try_into().expect("eight"));
    let head = Head {
        sequence: word(0),
        sent_at_ns: word(8),
    };
    let mut right = vec![0; frame.len()];
    head.write(&mut right);
    assert!(frame == right, "not a frame of the source: {frame:?}");
    head.sequence
}

/// More than any stream has that ends: a source that does not end must not fill the memory.
const REST_BYTES: u64 = 64 << 20;
