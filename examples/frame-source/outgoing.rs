//! The bytes that are being sent: some frames in their envelopes, all with one stamp, or the damage in their place.
//!
//! Owns how many frames of it the client has had whole. Knows no socket.

use crate::dialect::Envelope;
use crate::frame::Head;

/// Frames that are made and sent together.
pub(crate) struct Outgoing {
    frame_size: usize,
    /// Where in a unit its frame begins.
    frame_at: usize,
    unit_bytes: usize,
    /// Room for `capacity` units, whose envelopes stay in place.
    bytes: Vec<u8>,
    /// `..sent` is with the kernel, `sent..end` is not; both at most `bytes.len()`.
    sent: usize,
    end: usize,
    /// The sequence number of the first frame.
    first: u64,
    frames: u64,
    /// Frames that have gone out whole once all of it is sent: `frames`, or none if it ends inside the first.
    whole_at_end: u64,
}

impl Outgoing {
    pub(crate) fn new(envelope: &Envelope, frame_size: usize) -> Self {
        let unit_bytes = envelope.unit_bytes(frame_size);
        let unit = [&envelope.prefix[..], &vec![0; frame_size], &envelope.suffix].concat();
        Self {
            frame_size,
            frame_at: envelope.prefix.len(),
            unit_bytes,
            bytes: unit.repeat((BATCH_BYTES / unit_bytes).max(1)),
            sent: 0,
            end: 0,
            first: 0,
            frames: 0,
            whole_at_end: 0,
        }
    }

    /// Makes frames; they have to fit.
    pub(crate) fn fill(&mut self, head: Head, frames: u64) {
        let wanted = usize::try_from(frames).unwrap_or(usize::MAX);
        let units = self.bytes.chunks_exact_mut(self.unit_bytes).take(wanted);
        for (unit, sequence) in units.zip(head.sequence..) {
            let frame = &mut unit[self.frame_at..self.frame_at + self.frame_size];
            Head { sequence, ..head }.write(frame);
        }
        self.first = head.sequence;
        self.frames = frames;
        self.whole_at_end = frames;
        self.sent = 0;
        self.end = wanted * self.unit_bytes;
    }

    /// Puts random bytes in place of the first frame.
    pub(crate) fn spoil(&mut self) {
        let mut random = fastrand::Rng::with_seed(self.first);
        random.fill(&mut self.bytes[self.frame_at..self.frame_at + self.frame_size]);
    }

    /// Loses bytes in the middle of the first frame.
    pub(crate) fn tear(&mut self) {
        let from = self.frame_at + self.frame_size / 2;
        let lost = TORN_BYTES.min(self.frame_size / 4);
        self.bytes.copy_within(from + lost..self.unit_bytes, from);
        self.end = self.unit_bytes - lost;
    }

    /// Ends inside the first frame.
    pub(crate) fn cut(&mut self) {
        self.end = self.frame_at + self.frame_size / 2;
        self.whole_at_end = 0;
    }

    /// Notes that the kernel has taken so many bytes more.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    /// Forgets what has not been sent.
    pub(crate) fn clear(&mut self) {
        self.end = 0;
        self.sent = 0;
        self.frames = 0;
        self.whole_at_end = 0;
    }

    /// What the kernel has not taken yet.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..self.end]
    }

    /// Frames that went out whole, the damaged ones included.
    pub(crate) fn whole(&self) -> u64 {
        if self.sent == self.end {
            return self.whole_at_end;
        }
        (self.sent / self.unit_bytes) as u64
    }

    /// Frames that were to go out.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// The sequence number of the first of them.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Frames that fit, at least 1.
    pub(crate) fn capacity(&self) -> u64 {
        (self.bytes.len() / self.unit_bytes) as u64
    }
}

/// Bytes in one write when flat out: large enough that the source's system calls do not weigh.
const BATCH_BYTES: usize = 128 * 1024;

/// Bytes that a torn frame loses, if it is large enough.
const TORN_BYTES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64;

    fn outgoing(frames: u64) -> Outgoing {
        let envelope = Envelope {
            prefix: b"<".to_vec(),
            suffix: b">\n".to_vec(),
        };
        let mut outgoing = Outgoing::new(&envelope, SIZE);
        outgoing.fill(head(7), frames);
        outgoing
    }

    fn head(sequence: u64) -> Head {
        Head {
            sequence,
            sent_at_ns: 99,
        }
    }

    fn unit(sequence: u64) -> Vec<u8> {
        let mut frame = vec![0; SIZE];
        head(sequence).write(&mut frame);
        [&b"<"[..], &frame, b">\n"].concat()
    }

    #[test]
    fn frames_follow_each_other_each_in_its_envelope() {
        assert_eq!(outgoing(3).unsent(), [unit(7), unit(8), unit(9)].concat());
    }

    #[test]
    fn only_frames_that_have_gone_out_to_their_last_byte_are_whole() {
        let mut outgoing = outgoing(3);
        for (bytes, whole) in [(0, 0), (66, 0), (1, 1), (66, 1), (67, 2), (1, 3)] {
            outgoing.advance(bytes);
            assert_eq!(outgoing.whole(), whole);
        }
        assert!(outgoing.unsent().is_empty());
    }

    #[test]
    fn what_is_cut_is_half_a_frame_and_none_that_is_whole() {
        let mut outgoing = outgoing(1);
        outgoing.cut();
        assert_eq!(outgoing.unsent(), &unit(7)[..=SIZE / 2]);
        outgoing.advance(outgoing.unsent().len());
        assert_eq!((outgoing.frames(), outgoing.whole()), (1, 0));
    }

    #[test]
    fn what_is_torn_lacks_bytes_inside_and_the_next_frame_lacks_none() {
        let mut outgoing = outgoing(1);
        outgoing.tear();
        let right = unit(7);
        let torn = outgoing.unsent().to_vec();
        assert_eq!(torn.len(), right.len() - SIZE / 4);
        assert_eq!(torn[..=SIZE / 2], right[..=SIZE / 2]);
        assert!(torn.ends_with(&right[right.len() - 10..]));
        outgoing.fill(head(8), 1);
        assert_eq!(outgoing.unsent(), unit(8));
    }

    #[test]
    fn garbage_has_the_length_of_a_frame_and_keeps_its_envelope() {
        let mut outgoing = outgoing(1);
        outgoing.spoil();
        let (garbage, right) = (outgoing.unsent(), unit(7));
        assert_eq!(garbage.len(), right.len());
        assert_eq!((garbage[0], &garbage[SIZE + 1..]), (b'<', &b">\n"[..]));
        assert_ne!(garbage[1..9], right[1..9]);
    }

    #[test]
    fn large_frames_go_out_alone_and_small_ones_together() {
        for (size, frames) in [(1024, 128), (128 * 1024, 1), (1024 * 1024, 1)] {
            let outgoing = Outgoing::new(&Envelope::default(), size);
            assert_eq!(outgoing.capacity(), frames);
        }
    }
}
