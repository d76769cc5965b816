//! Errors that stop the server. A client's failure is none of them: it is a departure.

use std::io;

use crate::config::{ConfigError, HostPort};
use crate::relay::endpoint::Endpoint;
use crate::relay::frame_log::LogTooLarge;

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration makes no sense; nothing was opened.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A listener's host name has no address.
    #[error("cannot listen on {address}: {source}")]
    ResolveListener {
        /// The address as configured.
        address: HostPort,
        /// What the resolver said.
        source: io::Error,
    },
    /// An upstream's host name has no address, and that was asked for.
    #[error("cannot resolve the upstream {address}: {source}")]
    ResolveUpstream {
        /// The address as configured.
        address: HostPort,
        /// What the resolver said.
        source: io::Error,
    },
    /// A listener could not be bound.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address that was asked for.
        addr: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// A descriptor that the service manager passed is of no use.
    #[error("cannot take over descriptor {descriptor} from the service manager: {source}")]
    Inherit {
        /// Its number.
        descriptor: i32,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The frame log does not fit into memory.
    #[error(transparent)]
    LogTooLarge(#[from] LogTooLarge),
    /// The descriptor limit leaves no room for clients.
    #[error(
        "cannot serve anybody: the descriptor limit is {limit}, of which {reserve} are reserved"
    )]
    Descriptors {
        /// The soft limit of the process.
        limit: u64,
        /// What the server keeps for itself.
        reserve: u64,
    },
    /// The system refused something that every server needs.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A listener is broken beyond repair.
    #[error("cannot accept on {addr}: {source}")]
    Accept {
        /// The listener's address.
        addr: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// The upstream failed and was not to be dialled again.
    #[error("upstream {addr} failed: {reason}")]
    Upstream {
        /// The upstream that failed last.
        addr: String,
        /// Why.
        reason: String,
    },
    /// A second signal, or [`crate::Handle::stop`], ended the drain.
    #[error("stopped before the drain was over: {clients} clients cut off")]
    Stopped {
        /// Clients that had not been given everything.
        clients: usize,
    },
}

impl Error {
    /// Fits `map_err`: names what was tried.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
