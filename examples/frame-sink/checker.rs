//! Checks one client's stream, frame by frame, however the reads cut it.
//!
//! Owns where in a frame the stream stands and which frame has to come next. Knows no socket and no clock.

use crate::dialect::{Dialect, Envelope, Heard};
use crate::fault::Fault;
use crate::frame::Head;
use crate::options::Check;

/// What all streams are held against.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) dialect: Dialect,
    pub(crate) envelope: Envelope,
    pub(crate) frame_size: usize,
    pub(crate) check: Check,
    /// Whether a client may be skipped ahead (policy `skip`) or must see every frame.
    pub(crate) gaps_allowed: bool,
    /// Where a frame is written as it should be, to be compared.
    pub(crate) reference: Vec<u8>,
}

/// One client's stream.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// The front of a frame with its envelope, or of a line, whose rest is in a later read.
    partial: Vec<u8>,
    /// The sequence number that has to come next; `None` before the first frame.
    expected: Option<u64>,
    /// Complete frames so far.
    frames: u64,
    /// Frames that were passed over, where gaps are allowed.
    skipped: u64,
    /// Answers that the server waits for.
    owed_answers: u32,
}

impl Checker {
    /// Checks the next bytes of the stream, up to so many frames in all, and calls `on_frame` with every complete
    /// frame's moment of sending.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        rules: &mut Rules,
        limit: u64,
        mut on_frame: impl FnMut(u64),
    ) -> Result<(), Fault> {
        let unit_bytes = rules.unit_bytes();
        while !bytes.is_empty() && self.frames < limit {
            if !self.partial.is_empty() {
                bytes = self.complete(bytes, rules, &mut on_frame)?;
                continue;
            }
            if !rules.is_frame(bytes[0]) || bytes.len() < unit_bytes {
                bytes = self.begin(bytes, rules)?;
                continue;
            }
            let (unit, rest) = bytes.split_at(unit_bytes);
            on_frame(self.inspect(unit, rules)?);
            bytes = rest;
        }
        Ok(())
    }

    /// Whether the stream may end here.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        if self.partial.is_empty() {
            return Ok(());
        }
        Err(Fault::Cut {
            expected: self.expected.unwrap_or(0),
            bytes: self.partial.len(),
        })
    }

    /// Complete frames so far.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// The frame that has to come next; `None` before the first.
    pub(crate) fn next(&self) -> Option<u64> {
        self.expected
    }

    /// Frames that were passed over so far; always 0 where gaps are forbidden.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many answers the server waits for; they count as given.
    pub(crate) fn take_owed_answers(&mut self) -> u32 {
        std::mem::take(&mut self.owed_answers)
    }

    /// Adds to what was begun in an earlier read. Returns what belongs to the next frame or line.
    fn complete<'a>(
        &mut self,
        bytes: &'a [u8],
        rules: &mut Rules,
        on_frame: &mut impl FnMut(u64),
    ) -> Result<&'a [u8], Fault> {
        if !rules.is_frame(self.partial[0]) {
            let end = line_end(bytes);
            let (head, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.partial.extend_from_slice(head);
            if end.is_some() {
                let line = std::mem::take(&mut self.partial);
                self.hear(&line, rules)?;
            } else if self.partial.len() > LINE_BYTES {
                return Err(self.no_frame());
            }
            return Ok(rest);
        }
        let missing = rules.unit_bytes() - self.partial.len();
        let (head, rest) = bytes.split_at(missing.min(bytes.len()));
        self.partial.extend_from_slice(head);
        if self.partial.len() == rules.unit_bytes() {
            let mut unit = std::mem::take(&mut self.partial);
            on_frame(self.inspect(&unit, rules)?);
            // Its room is kept for the next one.
            unit.clear();
            self.partial = unit;
        }
        Ok(rest)
    }

    /// Begins a frame that is not complete, or a line. Returns what belongs to the next.
    fn begin<'a>(&mut self, bytes: &'a [u8], rules: &Rules) -> Result<&'a [u8], Fault> {
        let end = if rules.is_frame(bytes[0]) {
            None
        } else {
            line_end(bytes)
        };
        let Some(end) = end else {
            self.partial.extend_from_slice(bytes);
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(end);
        self.hear(line, rules)?;
        Ok(rest)
    }

    fn hear(&mut self, line: &[u8], rules: &Rules) -> Result<(), Fault> {
        match rules.dialect.hear(line) {
            Heard::Nothing => {}
            Heard::Ping => self.owed_answers += 1,
            Heard::Nonsense => return Err(self.no_frame()),
            Heard::Complaint(complaint) => return Err(Fault::Complaint(complaint)),
        }
        Ok(())
    }

    /// Checks a complete frame in its envelope; returns its moment of sending.
    fn inspect(&mut self, unit: &[u8], rules: &mut Rules) -> Result<u64, Fault> {
        let (prefix, rest) = unit.split_at(rules.envelope.prefix.len());
        let (frame, suffix) = rest.split_at(rules.frame_size);
        let head = Head {
            sequence: word(frame, 0),
            sent_at_ns: word(frame, 8),
        };
        let is_whole = match rules.check {
            Check::Ends => word(frame, rules.frame_size - 8) == !head.sequence,
            Check::All => {
                head.write(&mut rules.reference);
                rules.reference == frame
            }
        };
        if !is_whole || !rules.is_envelope(prefix, suffix) {
            return Err(self.diagnose(frame, head, rules));
        }
        self.advance(head.sequence, rules)?;
        Ok(head.sent_at_ns)
    }

    fn advance(&mut self, found: u64, rules: &Rules) -> Result<(), Fault> {
        let expected = self.expected.unwrap_or(found);
        if found < expected {
            return Err(Fault::Repeated { expected, found });
        }
        if found > expected && !rules.gaps_allowed {
            return Err(Fault::Missing { expected, found });
        }
        self.skipped += found - expected;
        self.expected = Some(found + 1);
        self.frames += 1;
        Ok(())
    }

    /// What is wrong with a frame that is not as it should be.
    fn diagnose(&self, frame: &[u8], head: Head, rules: &mut Rules) -> Fault {
        head.write(&mut rules.reference);
        let pairs = frame.iter().zip(&rules.reference);
        let at = pairs.take_while(|(own, right)| own == right).count();
        // The pattern follows from the head, so where it begins well, the head is right.
        if at >= PATTERN_BEGUN || self.expected == Some(head.sequence) {
            let sequence = head.sequence;
            return Fault::Torn { sequence, at };
        }
        self.no_frame()
    }

    fn no_frame(&self) -> Fault {
        match self.expected {
            Some(expected) => Fault::Garbage { expected },
            None => Fault::OffBoundary,
        }
    }
}

impl Rules {
    fn unit_bytes(&self) -> usize {
        self.envelope.unit_bytes(self.frame_size)
    }

    /// Whether these are around a frame. Nothing is not compared with nothing: an empty vector's address is no memory,
    /// and a `memcmp` that looks there under a mask of no bytes pays for the fault it does not raise (150 ns, AVX-512).
    fn is_envelope(&self, prefix: &[u8], suffix: &[u8]) -> bool {
        self.dialect == Dialect::Raw
            || (prefix == self.envelope.prefix && suffix == self.envelope.suffix)
    }

    /// Whether what begins with this byte is a frame in its envelope, and not a line between two.
    fn is_frame(&self, first: u8) -> bool {
        self.envelope.prefix.first().is_none_or(|&own| own == first)
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    Some(bytes.iter().position(|&byte| byte == b'\n')? + 1)
}

fn word(frame: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&frame[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// More than any line has.
const LINE_BYTES: usize = 64 * 1024;

/// Bytes up to the end of the pattern's first word.
const PATTERN_BEGUN: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{SMALLEST, STANDARD};
    use crate::greeting;

    fn rules(dialect: Dialect, frame_size: usize, check: Check) -> Rules {
        Rules {
            dialect,
            envelope: greeting::envelope(dialect, frame_size),
            frame_size,
            check,
            gaps_allowed: false,
            reference: vec![0; frame_size],
        }
    }

    fn raw() -> Rules {
        rules(Dialect::Raw, STANDARD, Check::All)
    }

    /// These frames in their envelopes; each was sent at 100 more than its number.
    fn stream(rules: &Rules, sequences: &[u64]) -> Vec<u8> {
        let units = sequences.iter().map(|&sequence| unit(rules, sequence));
        units.collect::<Vec<_>>().concat()
    }

    fn unit(rules: &Rules, sequence: u64) -> Vec<u8> {
        let mut frame = vec![0; rules.frame_size];
        let sent_at_ns = sequence + 100;
        Head {
            sequence,
            sent_at_ns,
        }
        .write(&mut frame);
        [&rules.envelope.prefix[..], &frame, &rules.envelope.suffix].concat()
    }

    /// The moments of the frames, and what was found of the stream as a whole.
    fn check(rules: &mut Rules, bytes: &[u8], cut: usize) -> Result<(Vec<u64>, Checker), Fault> {
        let mut checker = Checker::default();
        let mut moments = Vec::new();
        for piece in bytes.chunks(cut) {
            checker.feed(piece, rules, u64::MAX, |sent_at_ns| {
                moments.push(sent_at_ns);
            })?;
        }
        checker.end()?;
        Ok((moments, checker))
    }

    #[track_caller]
    fn fault(rules: &mut Rules, bytes: &[u8], cut: usize) -> Fault {
        check(rules, bytes, cut).expect_err("something is wrong")
    }

    #[test]
    fn a_whole_run_passes_however_it_is_cut() {
        for dialect in [Dialect::Raw, Dialect::Redis, Dialect::Nats] {
            for size in [SMALLEST, 33, 1000, STANDARD] {
                let mut rules = rules(dialect, size, Check::All);
                let bytes = stream(&rules, &[5, 6, 7, 8]);
                for cut in (1..80).chain([1000, 1023, 1024, 1025, 1037, 1038, 2048, 9000]) {
                    let found = check(&mut rules, &bytes, cut);
                    let found = found.map(|(moments, checker)| (moments, checker.frames()));
                    let expected = Ok((vec![105, 106, 107, 108], 4));
                    assert_eq!(found, expected, "{dialect:?} size={size} cut={cut}");
                }
            }
        }
    }

    #[test]
    fn every_single_changed_byte_is_found_by_the_full_check() {
        for dialect in [Dialect::Raw, Dialect::Redis, Dialect::Nats] {
            for size in [SMALLEST, 61, STANDARD] {
                let mut rules = rules(dialect, size, Check::All);
                let right = stream(&rules, &[5, 6, 7]);
                let unit_bytes = rules.unit_bytes();
                for at in 0..right.len() {
                    let mut bytes = right.clone();
                    bytes[at] ^= 1 << (at % 8);
                    // In the first frame nothing is expected yet, which must not help.
                    let found = check(&mut rules, &bytes, unit_bytes + 7);
                    assert!(found.is_err(), "{dialect:?} size={size} byte {at}");
                }
            }
        }
    }

    #[test]
    fn the_check_of_the_ends_finds_changes_there_and_none_between() {
        let mut rules = rules(Dialect::Raw, STANDARD, Check::Ends);
        let right = stream(&rules, &[5, 6, 7]);
        for at in 0..STANDARD {
            let mut bytes = right.clone();
            bytes[STANDARD + at] ^= 1;
            let is_found = check(&mut rules, &bytes, 4096).is_err();
            assert_eq!(is_found, !(8..STANDARD - 8).contains(&at), "byte {at}");
        }
    }

    #[test]
    fn a_missing_frame_is_a_fault_unless_gaps_are_allowed() {
        for cut in [1, 900, 5000] {
            let mut rules = raw();
            let bytes = stream(&rules, &[5, 6, 9]);
            let missing = Fault::Missing {
                expected: 7,
                found: 9,
            };
            assert_eq!(fault(&mut rules, &bytes, cut), missing);
            rules.gaps_allowed = true;
            let (moments, checker) = check(&mut rules, &bytes, cut).unwrap();
            assert_eq!((moments, checker.skipped()), (vec![105, 106, 109], 2));
        }
    }

    #[test]
    fn a_repeated_frame_is_a_fault_even_when_gaps_are_allowed() {
        let mut rules = raw();
        rules.gaps_allowed = true;
        let bytes = stream(&rules, &[5, 6, 6]);
        let repeated = Fault::Repeated {
            expected: 7,
            found: 6,
        };
        assert_eq!(fault(&mut rules, &bytes, 900), repeated);
    }

    #[test]
    fn bytes_lost_or_moved_inside_a_frame_are_told_with_the_place() {
        let mut rules = raw();
        let right = stream(&rules, &[5, 6, 7]);
        let mut lost = right.clone();
        lost.drain(1500..1600);
        let mut swapped = right.clone();
        swapped.swap(1500, 1508);
        let mut doubled = right;
        doubled.splice(1500..1500, [0; 3]);
        for bytes in [lost, swapped, doubled] {
            // Where two words have a byte in common, the difference shows a byte or two later.
            let found = fault(&mut rules, &bytes, 700);
            let is_told =
                matches!(found, Fault::Torn { sequence: 6, at } if (476..480).contains(&at));
            assert!(is_told, "{found:?}");
        }
    }

    #[test]
    fn something_else_in_place_of_a_frame_is_garbage_and_at_the_start_it_is_no_boundary() {
        let mut rules = raw();
        let mut bytes = stream(&rules, &[5, 6, 7]);
        let cut_open = bytes.split_off(1);
        assert_eq!(fault(&mut rules, &cut_open, 4096), Fault::OffBoundary);
        let mut bytes = stream(&rules, &[5, 6, 7]);
        bytes[1024..2048].fill(b'x');
        let garbage = Fault::Garbage { expected: 6 };
        assert_eq!(fault(&mut rules, &bytes, 1000), garbage);
    }

    #[test]
    fn a_stream_may_end_between_frames_only() {
        for size in [SMALLEST, 100] {
            let mut rules = rules(Dialect::Nats, size, Check::All);
            let right = stream(&rules, &[5, 6]);
            let unit_bytes = rules.unit_bytes();
            for end in 1..right.len() {
                let outcome = check(&mut rules, &right[..end], 50).map(|_| ());
                let expected = match end.checked_sub(unit_bytes) {
                    Some(0) => Ok(()),
                    Some(bytes) => Err(Fault::Cut { expected: 6, bytes }),
                    None => Err(Fault::Cut {
                        expected: 0,
                        bytes: end,
                    }),
                };
                assert_eq!(outcome, expected, "size={size} end={end}");
            }
        }
    }

    #[test]
    fn no_more_frames_are_looked_at_than_wanted() {
        let mut rules = raw();
        let bytes = stream(&rules, &[5, 6, 7, 99]);
        for cut in [1, 1024, 1500, 9000] {
            let mut checker = Checker::default();
            for piece in bytes.chunks(cut) {
                checker.feed(piece, &mut rules, 3, |_| {}).unwrap();
            }
            assert_eq!(checker.frames(), 3, "cut={cut}");
        }
    }

    #[test]
    fn lines_between_frames_are_heard_however_they_are_cut() {
        let mut rules = rules(Dialect::Nats, 100, Check::All);
        let frames = [5, 6].map(|sequence| unit(&rules, sequence));
        let lines = [&b"PING\r\n"[..], b"INFO {}\r\nPING\r\n", b"PONG\r\n"];
        let bytes = [lines[0], &frames[0], lines[1], &frames[1], lines[2]].concat();
        for cut in 1..bytes.len() {
            let (moments, mut checker) = check(&mut rules, &bytes, cut).unwrap();
            assert_eq!(moments, [105, 106], "cut={cut}");
            assert_eq!(checker.take_owed_answers(), 2, "cut={cut}");
            assert_eq!(checker.take_owed_answers(), 0, "cut={cut}");
        }
    }

    #[test]
    fn a_server_that_complains_is_quoted() {
        let mut rules = rules(Dialect::Nats, 100, Check::All);
        let mut bytes = stream(&rules, &[5]);
        bytes.extend_from_slice(b"-ERR 'Slow Consumer'\r\n");
        for cut in [1, 10, 500] {
            let complaint = Fault::Complaint("-ERR 'Slow Consumer'".to_owned());
            assert_eq!(fault(&mut rules, &bytes, cut), complaint);
        }
    }

    #[test]
    fn an_envelope_that_is_wrong_inside_is_no_frame() {
        let mut rules = rules(Dialect::Redis, 100, Check::Ends);
        let right = stream(&rules, &[5, 6, 7]);
        let unit_bytes = rules.unit_bytes();
        for at in [unit_bytes + 1, unit_bytes + 12, 2 * unit_bytes - 1] {
            let mut bytes = right.clone();
            bytes[at] ^= 1;
            assert!(check(&mut rules, &bytes, 1000).is_err(), "byte {at}");
        }
    }
}
