//! The kernel between the endpoint and whoever asks: it gives the pieces one by one, and takes what it likes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use fastrand::Rng;

use fanout::admin::limits::HEAD_BYTES;

/// A socket of which every call may also be refused or interrupted.
pub(crate) struct Socket {
    pieces: VecDeque<Vec<u8>>,
    /// What follows the pieces is the end, and not silence.
    ends: bool,
    dice: Rng,
    given_bytes: usize,
    pub(crate) taken: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(pieces: &[&[u8]], ends: bool, seed: u8) -> Self {
        Self {
            pieces: pieces.iter().map(|piece| piece.to_vec()).collect(),
            ends,
            dice: Rng::with_seed(u64::from(seed)),
            given_bytes: 0,
            taken: Vec::new(),
        }
    }

    /// Refuses a call now and then.
    fn hesitate(&mut self) -> io::Result<()> {
        match self.dice.u8(..8) {
            0 => Err(ErrorKind::WouldBlock.into()),
            1 => Err(ErrorKind::Interrupted.into()),
            _ => Ok(()),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!buffer.is_empty(), "it asks for nothing");
        let wanted = self.given_bytes + buffer.len();
        let may_want = self.taken.is_empty() && wanted <= HEAD_BYTES;
        assert!(
            may_want || !self.taken.is_empty(),
            "it asks for more than a head"
        );
        self.hesitate()?;
        let Some(mut piece) = self.pieces.pop_front() else {
            return if self.ends {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        };
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.pieces.push_front(piece.split_off(count));
        }
        self.given_bytes += count;
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "it writes nothing");
        self.hesitate()?;
        let count = self.dice.usize(1..=bytes.len());
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
