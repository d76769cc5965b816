//! The frame log: one ring of bytes that the upstream is read into and every client is written
//! from.
//!
//! Layer: relay. The only place where frame bytes live. Knows nothing of clients: it is told how
//! far it may be filled, and trusts that nobody needs what lies further back than its capacity.
//!
//! ```text
//!   positions only grow; the byte at position p lies at (p - origin) % capacity
//!
//!        ┌ overwritten ┐┌────────── kept: capacity bytes ────────────────────┐
//!   ─────┴─────────────┴┼──────────────┬──────────────────┬─────────┬────────┼───▶
//!                       │  published   │ complete, held   │ partial │ spare  │
//!                       │  frames      │ back by --linger │ frame   │        │
//!                    retained      published           complete  received  limit
//!
//!   filled - capacity ≤ retained ≤ published ≤ complete ≤ received < complete + frame_size
//!   origin ≤ retained     received ≤ filled < complete + frame_size
//! ```
//!
//! When everybody has everything, the log rewinds: the next byte goes to the start of the ring
//! again. So it takes no more memory than clients have lagged, and while they keep up, the few
//! hundred kilobytes that go round stay in the processor's cache.

/// A place in the stream: bytes since the log was made. Whole frames only, so frame boundaries are
/// the multiples of the frame size.
pub type Position = u64;

/// The shared log. Its capacity is `backlog × frame size` plus one read window.
pub struct FrameLog {
    ring: Box<[u8]>,
    /// Bytes per frame, at least 1.
    frame_size: u64,
    /// A client may lag by this many bytes; a multiple of `frame_size`.
    backlog_limit: u64,
    /// How far the log may be filled beyond the slowest client of the previous lap, at least
    /// `frame_size`.
    window: u64,
    /// The position whose byte lies at the start of the ring, or did once. Nothing before it is
    /// kept. At most `published`, a multiple of `frame_size`.
    origin: Position,
    /// Read from the upstream so far; at least `complete`, less than `complete + frame_size`.
    received: Position,
    /// How far the ring was filled at the most: bytes that were read and discarded again have
    /// overwritten others all the same. At least `received`, less than `complete + frame_size`.
    filled: Position,
    /// End of the last complete frame; at least `published`, a multiple of `frame_size`.
    complete: Position,
    /// End of what clients may be given; a multiple of `frame_size`.
    published: Position,
}

/// A frame log that does not fit into memory.
#[derive(Debug, thiserror::Error)]
#[error("cannot allocate {bytes} bytes for the frame log")]
pub struct LogTooLarge {
    /// Bytes asked for.
    pub bytes: u128,
}

impl FrameLog {
    /// A log that keeps `backlog_frames` frames of `frame_size` bytes and a read window.
    ///
    /// The window is `window` bytes, or one frame where a frame is larger.
    ///
    /// # Errors
    /// When the system refuses the memory.
    ///
    /// # Panics
    /// When `frame_size` or `backlog_frames` is zero.
    pub fn new(frame_size: usize, backlog_frames: u64, window: usize) -> Result<Self, LogTooLarge> {
        assert!(
            frame_size > 0 && backlog_frames > 0,
            "a frame and a backlog have a size"
        );
        let window = window.max(frame_size);
        let bytes = u128::from(backlog_frames) * frame_size as u128 + window as u128;
        let capacity = usize::try_from(bytes).map_err(|_| LogTooLarge { bytes })?;
        // `vec![0; n]` asks for zeroed pages and touches none, but aborts when refused: so the
        // question is asked first in the form that can be answered with no.
        Vec::<u8>::new()
            .try_reserve_exact(capacity)
            .map_err(|_| LogTooLarge { bytes })?;
        Ok(Self {
            ring: vec![0; capacity].into_boxed_slice(),
            frame_size: frame_size as u64,
            backlog_limit: backlog_frames * frame_size as u64,
            window: window as u64,
            origin: 0,
            received: 0,
            filled: 0,
            complete: 0,
            published: 0,
        })
    }

    /// Room to read into: from what has been received up to `limit`, as far as it lies in one
    /// piece, and at most `most` bytes. Empty when `limit` is reached.
    pub fn spare(&mut self, limit: Position, most: usize) -> &mut [u8] {
        let room = limit.saturating_sub(self.received).min(most as u64);
        let start = self.place(self.received);
        let length = usize::try_from(room).map_or(usize::MAX, |room| room);
        let end = self.ring.len().min(start.saturating_add(length));
        &mut self.ring[start..end]
    }

    /// Takes note that `count` bytes were read into the slice that [`FrameLog::spare`] gave, and
    /// says how many frames they completed.
    ///
    /// # Panics
    /// When `count` is more than the capacity: the caller made the bytes up.
    pub fn commit(&mut self, count: usize) -> u64 {
        assert!(count <= self.ring.len(), "more committed than was spare");
        self.received += count as u64;
        self.filled = self.filled.max(self.received);
        let before = self.complete;
        self.complete = self.received - self.received % self.frame_size;
        (self.complete - before) / self.frame_size
    }

    /// Makes every complete frame part of what clients may be given.
    pub fn publish(&mut self) {
        self.published = self.complete;
    }

    /// Forgets the bytes of a frame that its upstream connection never completed, and says how
    /// many there were.
    pub fn discard_partial(&mut self) -> u64 {
        let discarded = self.received - self.complete;
        self.received = self.complete;
        discarded
    }

    /// A window has gone by since the last rewind, nothing is held back, and the unfinished frame
    /// lies in one piece: rewinding is worth its while, if nobody needs what is published.
    #[must_use]
    pub fn is_due_to_rewind(&self) -> bool {
        let partial = self.received - self.complete;
        self.received - self.origin >= self.window
            && self.complete == self.published
            && self.place(self.complete) as u64 + partial <= self.ring.len() as u64
    }

    /// Forgets all complete frames and goes on at the start of the ring, with the unfinished frame.
    ///
    /// At most a byte is moved for each byte read since the last time: the unfinished frame is
    /// smaller than a window.
    ///
    /// # Panics
    /// When [`FrameLog::is_due_to_rewind`] says no.
    pub fn rewind(&mut self) {
        assert!(self.is_due_to_rewind(), "a rewind out of turn");
        let start = self.place(self.complete);
        // The part of the ring behind `start`, by the assertion above, so it fits.
        let partial = usize::try_from(self.received - self.complete).unwrap_or(0);
        self.ring.copy_within(start..start + partial, 0);
        self.origin = self.complete;
    }

    /// The bytes from `from` to `to` in at most two pieces; the second is empty unless the range
    /// runs over the end of the ring.
    ///
    /// # Panics
    /// When the range is not part of what is kept.
    #[must_use]
    pub fn between(&self, from: Position, to: Position) -> [&[u8]; 2] {
        assert!(
            self.retained() <= from && from <= to && to <= self.received,
            "a range that the log does not keep"
        );
        let start = self.place(from);
        // At most the capacity, by the assertion above, so it fits.
        let length = usize::try_from(to - from).unwrap_or(usize::MAX);
        let first = length.min(self.ring.len() - start);
        [
            &self.ring[start..start + first],
            &self.ring[..length - first],
        ]
    }

    /// Bytes per frame.
    #[must_use]
    pub fn frame_size(&self) -> u64 {
        self.frame_size
    }

    /// How many bytes a client may lag: a multiple of the frame size.
    #[must_use]
    pub fn backlog_limit(&self) -> u64 {
        self.backlog_limit
    }

    /// How many bytes may be read ahead of a fan-out that is under way.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Bytes of memory that the log takes when it has been filled once.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.len()
    }

    /// The oldest byte that is kept.
    #[must_use]
    pub fn retained(&self) -> Position {
        let overwritten = self.filled.saturating_sub(self.ring.len() as u64);
        overwritten.max(self.origin)
    }

    /// Read from the upstream so far.
    #[must_use]
    pub fn received(&self) -> Position {
        self.received
    }

    /// End of the last complete frame.
    #[must_use]
    pub fn complete(&self) -> Position {
        self.complete
    }

    /// End of what clients may be given.
    #[must_use]
    pub fn published(&self) -> Position {
        self.published
    }

    /// The start of the frame that `position` lies in.
    #[must_use]
    pub fn frame_start(&self, position: Position) -> Position {
        position - position % self.frame_size
    }

    /// Where a client starts that is to be given the `frames` most recent complete frames, as far
    /// as they are kept for everybody.
    #[must_use]
    pub fn start_of_last(&self, frames: u64) -> Position {
        let bytes = frames.saturating_mul(self.frame_size);
        let start = self.complete.saturating_sub(bytes.min(self.backlog_limit));
        start.max(self.origin)
    }

    /// Index of the byte at `position`.
    fn place(&self, position: Position) -> usize {
        // The remainder is less than a slice's length, so it fits.
        usize::try_from((position - self.origin) % self.ring.len() as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(log: &mut FrameLog, bytes: &[u8]) -> u64 {
        let mut frames = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let limit = log.received() + rest.len() as u64;
            let spare = log.spare(limit, usize::MAX);
            let count = spare.len();
            spare.copy_from_slice(&rest[..count]);
            rest = &rest[count..];
            frames += log.commit(count);
        }
        frames
    }

    fn read(log: &FrameLog, from: Position, to: Position) -> Vec<u8> {
        log.between(from, to).concat()
    }

    #[test]
    fn three_frames_come_out_whole_however_they_are_cut() {
        let frames = b"aaaabbbbcccc";
        for first in 0..=frames.len() {
            for second in first..=frames.len() {
                let mut log = FrameLog::new(4, 8, 16).unwrap();
                let mut complete = 0;
                for piece in [&frames[..first], &frames[first..second], &frames[second..]] {
                    complete += receive(&mut log, piece);
                    assert_eq!(log.complete(), log.received() / 4 * 4);
                }
                log.publish();
                assert_eq!(complete, 3);
                assert_eq!(read(&log, 0, log.published()), frames);
            }
        }
    }

    #[test]
    fn a_partial_frame_is_neither_complete_nor_published() {
        let mut log = FrameLog::new(4, 8, 16).unwrap();
        assert_eq!(receive(&mut log, b"aaaabb"), 1);
        log.publish();
        assert_eq!((log.published(), log.complete(), log.received()), (4, 4, 6));
    }

    #[test]
    fn a_discarded_partial_frame_leaves_a_frame_boundary() {
        let mut log = FrameLog::new(4, 8, 16).unwrap();
        receive(&mut log, b"aaaabbb");
        assert_eq!(log.discard_partial(), 3);
        assert_eq!(log.discard_partial(), 0);
        receive(&mut log, b"cccc");
        log.publish();
        assert_eq!(read(&log, 0, 8), b"aaaacccc");
    }

    #[test]
    fn what_a_discarded_partial_frame_has_overwritten_is_not_kept() {
        // Capacity 4 + 4 = 8: the third frame overwrites the first while it comes.
        let mut log = FrameLog::new(4, 1, 4).unwrap();
        receive(&mut log, b"aaaabbbbccc");
        log.discard_partial();
        assert_eq!(log.retained(), 3);
        assert_eq!(read(&log, 3, 8), b"abbbb");
    }

    #[test]
    fn positions_go_round_the_ring_and_bytes_stay_the_same() {
        // Capacity 2 × 3 + 7 = 13, no multiple of the frame size: frames lie across the end.
        let mut log = FrameLog::new(3, 2, 7).unwrap();
        for number in 0..100u8 {
            receive(&mut log, &[number, number, number]);
            log.publish();
            let last = log.published();
            assert_eq!(read(&log, last - 3, last), [number; 3]);
            if number > 0 {
                assert_eq!(read(&log, last - 6, last - 3), [number - 1; 3]);
            }
        }
    }

    #[test]
    fn spare_ends_at_the_limit_the_end_of_the_ring_and_the_budget() {
        let mut log = FrameLog::new(4, 2, 8).unwrap();
        assert_eq!(log.spare(5, usize::MAX).len(), 5);
        assert_eq!(log.spare(5, 2).len(), 2);
        assert_eq!(log.spare(1000, usize::MAX).len(), 16);
        log.commit(10);
        assert_eq!(log.spare(1000, usize::MAX).len(), 6);
        assert_eq!(log.spare(10, usize::MAX).len(), 0);
        assert_eq!(log.spare(9, usize::MAX).len(), 0);
    }

    #[test]
    fn a_window_holds_one_frame_at_least() {
        let log = FrameLog::new(1000, 2, 16).unwrap();
        assert_eq!((log.window(), log.capacity()), (1000, 3000));
    }

    #[test]
    fn the_last_frames_are_counted_from_the_newest_complete_one() {
        let mut log = FrameLog::new(4, 2, 16).unwrap();
        assert_eq!(log.start_of_last(5), 0);
        receive(&mut log, b"aaaabbbbccccd");
        assert_eq!(log.start_of_last(0), 12);
        assert_eq!(log.start_of_last(1), 8);
        assert_eq!(log.start_of_last(2), 4);
        assert_eq!(log.start_of_last(u64::MAX), 4);
    }

    #[test]
    fn a_rewound_log_goes_on_at_the_start_with_the_frame_under_way() {
        let mut log = FrameLog::new(4, 3, 8).unwrap();
        for number in 0..50u8 {
            let before = log.received();
            receive(&mut log, &[number, number, number]);
            if log.complete() > log.published() {
                log.publish();
                assert_eq!(read(&log, log.published() - 1, log.received())[0], number);
            }
            assert_eq!(log.received(), before + 3, "positions only grow");
            let partial = read(&log, log.complete(), log.received());
            if log.is_due_to_rewind() {
                log.rewind();
                assert_eq!(read(&log, log.complete(), log.received()), partial);
                assert_eq!(log.retained(), log.complete(), "nothing else is kept");
                assert_eq!(log.start_of_last(u64::MAX), log.complete());
                assert!(!log.is_due_to_rewind(), "once a window");
            }
        }
        assert!(log.origin > 100, "rewound again and again: {}", log.origin);
    }

    #[test]
    fn a_log_does_not_rewind_before_its_window_nor_over_what_is_held_back() {
        let mut log = FrameLog::new(4, 3, 8).unwrap();
        receive(&mut log, b"aaaa");
        log.publish();
        assert!(!log.is_due_to_rewind(), "half a window");
        receive(&mut log, b"bbbb");
        assert!(!log.is_due_to_rewind(), "a frame is held back");
        log.publish();
        assert!(log.is_due_to_rewind());
    }

    #[test]
    fn a_frame_that_lies_across_the_end_of_the_ring_is_not_moved() {
        // Capacity 3 × 2 + 4 = 10: the fourth frame lies from 9 to 12.
        let mut log = FrameLog::new(3, 2, 4).unwrap();
        receive(&mut log, b"aaabbb");
        log.publish();
        receive(&mut log, b"cc");
        assert!(log.is_due_to_rewind(), "the third lies in one piece");
        receive(&mut log, b"c");
        log.publish();
        assert!(log.is_due_to_rewind());
        receive(&mut log, b"dd");
        assert!(!log.is_due_to_rewind());
        receive(&mut log, b"d");
        log.publish();
        log.rewind();
        receive(&mut log, b"eee");
        log.publish();
        assert_eq!(read(&log, 12, 15), b"eee");
    }

    #[test]
    #[should_panic(expected = "a range that the log does not keep")]
    fn what_was_rewound_over_cannot_be_had() {
        let mut log = FrameLog::new(4, 3, 8).unwrap();
        receive(&mut log, b"aaaabbbb");
        log.publish();
        log.rewind();
        let _ = log.between(4, 8);
    }

    #[test]
    fn a_log_beyond_all_memory_is_an_error() {
        assert!(FrameLog::new(1024 * 1024, u64::MAX / (1024 * 1024), 16).is_err());
    }

    #[test]
    #[should_panic(expected = "a range that the log does not keep")]
    fn overwritten_bytes_cannot_be_had() {
        let mut log = FrameLog::new(4, 1, 4).unwrap();
        receive(&mut log, b"aaaabbbbc");
        let _ = log.between(0, 4);
    }
}
