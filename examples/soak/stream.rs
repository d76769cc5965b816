//! One client's stream: whole frames, in order, nothing twice, and no gap but where gaps are allowed.
//!
//! Knows no socket and no clock.

use std::fmt;

use crate::frame::Head;

/// How far a client's stream is.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The front of a frame whose rest is in a later read.
    partial: Vec<u8>,
    /// The frame that has to come next; `None` before the first.
    next: Option<u64>,
    /// Complete frames so far.
    pub(crate) frames: u64,
    /// Frames that were passed over, where gaps are allowed.
    pub(crate) missing: u64,
    /// How often frames were passed over.
    pub(crate) gaps: u64,
}

/// What all streams are held against.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) frame_size: usize,
    /// Where a frame is written as it should be, to be compared.
    reference: Vec<u8>,
    /// What is written there.
    written: Option<Head>,
}

/// What can be wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing { expected: u64, found: u64 },
    Repeated { expected: u64, found: u64 },
    Torn { claimed: u64 },
}

impl Stream {
    /// Checks the next bytes, and calls `on_frame` with every frame's moment of sending.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        rules: &mut Rules,
        gaps_allowed: bool,
        mut on_frame: impl FnMut(u64),
    ) -> Result<(), Fault> {
        if !self.partial.is_empty() {
            let missing = rules.frame_size - self.partial.len();
            let (rest, others) = bytes.split_at(missing.min(bytes.len()));
            self.partial.extend_from_slice(rest);
            bytes = others;
            if self.partial.len() < rules.frame_size {
                return Ok(());
            }
            let mut frame = std::mem::take(&mut self.partial);
            on_frame(self.inspect(&frame, rules, gaps_allowed)?);
            // Its room is kept for the next one.
            frame.clear();
            self.partial = frame;
        }
        let frames = bytes.chunks_exact(rules.frame_size);
        self.partial.extend_from_slice(frames.remainder());
        for frame in frames {
            on_frame(self.inspect(frame, rules, gaps_allowed)?);
        }
        Ok(())
    }

    /// The frame that has to come next; `None` before the first.
    pub(crate) fn next(&self) -> Option<u64> {
        self.next
    }

    /// Bytes of a frame that is not complete.
    pub(crate) fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    fn inspect(
        &mut self,
        frame: &[u8],
        rules: &mut Rules,
        gaps_allowed: bool,
    ) -> Result<u64, Fault> {
        let head = Head {
            sequence: word(frame, 0),
            sent_at_ns: word(frame, 8),
        };
        if rules.reference_of(head) != frame {
            return Err(Fault::Torn {
                claimed: head.sequence,
            });
        }
        let (found, expected) = (head.sequence, self.next.unwrap_or(head.sequence));
        if found < expected {
            return Err(Fault::Repeated { expected, found });
        }
        if found > expected && !gaps_allowed {
            return Err(Fault::Missing { expected, found });
        }
        self.missing += found - expected;
        self.gaps += u64::from(found > expected);
        self.next = Some(found + 1);
        self.frames += 1;
        Ok(head.sent_at_ns)
    }
}

impl Rules {
    pub(crate) fn new(frame_size: usize) -> Self {
        Self {
            frame_size,
            reference: vec![0; frame_size],
            written: None,
        }
    }

    /// The only frame with this head that is right. A thousand clients get the same one after another.
    fn reference_of(&mut self, head: Head) -> &[u8] {
        if self.written != Some(head) {
            head.write(&mut self.reference);
            self.written = Some(head);
        }
        &self.reference
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { expected, found } => {
                write!(out, "missing: frame {expected} was due, {found} came")
            }
            Self::Repeated { expected, found } => {
                write!(
                    out,
                    "repeated: frame {expected} was due, {found} came again"
                )
            }
            Self::Torn { claimed } => {
                write!(
                    out,
                    "torn: what should be a frame, and claims to be {claimed}, is none"
                )
            }
        }
    }
}

fn word(frame: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&frame[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64;

    fn bytes(sequences: &[u64]) -> Vec<u8> {
        let frame = |&sequence: &u64| {
            let mut frame = vec![0; SIZE];
            let sent_at_ns = sequence + 100;
            Head {
                sequence,
                sent_at_ns,
            }
            .write(&mut frame);
            frame
        };
        sequences.iter().flat_map(frame).collect()
    }

    fn feed(bytes: &[u8], cut: usize, gaps_allowed: bool) -> Result<Stream, Fault> {
        let (mut stream, mut rules) = (Stream::default(), Rules::new(SIZE));
        for piece in bytes.chunks(cut) {
            stream.feed(piece, &mut rules, gaps_allowed, |_| {})?;
        }
        Ok(stream)
    }

    #[test]
    fn whole_frames_pass_however_they_are_cut() {
        for cut in 1..200 {
            let stream = feed(&bytes(&[5, 6, 7, 8]), cut, false).expect("nothing is wrong");
            assert_eq!((stream.frames, stream.next()), (4, Some(9)), "cut {cut}");
            assert_eq!(
                (stream.missing, stream.partial_bytes()),
                (0, 0),
                "cut {cut}"
            );
        }
    }

    #[test]
    fn a_gap_is_a_fault_unless_it_is_allowed_and_then_it_is_counted() {
        let (expected, found) = (6, 9);
        assert_eq!(
            feed(&bytes(&[5, 9]), 50, false).err(),
            Some(Fault::Missing { expected, found })
        );
        let stream = feed(&bytes(&[5, 9, 10, 12]), 50, true).expect("gaps are allowed");
        assert_eq!((stream.frames, stream.missing, stream.gaps), (4, 4, 2));
    }

    #[test]
    fn a_frame_that_comes_again_is_a_fault_even_where_gaps_are_allowed() {
        for (sequences, expected, found) in [([5, 5], 6, 5), ([5, 4], 6, 4)] {
            assert_eq!(
                feed(&bytes(&sequences), 64, true).err(),
                Some(Fault::Repeated { expected, found })
            );
        }
    }

    #[test]
    fn every_changed_byte_and_every_lost_byte_is_found() {
        let right = bytes(&[5, 6, 7]);
        for at in 0..right.len() {
            let mut changed = right.clone();
            changed[at] ^= 1;
            assert!(feed(&changed, 100, false).is_err(), "changed at {at}");
            if at < 2 * SIZE {
                let lost = [&right[..at], &right[at + 1..]].concat();
                assert!(feed(&lost, 100, false).is_err(), "lost at {at}");
            }
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_knows_how_far_into_a_frame() {
        let stream = feed(&bytes(&[5, 6])[..SIZE + 10], 7, false).expect("nothing is wrong");
        assert_eq!((stream.frames, stream.partial_bytes()), (1, 10));
    }
}
