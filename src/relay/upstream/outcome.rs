//! The results of attempts to connect to an upstream, under which they are counted.
//!
//! Layer: relay. Owns the names of the results and the choice between them. Knows nothing of what is
//! tried next, nor of the words in which a loss is told.

use std::fmt;
use std::io::{self, ErrorKind};

/// What came of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectResult {
    /// The connection was made.
    Made,
    /// Nobody listens there.
    Refused,
    /// It took too long; looking up the name, too.
    TimedOut,
    /// Anything else, a name without an address included.
    Failed,
    /// fanout met itself.
    ToItself,
}

impl ConnectResult {
    /// Every result, in the order in which [`crate::relay::stats::Stats`] counts them.
    pub const ALL: [Self; 5] = [
        Self::Made,
        Self::Refused,
        Self::TimedOut,
        Self::Failed,
        Self::ToItself,
    ];

    /// The result of an attempt that met `error`.
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for ConnectResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Made => "ok",
            Self::Refused => "refused",
            Self::TimedOut => "timeout",
            Self::Failed => "error",
            Self::ToItself => "self",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_a_refusal_a_timeout_or_another_failure() {
        let of = |kind: ErrorKind| ConnectResult::of(&kind.into());
        assert_eq!(of(ErrorKind::ConnectionRefused), ConnectResult::Refused);
        assert_eq!(of(ErrorKind::TimedOut), ConnectResult::TimedOut);
        assert_eq!(of(ErrorKind::HostUnreachable), ConnectResult::Failed);
        assert_eq!(of(ErrorKind::ConnectionReset), ConnectResult::Failed);
    }
}
