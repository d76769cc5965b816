//! Frames that can be checked: a magic number, a sequence number, a filler that follows from the sequence number, and a
//! checksum.
//!
//! The invariant: a frame of a given size is a function of its sequence number alone, so that a reader who knows the
//! size can tell a whole frame from anything else, and every frame from every other.

use std::ops::Range;

/// The smallest frame that has room for the magic number, the sequence number and the checksum.
pub(crate) const SMALLEST: usize = MAGIC.len() + SEQUENCE + CHECKSUM;

/// The frame with this sequence number.
pub(crate) fn frame(sequence: u64, size: usize) -> Vec<u8> {
    assert!(
        size >= SMALLEST,
        "a checkable frame has at least {SMALLEST} bytes"
    );
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    let filler = (sequence ^ SALT).wrapping_mul(ODD).to_be_bytes();
    bytes.extend(filler.iter().cycle().take(size - SMALLEST));
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The frames of a range, one after another.
pub(crate) fn frames(sequences: Range<u64>, size: usize) -> Vec<u8> {
    sequences
        .flat_map(|sequence| frame(sequence, size))
        .collect()
}

/// The sequence number of a whole frame; anything else fails the test.
#[track_caller]
pub(crate) fn sequence_of(bytes: &[u8]) -> u64 {
    let head = &bytes[..bytes.len().min(32)];
    assert!(
        bytes.starts_with(MAGIC),
        "not the first byte of a frame: {head:?}"
    );
    let number = bytes[MAGIC.len()..MAGIC.len() + SEQUENCE]
        .try_into()
        .expect("eight bytes");
    let sequence = u64::from_be_bytes(number);
    assert!(
        bytes == frame(sequence, bytes.len()),
        "frame {sequence} is damaged: {head:?}"
    );
    sequence
}

/// FNV-1a over words of eight bytes: enough to notice mixed-up bytes, quick enough for debug builds.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_be_bytes(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

const MAGIC: &[u8] = b"FRAM";
const SEQUENCE: usize = 8;
const CHECKSUM: usize = 8;
const SALT: u64 = 0x5bd1_e995_9d1b_54a5;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
