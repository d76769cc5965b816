//! The errors of `accept` under which failures are counted.
//!
//! Layer: relay. Owns the numbers of those errors, which differ between systems, and their names.
//! Knows nothing of what follows from one: that is decided in `entrance.rs`.

use std::fmt;
use std::io::{self, ErrorKind};

/// What a connection was lost to before it had a seat. The names are those of `errno(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcceptError {
    /// `EMFILE`: the process has as many descriptors as it may have.
    ProcessDescriptors,
    /// `ENFILE`: the system has as many open files as it may have.
    SystemDescriptors,
    /// `ENOBUFS`: no memory for the socket.
    NoBuffers,
    /// `ENOMEM`: no memory.
    NoMemory,
    /// `ECONNABORTED`: the client was gone before it was accepted.
    Aborted,
    /// `EINTR`: a signal came.
    Interrupted,
    /// `EPROTO`: the connection was broken.
    Protocol,
    /// `EPERM`: a firewall forbids it.
    Forbidden,
    /// Any other.
    Other,
}

impl AcceptError {
    /// Every error, in the order in which [`super::stats::Stats`] counts them.
    pub const ALL: [Self; 9] = [
        Self::ProcessDescriptors,
        Self::SystemDescriptors,
        Self::NoBuffers,
        Self::NoMemory,
        Self::Aborted,
        Self::Interrupted,
        Self::Protocol,
        Self::Forbidden,
        Self::Other,
    ];

    /// What `error` is counted under.
    #[must_use]
    pub fn of(error: &io::Error) -> Self {
        const EPERM: i32 = 1;
        const ENOMEM: i32 = 12;
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
        const EPROTO: i32 = if cfg!(target_os = "linux") { 71 } else { 100 };
        match error.raw_os_error() {
            _ if error.kind() == ErrorKind::ConnectionAborted => Self::Aborted,
            _ if error.kind() == ErrorKind::Interrupted => Self::Interrupted,
            Some(EMFILE) => Self::ProcessDescriptors,
            Some(ENFILE) => Self::SystemDescriptors,
            Some(ENOBUFS) => Self::NoBuffers,
            Some(ENOMEM) => Self::NoMemory,
            Some(EPROTO) => Self::Protocol,
            Some(EPERM) => Self::Forbidden,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ProcessDescriptors => "EMFILE",
            Self::SystemDescriptors => "ENFILE",
            Self::NoBuffers => "ENOBUFS",
            Self::NoMemory => "ENOMEM",
            Self::Aborted => "ECONNABORTED",
            Self::Interrupted => "EINTR",
            Self::Protocol => "EPROTO",
            Self::Forbidden => "EPERM",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_the_number_of_this_system() {
        let numbers = if cfg!(target_os = "linux") {
            [24, 23, 105, 12, 103, 4, 71, 1, 9]
        } else {
            [24, 23, 55, 12, 53, 4, 100, 1, 9]
        };
        for (number, error) in numbers.into_iter().zip(AcceptError::ALL) {
            let found = AcceptError::of(&io::Error::from_raw_os_error(number));
            assert_eq!(found, error, "{number}");
        }
        let no_address = io::Error::from(ErrorKind::InvalidInput);
        assert_eq!(AcceptError::of(&no_address), AcceptError::Other);
    }
}
