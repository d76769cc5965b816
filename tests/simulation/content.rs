//! What frames contain, and whether a client is given the right ones.
//!
//! A frame tells its number, so that every byte which is written to a client can be judged at once: whole frames, in
//! order, none twice, and gaps only where a client may be skipped ahead.

/// The byte at `offset` of frame `number`. The first two are the number itself.
pub(crate) fn frame_byte(number: u64, offset: usize) -> u8 {
    let [low, high, ..] = number.to_le_bytes();
    match offset {
        0 => low,
        1 => high,
        _ => low.wrapping_mul(31) ^ high ^ offset.to_le_bytes()[0].wrapping_mul(7),
    }
}

/// Judges the stream of one client.
#[derive(Debug)]
pub(crate) struct StreamCheck {
    frame_size: usize,
    /// The frame that comes next, or is under way.
    number: u64,
    /// Bytes of it that have come.
    offset: usize,
    /// Frames that may be missing before the first one.
    late_start: u64,
    /// Gaps are allowed.
    may_skip: bool,
    /// Whole frames.
    pub(crate) frames: u64,
    /// Frames left out.
    pub(crate) missed: u64,
}

impl StreamCheck {
    /// A stream that starts with frame `first`, or up to `late_start` frames later.
    pub(crate) fn new(frame_size: usize, first: u64, late_start: u64, may_skip: bool) -> Self {
        Self {
            frame_size,
            number: first,
            offset: 0,
            late_start,
            may_skip,
            frames: 0,
            missed: 0,
        }
    }

    /// The stream stands at the first byte of a frame.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.offset == 0
    }

    /// More bytes of the stream.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.offset < 2 && frame_byte(self.number, self.offset) != byte {
                self.leap(byte);
            }
            let expected = frame_byte(self.number, self.offset);
            assert_eq!(
                byte, expected,
                "byte {} of frame {} is not that of any frame that may come here",
                self.offset, self.number
            );
            self.offset += 1;
            if self.offset == self.frame_size {
                self.offset = 0;
                self.number += 1;
                self.frames += 1;
            }
        }
    }

    /// The frame under way is not the expected one but a later one, whose number has this byte at this place.
    fn leap(&mut self, byte: u8) {
        let step = 1 << (8 * self.offset);
        let found = frame_byte(self.number, self.offset);
        let gap = u64::from(byte.wrapping_sub(found)) * step;
        let may = self.may_skip || (self.frames == 0 && self.missed + gap <= self.late_start);
        assert!(may, "frame {} is left out, or comes twice", self.number);
        self.number += gap;
        self.missed += gap;
    }
}
