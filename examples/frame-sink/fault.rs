//! What can be wrong with a stream. Each is said in one line that begins with its name.

use std::fmt;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The sequence jumped ahead.
    Missing { expected: u64, found: u64 },
    /// The sequence went back.
    Repeated { expected: u64, found: u64 },
    /// A frame begins well and goes on wrong from this byte.
    Torn { sequence: u64, at: usize },
    /// Something else came in place of a frame.
    Garbage { expected: u64 },
    /// The first bytes are not a frame's first bytes.
    OffBoundary,
    /// The stream ended inside a frame.
    Cut { expected: u64, bytes: usize },
    /// The stream ended before it should.
    Ended { frames: u64 },
    /// No frame ever came.
    Nothing,
    /// The stream ended in good order, but not where another one did.
    Uneven { next: u64, elsewhere: u64 },
    /// The stream was aborted.
    Reset { frames: u64 },
    /// Nothing came for so long.
    Silent(Duration),
    /// The server says itself that something is wrong.
    Complaint(String),
    /// The socket does.
    Socket(String),
}

impl Fault {
    /// Whether a client that came at the wrong moment would see the same of a server that is ending.
    pub(crate) fn may_be_the_end(&self) -> bool {
        matches!(self, Self::Reset { .. } | Self::Socket(_))
    }
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
            Self::Torn { sequence, at } => {
                write!(out, "torn: frame {sequence} goes wrong at byte {at}")
            }
            Self::Garbage { expected } => {
                write!(out, "garbage: frame {expected} was due, no frame came")
            }
            Self::OffBoundary => {
                write!(out, "off-boundary: the stream does not begin with a frame")
            }
            Self::Cut { expected, bytes } => {
                write!(
                    out,
                    "cut: the stream ended {bytes} bytes into frame {expected}"
                )
            }
            Self::Ended { frames } => {
                write!(
                    out,
                    "ended: the server ended the stream after {frames} frames"
                )
            }
            Self::Nothing => {
                write!(
                    out,
                    "nothing: no frame came; has the server found its upstream?"
                )
            }
            Self::Uneven { next, elsewhere } => {
                write!(
                    out,
                    "uneven: the stream ended before frame {next}, that of another client before {elsewhere}"
                )
            }
            Self::Reset { frames } => write!(out, "reset: aborted after {frames} frames"),
            Self::Silent(time) => write!(out, "silent: nothing came for {time:?}"),
            Self::Complaint(words) => write!(out, "complaint: the server says {words:?}"),
            Self::Socket(words) => write!(out, "socket: {words}"),
        }
    }
}
