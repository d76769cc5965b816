//! The opening: which sockets the admin endpoint is to have.
//!
//! Layer: reactor. Owns the rule that other hosts can reach none of them unless that was allowed, whether an
//! address was given, a name has turned out to have it, or a service manager has bound it. Knows nothing of
//! what is served there.

use crate::admin::limits::{ACCEPT_QUEUE, MAX_CONNECTIONS};
use crate::config::{AdminConfig, Config, check_admin_reach};
use crate::error::Error;
use crate::reactor::listener::{self, Listener};
use crate::reactor::socket;
use crate::reactor::token::MAX_ADMIN_LISTENERS;
use crate::relay::endpoint::Endpoint;

/// What the endpoint is to be opened on.
#[derive(Debug)]
pub(in crate::reactor) enum Opening {
    /// There is to be none.
    Nowhere,
    /// These addresses are to be bound.
    Addresses(Vec<Endpoint>),
    /// A service manager has bound them.
    Sockets(Vec<Listener>),
}

impl Opening {
    /// Sockets that were passed go before the address that was given. Blocks while a name is looked up.
    pub(in crate::reactor) fn of(config: &Config, passed: Vec<Listener>) -> Result<Self, Error> {
        if !passed.is_empty() {
            let addrs = passed.iter().map(|listener| &listener.addr);
            check_reach(&config.admin, addrs)?;
            return Ok(Self::Sockets(passed));
        }
        let Some(address) = &config.admin.address else {
            return Ok(Self::Nowhere);
        };
        let addrs = listener::resolve_one(address)?;
        check_reach(&config.admin, addrs.iter())?;
        Ok(Self::Addresses(addrs))
    }

    /// Somebody may ask.
    pub(in crate::reactor) fn is_wanted(&self) -> bool {
        !matches!(self, Self::Nowhere)
    }

    /// Descriptors that it takes at the most.
    pub(in crate::reactor) fn descriptors(&self) -> u64 {
        let sockets = match self {
            Self::Nowhere => return 0,
            Self::Addresses(addrs) => addrs.len(),
            Self::Sockets(sockets) => sockets.len(),
        };
        (sockets.min(MAX_ADMIN_LISTENERS) + MAX_CONNECTIONS) as u64
    }

    /// Binds every address, or none.
    pub(super) fn bind(self, config: &Config) -> Result<Vec<Listener>, Error> {
        let mut listeners = match (self, &config.admin.address) {
            (Self::Sockets(sockets), _) => sockets,
            (Self::Addresses(addrs), Some(address)) => {
                let listeners = listener::bind(address, &addrs)?;
                for listener in &listeners {
                    socket::set_accept_queue(&listener.socket, ACCEPT_QUEUE);
                }
                listeners
            }
            _ => Vec::new(),
        };
        listeners.truncate(MAX_ADMIN_LISTENERS);
        Ok(listeners)
    }
}

fn check_reach<'a>(
    admin: &AdminConfig,
    addrs: impl Iterator<Item = &'a Endpoint>,
) -> Result<(), Error> {
    for ip in addrs.filter_map(Endpoint::ip) {
        check_admin_reach(ip, admin.allow_remote)?;
    }
    Ok(())
}
