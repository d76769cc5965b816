//! Outcomes: what a call on a non-blocking socket comes to.
//!
//! Layer: admin. Owns the reading of an [`io::Result`]; what follows from it is the business of the
//! state that the call was made in. Knows nothing of either direction.

use std::io::{self, ErrorKind};

/// What a read or a write comes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// So many bytes, at least one.
    Moved(usize),
    /// Nothing: the end of the input, or a socket that takes no more.
    Ended,
    WouldBlock,
    Interrupted,
    /// What failed matters to nobody: the connection is over.
    Failed,
}

impl Outcome {
    pub(super) fn of(result: io::Result<usize>) -> Self {
        match result {
            Ok(0) => Self::Ended,
            Ok(count) => Self::Moved(count),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Self::WouldBlock,
                ErrorKind::Interrupted => Self::Interrupted,
                _ => Self::Failed,
            },
        }
    }

    /// The bytes that went over.
    pub(super) fn moved(self) -> usize {
        match self {
            Self::Moved(count) => count,
            _ => 0,
        }
    }
}
