//! The standing: how the upstream is doing, as it is shown.
//!
//! Layer: relay. Owns the names of the stages, which are fewer than the states. Knows nothing of
//! what comes next.

use std::fmt;
use std::time::Duration;

use super::{Dialled, State, Upstream};
use crate::relay::endpoint::Endpoint;

/// How the upstream is doing at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How far it has come.
    pub stage: Stage,
    /// What is connected to, or being connected to.
    pub addr: Option<Endpoint>,
    /// When the connection was made, since the start of the clock.
    pub connected_at: Option<Duration>,
    /// When it is dialled again, since the start of the clock.
    pub retry_at: Option<Duration>,
    /// It has been called stale, and has completed no frame since.
    pub is_stale: bool,
}

/// How far the upstream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A name is being looked up.
    Resolving,
    /// A connection is being made, or about to be.
    Connecting,
    /// Frames may come.
    Connected,
    /// The list has been gone through.
    Waiting,
    /// It will not be dialled again.
    Ended,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 5] = [
        Self::Resolving,
        Self::Connecting,
        Self::Connected,
        Self::Waiting,
        Self::Ended,
    ];
}

impl<U: Dialled> Upstream<U> {
    /// How it is doing at the moment.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let standing = |stage| Standing {
            stage,
            addr: None,
            connected_at: None,
            retry_at: None,
            is_stale: false,
        };
        match &self.state {
            State::Idle => standing(Stage::Connecting),
            State::Resolving { .. } => standing(Stage::Resolving),
            State::Dialling { addr, .. } => Standing {
                addr: Some(addr.clone()),
                ..standing(Stage::Connecting)
            },
            State::Connecting { attempt, .. } => Standing {
                addr: Some(attempt.addr().clone()),
                ..standing(Stage::Connecting)
            },
            State::Streaming(stream) => Standing {
                addr: Some(stream.addr.clone()),
                connected_at: Some(stream.connected_at),
                is_stale: stream.is_stale(),
                ..standing(Stage::Connected)
            },
            State::Waiting { until } => Standing {
                retry_at: Some(*until),
                ..standing(Stage::Waiting)
            },
            State::Ended(_) => standing(Stage::Ended),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        })
    }
}
