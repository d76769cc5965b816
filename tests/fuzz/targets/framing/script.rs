//! What the bytes of an input mean.
//!
//! The sizes are small, so that a few steps go round the ring and everything lies across its end sooner or later.

use arbitrary::{Arbitrary, Unstructured};

#[derive(Arbitrary, Debug)]
pub(crate) struct Script {
    pub(crate) sizes: Sizes,
    pub(crate) steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
pub(crate) struct Sizes {
    #[arbitrary(with = |bytes: &mut Unstructured| bytes.int_in_range(1..=24))]
    pub(crate) frame_size: usize,
    #[arbitrary(with = |bytes: &mut Unstructured| bytes.int_in_range(1..=6))]
    pub(crate) backlog_frames: u64,
    /// As it is asked for: it may be less than a frame.
    #[arbitrary(with = |bytes: &mut Unstructured| bytes.int_in_range(0..=72))]
    pub(crate) window: usize,
}

/// Where a client is named, it is by its place among those that are there, and so many more to go round.
#[derive(Arbitrary, Debug)]
pub(crate) enum Step {
    /// The upstream is read once.
    Read {
        /// The budget of the read.
        most: Amount,
        /// How far the log is left unfilled though it could be filled.
        unfilled: u8,
        /// By how much the read falls short of the room that there is.
        short: u8,
    },
    /// What is complete may be given to clients.
    Publish,
    /// The upstream's connection is cut, and another one made.
    Lose,
    /// The log starts over, if it is due and nobody needs what it holds.
    Rewind,
    /// A client joins that is to be given so many frames of the past.
    Join { replay: Amount },
    /// A client is offered bytes.
    Offer {
        client: u8,
        limit: Amount,
        mood: Mood,
    },
    /// A client is skipped ahead.
    Skip { client: u8 },
    /// A client leaves.
    Leave { client: u8 },
    /// A part of what the log keeps is looked at.
    Look { from: u8, length: u8 },
}

/// A number, or no limit.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Amount {
    Some(u8),
    Any,
}

/// What the kernel makes of the bytes that it is offered.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct Mood {
    /// Calls that a signal interrupts before one gets through.
    #[arbitrary(with = |bytes: &mut Unstructured| bytes.int_in_range(0..=9))]
    pub(crate) interrupts: usize,
    /// Bytes that there is room for.
    pub(crate) room: Amount,
    /// What it says when there is no room at all.
    pub(crate) refusal: Refusal,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Refusal {
    WouldBlock,
    TakenNothing,
    NoBuffers,
    Reset,
}

impl Amount {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Some(bytes) => bytes.into(),
            Self::Any => usize::MAX,
        }
    }

    pub(crate) fn frames(self) -> u64 {
        match self {
            Self::Some(frames) => frames.into(),
            Self::Any => u64::MAX,
        }
    }
}
