//! The condition of the upstream, for whoever asks how it is and not what has happened.
//!
//! Layer: relay. Owns the reduction of its states to those that make a difference to an operator. Knows
//! nothing of who asks.

use crate::relay::endpoint::Endpoint;

use super::{State, Upstream};

/// How the upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An address is being looked up or connected to.
    Connecting,
    /// Frames may come from this address.
    Connected(Endpoint),
    /// Nobody could be connected to; it will be tried again.
    Waiting,
    /// There will be no upstream any more.
    Ended,
}

impl<U> Upstream<U> {
    /// How it is now.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match &self.state {
            State::Idle
            | State::Resolving { .. }
            | State::Dialling { .. }
            | State::Connecting { .. } => Condition::Connecting,
            State::Streaming(stream) => Condition::Connected(stream.addr.clone()),
            State::Waiting { .. } => Condition::Waiting,
            State::Ended(_) => Condition::Ended,
        }
    }
}
