//! Departures: why a client left, and in which manner its connection is ended.
//!
//! Layer: relay. Owns the rule that a clean end is a FIN at a frame boundary, and that a client
//! which fanout throws out is reset, so that the client cannot mistake the one for the other. Knows
//! nothing of how a reset is made.

use std::fmt;
use std::io::{self, ErrorKind};

/// Why a client left. The words are those of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The client closed or reset its connection.
    Closed,
    /// Any other failure of its socket.
    Error,
    /// It lagged by more than the backlog limit, under [`super::policy::SlowPolicy::Disconnect`].
    Slow,
    /// Its kernel took no byte for the stall timeout.
    Stalled,
    /// It sent more than [`super::limits::FLOOD_BYTES`].
    Flood,
    /// fanout was told to stop.
    Drain,
    /// The upstream ended and was not to be dialled again.
    UpstreamEnd,
}

impl Reason {
    /// Every reason, in the order in which [`super::stats::Stats`] counts them.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Error,
        Self::Slow,
        Self::Stalled,
        Self::Flood,
        Self::Drain,
        Self::UpstreamEnd,
    ];

    /// fanout threw the client out.
    #[must_use]
    pub fn is_expulsion(self) -> bool {
        matches!(self, Self::Slow | Self::Stalled | Self::Flood)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Closed => "closed",
            Self::Error => "error",
            Self::Slow => "slow",
            Self::Stalled => "stalled",
            Self::Flood => "flood",
            Self::Drain => "drain",
            Self::UpstreamEnd => "upstream-end",
        })
    }
}

/// In which manner a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By closing it: what the kernel holds is still delivered, then a FIN.
    Fin,
    /// By resetting it (`SO_LINGER` of zero): what the kernel holds is thrown away at once.
    Reset,
}

/// One departure.
#[derive(Debug)]
pub struct Departure {
    /// Why.
    pub reason: Reason,
    /// How the connection is ended.
    pub ending: Ending,
    /// The failure behind [`Reason::Error`].
    pub error: Option<io::Error>,
}

impl Departure {
    /// A client is thrown out, or was still behind when the drain time was up.
    #[must_use]
    pub fn by_reset(reason: Reason) -> Self {
        Self {
            reason,
            ending: Ending::Reset,
            error: None,
        }
    }

    /// A client has received everything, or went by itself.
    #[must_use]
    pub fn by_fin(reason: Reason) -> Self {
        Self {
            reason,
            ending: Ending::Fin,
            error: None,
        }
    }

    /// Its socket failed.
    #[must_use]
    pub fn by_failure(error: io::Error) -> Self {
        if is_gone(&error) {
            return Self::by_fin(Reason::Closed);
        }
        Self {
            reason: Reason::Error,
            // It may live all the same, in the middle of a frame.
            ending: Ending::Reset,
            error: Some(error),
        }
    }
}

/// The errors that mean no more than "it closed or reset its connection".
///
/// After a half-close, Linux reports the later reset as `EPIPE`; macOS can report a connection that
/// is being torn down as `EPROTOTYPE` (41 there) or `ENOTCONN`.
fn is_gone(error: &io::Error) -> bool {
    let kind = matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::WriteZero
    );
    kind || (cfg!(target_vendor = "apple") && error.raw_os_error() == Some(41))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_a_close_and_another_failure_keeps_its_error() {
        let reset = Departure::by_failure(ErrorKind::ConnectionReset.into());
        assert_eq!(
            (reset.reason, reset.error.is_none()),
            (Reason::Closed, true)
        );
        let unreachable = Departure::by_failure(ErrorKind::HostUnreachable.into());
        assert_eq!(unreachable.reason, Reason::Error);
        assert_eq!(
            unreachable.error.map(|error| error.kind()),
            Some(ErrorKind::HostUnreachable)
        );
    }

    #[test]
    fn the_number_of_a_connection_torn_down_on_macos_means_nothing_elsewhere() {
        let torn_down = Departure::by_failure(io::Error::from_raw_os_error(41));
        let is_closed = torn_down.reason == Reason::Closed;
        assert_eq!(is_closed, cfg!(target_vendor = "apple"));
    }

    #[test]
    fn words_of_the_log_are_all_different() {
        let words: std::collections::HashSet<_> =
            Reason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
