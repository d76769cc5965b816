//! The effective setup: what became of a configuration on this system.
//!
//! Layer: reactor. Owns the figures that a user would otherwise have to work out: what is listened on, how
//! many clients there may be and why not more, how much memory that comes to. Knows nothing of how they are
//! printed.

use crate::relay::endpoint::Endpoint;
use crate::relay::policy::SlowPolicy;

/// What a server that is bound amounts to.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The sockets that clients connect to.
    pub listeners: Vec<ListenerSetup>,
    /// The sockets of the admin endpoint.
    pub admin: Vec<Endpoint>,
    /// Clients there may be: the lesser of what was asked for and what descriptors allow.
    pub max_clients: usize,
    /// Descriptors that this process may have open.
    pub descriptors: u64,
    /// Those of them that are kept back from clients.
    pub descriptors_reserved: u64,
    /// The frame log with its read window, in bytes. It is taken whatever the clients do.
    pub log_bytes: u64,
    /// What one client takes in user space at the most, in bytes.
    pub client_bytes: u64,
}

/// One listening socket.
#[derive(Clone, Debug)]
pub struct ListenerSetup {
    /// Where it listens, with the port that the system chose.
    pub addr: Endpoint,
    /// Index of the listener in the configuration; a name may have several sockets.
    pub listener: u16,
    /// What happens to its clients when they are slow.
    pub slow: SlowPolicy,
    /// Frames from before its time that a client is given first.
    pub replay: u64,
}

impl Setup {
    /// What all clients together take in user space at the most, in bytes.
    #[must_use]
    pub fn clients_bytes(&self) -> u64 {
        (self.max_clients as u64).saturating_mul(self.client_bytes)
    }
}
