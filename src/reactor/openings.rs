//! Openings: where listening sockets come from, before they are opened.
//!
//! Layer: reactor. Owns the choice between the listeners of the configuration and those that were
//! passed on, and what goes with either. Knows nothing of how one is bound.

use super::listener::{self, Agreed, Listener};
use crate::config::Config;
use crate::error::Error;
use crate::relay::endpoint::Endpoint;
use crate::relay::entrance::Gate;

/// Where listening sockets come from.
pub(super) enum Openings {
    /// To be bound, for each listener of the configuration on these addresses.
    Addrs(Vec<Vec<Endpoint>>),
    /// Bound by somebody else, instead of the configuration's.
    Inherited(Vec<Listener>),
}

impl Openings {
    /// Those that were passed on, if any were; else those of the configuration. Blocks while names
    /// are looked up.
    pub(super) fn of(config: &Config, inherited: Vec<Listener>) -> Result<Self, Error> {
        if inherited.is_empty() {
            return listener::resolve_all(config).map(Self::Addrs);
        }
        Ok(Self::Inherited(inherited))
    }

    /// The most frames of the past that any of them gives a newcomer.
    pub(super) fn replay_frames(&self, config: &Config) -> u64 {
        match self {
            Self::Addrs(_) => config.replay_frames(),
            Self::Inherited(_) => config.replay,
        }
    }

    /// The limit of each on its clients.
    pub(super) fn max_clients(&self, config: &Config) -> Vec<Option<usize>> {
        match self {
            Self::Addrs(_) => config.listeners.iter().map(|one| one.max_clients).collect(),
            Self::Inherited(listeners) => vec![None; listeners.len()],
        }
    }
}

/// Sockets that nobody has said anything else about have the defaults.
pub(super) fn agree_on_defaults(config: &Config, listeners: Vec<Listener>) -> Agreed {
    let gate = |(index, _)| Gate {
        listener: index,
        policy: config.slow,
        replay: config.replay,
        acceptable: false,
    };
    let gates = (0..).zip(&listeners).map(gate).collect();
    (listeners, gates)
}
