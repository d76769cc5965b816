//! News: what has happened to the upstream, in values that a log line can be made of.
//!
//! Layer: relay. Owns the words for what the system says, without its error numbers. Knows nothing
//! of where they go, and has no names of hosts: whoever has the list of upstreams can look them up.

use std::io;
use std::time::Duration;

use crate::relay::endpoint::Endpoint;

/// What has happened, for whoever wants to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An address is being connected to.
    Connecting(Endpoint),
    /// The connection has been made.
    Connected(Endpoint),
    /// The connection has been lost, or was not made.
    Lost {
        /// What, and why.
        loss: Loss,
        /// Frames that it completed.
        frames: u64,
        /// Bytes of a frame that it did not complete.
        discarded_bytes: u64,
    },
    /// The list has been gone through; the first target is tried again after this wait.
    Retry(Duration),
    /// It is connected, and no frame has come for the time that makes it stale.
    Stale(Endpoint, Duration),
}

/// An upstream that could not be connected to, or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub whom: Whom,
    /// Why, in the words of the log.
    pub reason: String,
}

/// An upstream, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The target with this index, of which no address is known.
    Target(usize),
    /// One address of a target.
    Addr(Endpoint),
}

/// The system's words for an error, without "(os error 111)".
pub(super) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_described_without_its_number() {
        let refused =
            io::Error::from_raw_os_error(if cfg!(target_os = "linux") { 111 } else { 61 });
        assert_eq!(describe(&refused), "connection refused");
        assert_eq!(describe(&io::Error::other("As it is")), "As it is");
    }
}
