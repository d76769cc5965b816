//! What a measured frame carries, and how one client's stream is checked.
//!
//! A frame opens with its sequence number and the moment it was sent, and closes with the sequence number's complement.
//! Contiguous numbers at the front find frames that are missing or repeated; the complement at the back finds frames
//! that were torn and glued. Looking at both ends costs two cache lines of the sixteen that a frame fills.
//!
//! Knows no socket and no clock.

use std::fmt;

/// One client's stream, checked frame by frame however the reads cut it.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// The front of a frame whose rest is in a later read: fewer than `FRAME_SIZE` bytes.
    partial: Vec<u8>,
    /// The sequence number that has to come next; `None` before the first frame.
    expected: Option<u64>,
    /// Frames that were passed over, where gaps are allowed.
    skipped: u64,
}

impl Checker {
    /// Checks the next bytes of the stream and calls `on_frame` with every complete frame's moment of sending.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        gaps: Gaps,
        mut on_frame: impl FnMut(u64),
    ) -> Result<(), Fault> {
        if !self.partial.is_empty() {
            let missing = FRAME_SIZE - self.partial.len();
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.partial.extend_from_slice(head);
            bytes = rest;
            if self.partial.len() < FRAME_SIZE {
                return Ok(());
            }
            let header = read_stamp(&self.partial)?;
            self.partial.clear();
            self.advance(&header, gaps)?;
            on_frame(header.sent_at_ns);
        }
        let mut frames = bytes.chunks_exact(FRAME_SIZE);
        for frame in &mut frames {
            let header = read_stamp(frame)?;
            self.advance(&header, gaps)?;
            on_frame(header.sent_at_ns);
        }
        self.partial.extend_from_slice(frames.remainder());
        Ok(())
    }

    /// Frames that were passed over so far; always 0 where gaps are forbidden.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether at least one complete frame has come.
    pub(crate) fn is_started(&self) -> bool {
        self.expected.is_some()
    }

    fn advance(&mut self, header: &Header, gaps: Gaps) -> Result<(), Fault> {
        let found = header.sequence;
        let expected = self.expected.unwrap_or(found);
        if found < expected {
            return Err(Fault::Repeated { expected, found });
        }
        if found > expected && gaps == Gaps::Forbidden {
            return Err(Fault::Missing { expected, found });
        }
        self.skipped += found - expected;
        self.expected = Some(found + 1);
        Ok(())
    }
}

/// Whether a client may be skipped ahead (policy `skip`) or must see every frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// A jump in the sequence is counted.
    Allowed,
    /// A jump in the sequence is a fault.
    Forbidden,
}

/// What is wrong with a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The sequence jumped ahead.
    Missing { expected: u64, found: u64 },
    /// The sequence went back.
    Repeated { expected: u64, found: u64 },
    /// The two ends of a frame do not belong together.
    Torn { front: u64, back: u64 },
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
            Self::Torn { front, back } => {
                write!(out, "torn: a frame opens as {front} and closes as {back}")
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Header {
    sequence: u64,
    sent_at_ns: u64,
}

/// Writes both ends of a frame of `FRAME_SIZE` bytes; what lies between is left as it is.
pub(crate) fn write_stamp(frame: &mut [u8], sequence: u64, sent_at_ns: u64) {
    frame[..8].copy_from_slice(&sequence.to_le_bytes());
    frame[8..16].copy_from_slice(&sent_at_ns.to_le_bytes());
    frame[FRAME_SIZE - 8..FRAME_SIZE].copy_from_slice(&(!sequence).to_le_bytes());
}

fn read_stamp(frame: &[u8]) -> Result<Header, Fault> {
    let sequence = word(frame, 0);
    let back = !word(frame, FRAME_SIZE - 8);
    if back != sequence {
        return Err(Fault::Torn {
            front: sequence,
            back,
        });
    }
    Ok(Header {
        sequence,
        sent_at_ns: word(frame, 8),
    })
}

fn word(frame: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&frame[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// Bytes in a frame: the size the figures are stated for.
pub(crate) const FRAME_SIZE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(sequences: &[u64]) -> Vec<u8> {
        let mut bytes = vec![0; sequences.len() * FRAME_SIZE];
        for (frame, &sequence) in bytes.chunks_exact_mut(FRAME_SIZE).zip(sequences) {
            write_stamp(frame, sequence, sequence + 100);
        }
        bytes
    }

    fn check(bytes: &[u8], cut: usize, gaps: Gaps) -> Result<(Vec<u64>, u64), Fault> {
        let mut checker = Checker::default();
        let mut moments = Vec::new();
        for piece in bytes.chunks(cut) {
            checker.feed(piece, gaps, |sent_at_ns| moments.push(sent_at_ns))?;
        }
        Ok((moments, checker.skipped()))
    }

    #[test]
    fn a_whole_run_passes_however_it_is_cut() {
        for cut in [1, 7, 1000, 1023, 1024, 1025, 2048, 5000] {
            let found = check(&stream(&[5, 6, 7, 8]), cut, Gaps::Forbidden);
            assert_eq!(found, Ok((vec![105, 106, 107, 108], 0)), "cut={cut}");
        }
    }

    #[test]
    fn a_missing_frame_is_a_fault_unless_gaps_are_allowed() {
        let bytes = stream(&[5, 6, 9]);
        let fault = Fault::Missing {
            expected: 7,
            found: 9,
        };
        assert_eq!(check(&bytes, 1500, Gaps::Forbidden), Err(fault));
        assert_eq!(
            check(&bytes, 1500, Gaps::Allowed),
            Ok((vec![105, 106, 109], 2))
        );
    }

    #[test]
    fn a_repeated_frame_is_a_fault_even_when_gaps_are_allowed() {
        let fault = Fault::Repeated {
            expected: 7,
            found: 6,
        };
        assert_eq!(check(&stream(&[5, 6, 6]), 900, Gaps::Allowed), Err(fault));
    }

    #[test]
    fn bytes_lost_inside_a_frame_are_a_fault() {
        let mut bytes = stream(&[5, 6, 7]);
        bytes.drain(1500..1600);
        let found = check(&bytes, 4096, Gaps::Allowed);
        assert!(
            matches!(found, Err(Fault::Torn { front: 6, .. })),
            "{found:?}"
        );
    }
}
