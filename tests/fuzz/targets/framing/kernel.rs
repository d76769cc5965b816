//! A socket whose kernel is in some mood, and remembers what it was offered and what it said last.

use std::io::{self, ErrorKind, IoSlice, Write};

use crate::script::{Mood, Refusal};

pub(crate) struct Kernel {
    mood: Mood,
    room: usize,
    pub(crate) taken: Vec<u8>,
    /// The most that it would have had if it had taken all that it was offered.
    pub(crate) offered: usize,
    pub(crate) answer: Answer,
}

/// What the last call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing was asked, or all was taken.
    Willing,
    Refused,
    Interrupted,
    NoBuffers,
    Broken,
}

/// No error kind stands for it; the numbers are those of Linux and of the BSDs.
const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };

impl Kernel {
    pub(crate) fn new(mood: Mood) -> Self {
        Self {
            mood,
            room: mood.room.bytes(),
            taken: Vec::new(),
            offered: 0,
            answer: Answer::Willing,
        }
    }

    fn refuse(&mut self) -> io::Result<usize> {
        let (answer, outcome) = match self.mood.refusal {
            Refusal::WouldBlock => (Answer::Refused, Err(ErrorKind::WouldBlock.into())),
            Refusal::TakenNothing => (Answer::Refused, Ok(0)),
            Refusal::NoBuffers => (
                Answer::NoBuffers,
                Err(io::Error::from_raw_os_error(ENOBUFS)),
            ),
            Refusal::Reset => (Answer::Broken, Err(ErrorKind::ConnectionReset.into())),
        };
        self.answer = answer;
        outcome
    }
}

impl Write for Kernel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let offer = pieces.iter().flat_map(|piece| piece.iter().copied());
        let offer: Vec<u8> = offer.collect();
        self.offered = self.offered.max(self.taken.len() + offer.len());
        if self.mood.interrupts > 0 {
            self.mood.interrupts -= 1;
            self.answer = Answer::Interrupted;
            return Err(ErrorKind::Interrupted.into());
        }
        if self.room == 0 && !offer.is_empty() {
            return self.refuse();
        }
        let count = offer.len().min(self.room);
        self.room -= count;
        self.taken.extend_from_slice(&offer[..count]);
        self.answer = if count == offer.len() {
            Answer::Willing
        } else {
            Answer::Refused
        };
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
