//! The log as one would write it who has memory without end: every byte is kept where it was put.

use fanout::relay::frame_log::FrameLog;

use crate::script::Sizes;

pub(crate) struct LogModel {
    pub(crate) frame_size: usize,
    pub(crate) backlog_frames: usize,
    pub(crate) window: usize,
    /// All that was received, less what was discarded; the index of a byte is its position.
    stream: Vec<u8>,
    /// Bytes that the upstream has sent so far, those that were discarded too.
    sent: u64,
    /// The end of what may be given to clients.
    pub(crate) published: usize,
    /// Where the log started over.
    origin: usize,
    /// How far the log was filled at the most.
    filled: usize,
}

impl LogModel {
    pub(crate) fn new(sizes: &Sizes) -> Self {
        Self {
            frame_size: sizes.frame_size,
            backlog_frames: usize::try_from(sizes.backlog_frames).expect("a small number"),
            window: sizes.window.max(sizes.frame_size),
            stream: Vec::new(),
            sent: 0,
            published: 0,
            origin: 0,
            filled: 0,
        }
    }

    /// The upstream's next bytes. Which they are depends on how many there were before, so that none can be taken for
    /// its neighbour, and those after a cut not for those before it.
    pub(crate) fn receive(&mut self, count: usize) -> &[u8] {
        for _ in 0..count {
            self.sent += 1;
            self.stream
                .push(self.sent.wrapping_mul(SPREAD).to_be_bytes()[0]);
        }
        self.filled = self.filled.max(self.stream.len());
        &self.stream[self.stream.len() - count..]
    }

    pub(crate) fn discard_partial(&mut self) -> usize {
        let discarded = self.stream.len() - self.complete();
        self.stream.truncate(self.complete());
        discarded
    }

    pub(crate) fn rewind(&mut self) {
        self.origin = self.complete();
    }

    pub(crate) fn received(&self) -> usize {
        self.stream.len()
    }

    pub(crate) fn complete(&self) -> usize {
        self.frames() * self.frame_size
    }

    /// Complete frames so far.
    pub(crate) fn frames(&self) -> usize {
        self.stream.len() / self.frame_size
    }

    pub(crate) fn capacity(&self) -> usize {
        self.backlog_frames * self.frame_size + self.window
    }

    /// The oldest byte that is kept: a byte that was read over another is not taken back by being discarded.
    pub(crate) fn kept(&self) -> usize {
        self.origin.max(self.filled.saturating_sub(self.capacity()))
    }

    /// The first of the `frames` most recent complete frames, of those that are kept for everybody.
    pub(crate) fn first_of_last(&self, frames: u64) -> usize {
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        let first = self
            .frames()
            .saturating_sub(frames.min(self.backlog_frames));
        first.max(self.origin / self.frame_size)
    }

    pub(crate) fn is_due_to_rewind(&self) -> bool {
        let unfinished = self.received() - self.complete();
        self.received() - self.origin >= self.window
            && self.complete() == self.published
            && unfinished <= self.room_in_one_piece(self.complete())
    }

    /// Bytes from a position to where the ring ends.
    pub(crate) fn room_in_one_piece(&self, position: usize) -> usize {
        self.capacity() - (position - self.origin) % self.capacity()
    }

    pub(crate) fn frame(&self, number: usize) -> &[u8] {
        &self.stream[number * self.frame_size..][..self.frame_size]
    }

    pub(crate) fn check(&self, log: &FrameLog) {
        assert_eq!(log.received(), self.received() as u64);
        assert_eq!(log.complete(), self.complete() as u64);
        assert_eq!(log.published(), self.published as u64);
        assert_eq!(log.frame_size(), self.frame_size as u64);
        assert_eq!(log.window(), self.window as u64);
        assert_eq!(log.capacity(), self.capacity());
        assert_eq!(
            log.backlog_limit(),
            (self.backlog_frames * self.frame_size) as u64
        );
        assert_eq!(log.is_due_to_rewind(), self.is_due_to_rewind());
        assert_eq!(log.retained(), self.kept() as u64);
        self.check_range(log, self.kept(), self.received());
        for frames in [0, 1, self.backlog_frames as u64, u64::MAX] {
            let start = self.first_of_last(frames) * self.frame_size;
            assert_eq!(log.start_of_last(frames), start as u64);
            assert!(start >= self.kept(), "a replay of what is gone");
        }
    }

    pub(crate) fn check_range(&self, log: &FrameLog, from: usize, to: usize) {
        let pieces = log.between(from as u64, to as u64);
        assert_eq!(
            pieces.concat(),
            self.stream[from..to],
            "from {from} to {to}"
        );
        assert!(pieces[1].is_empty() || pieces[0].len() == self.room_in_one_piece(from));
        let start = from - from % self.frame_size;
        assert_eq!(log.frame_start(from as u64), start as u64);
    }
}

/// An odd number with its bits everywhere (2^64 divided by the golden ratio).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
