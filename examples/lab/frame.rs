//! What a frame of the laboratory looks like: a frame is right if it is what `Head::write` makes of its own head.
//!
//! ```text
//!     0          8          16                                                    size - 8
//!     │ sequence │ sent at  │ a pattern that follows from both, and from the place │ !sequence │
//! ```
//!
//! Contiguous sequence numbers find frames that are missing or repeated; the complement at the back finds frames that
//! were torn and glued, for the price of two cache lines; the pattern finds every other byte that was changed, lost or
//! moved. All numbers are little-endian. Knows no socket and no clock.

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// From 0, and one more with every frame.
    pub(crate) sequence: u64,
    /// When it was sent, on the system-wide monotonic clock.
    pub(crate) sent_at_ns: u64,
}

impl Head {
    /// Writes all of a frame, which has at least `SMALLEST` bytes.
    pub(crate) fn write(self, frame: &mut [u8]) {
        let (front, rest) = frame.split_at_mut(PATTERN_AT);
        let (middle, back) = rest.split_at_mut(rest.len() - BACK_BYTES);
        front[..8].copy_from_slice(&self.sequence.to_le_bytes());
        front[8..].copy_from_slice(&self.sent_at_ns.to_le_bytes());
        back.copy_from_slice(&(!self.sequence).to_le_bytes());
        let mut word = self.seed();
        let mut places = middle.chunks_exact_mut(8);
        for place in &mut places {
            place.copy_from_slice(&word.to_le_bytes());
            word = word.wrapping_add(STEP);
        }
        let last = places.into_remainder();
        last.copy_from_slice(&word.to_le_bytes()[..last.len()]);
    }

    /// Odd factors: any change of one of the two numbers alone changes the seed, and with it every word of the pattern.
    fn seed(self) -> u64 {
        self.sequence.wrapping_mul(SEQUENCE_FACTOR) ^ self.sent_at_ns.wrapping_mul(MOMENT_FACTOR)
    }
}

/// Bytes in a frame unless an option says otherwise: the size that figures are stated for.
pub(crate) const STANDARD: usize = 1024;

/// Bytes that a frame has at least: both ends, the moment and one word of the pattern.
pub(crate) const SMALLEST: usize = PATTERN_AT + 8 + BACK_BYTES;

/// Where the pattern begins.
const PATTERN_AT: usize = 16;

/// The complement of the sequence number.
const BACK_BYTES: usize = 8;

/// From one word of the pattern to the next: 2^64 divided by the golden ratio, so that no two words of a frame are
/// equal.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const SEQUENCE_FACTOR: u64 = 0xbf58_476d_1ce4_e5b9;
const MOMENT_FACTOR: u64 = 0x94d0_49bb_1331_11eb;

/// Bytes that a frame has at most, the same as the relay's.
const LARGEST: usize = 1024 * 1024;

/// The value of an option `--frame-size`.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let size = text.parse().map_err(|error| format!("{error}"))?;
    if (SMALLEST..=LARGEST).contains(&size) {
        Ok(size)
    } else {
        Err(format!("a frame has {SMALLEST} to {LARGEST} bytes here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64, sent_at_ns: u64, size: usize) -> Vec<u8> {
        let mut frame = vec![0; size];
        let head = Head {
            sequence,
            sent_at_ns,
        };
        head.write(&mut frame);
        frame
    }

    #[test]
    fn a_frame_has_its_head_in_front_and_the_complement_at_the_back() {
        for size in [SMALLEST, 33, 39, 1000, STANDARD] {
            let bytes = frame(7, 0x0102, size);
            assert_eq!(bytes[..9], [7, 0, 0, 0, 0, 0, 0, 0, 2], "{size}");
            assert_eq!(bytes[size - 8..], (!7_u64).to_le_bytes(), "{size}");
        }
    }

    #[test]
    fn every_byte_is_written_whatever_was_there_before() {
        for size in SMALLEST..SMALLEST + 20 {
            let mut used = vec![0xff; size];
            let head = Head {
                sequence: 7,
                sent_at_ns: 5,
            };
            head.write(&mut used);
            assert_eq!(used, frame(7, 5, size), "{size}");
        }
    }

    #[test]
    fn no_word_of_a_frame_is_in_another_place_of_it_or_in_its_neighbours() {
        let words = |sequence| {
            let bytes = frame(sequence, 5, STANDARD);
            let words = bytes[PATTERN_AT..].chunks_exact(8);
            words.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let mut all = [words(8), words(9), words(10)].concat();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn another_moment_is_another_pattern() {
        let [one, other] = [5, 6].map(|sent_at_ns| frame(8, sent_at_ns, SMALLEST));
        assert_ne!(
            one[PATTERN_AT..PATTERN_AT + 8],
            other[PATTERN_AT..PATTERN_AT + 8]
        );
    }

    #[test]
    fn a_size_is_a_number_within_limits() {
        assert_eq!(parse_size("32"), Ok(32));
        assert_eq!(parse_size("1048576"), Ok(LARGEST));
        for text in ["31", "1048577", "", "1k", "-1"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
