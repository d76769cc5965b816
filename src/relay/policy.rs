//! Slow policies: what happens to a client whose lag has passed the mark.
//!
//! Layer: relay. Owns the names; the act itself is in `fan_out.rs`, where log and clients meet.
//! Knows nothing of how lag is measured.

use std::fmt;
use std::str::FromStr;

/// What is done with a client that lags by more than the backlog limit while its kernel refuses
/// bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SlowPolicy {
    /// The client is thrown out with a reset.
    #[default]
    Disconnect,
    /// The frame under way is finished, then the client goes on with the newest frame. The gap is
    /// counted.
    Skip,
    /// The upstream is left unread until the client has caught up: nothing is ever lost, and the
    /// slowest client sets everybody's pace.
    Wait,
}

impl SlowPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Disconnect, Self::Skip, Self::Wait];
}

impl fmt::Display for SlowPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Disconnect => "disconnect",
            Self::Skip => "skip",
            Self::Wait => "wait",
        })
    }
}

/// A word that names no slow policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of disconnect, skip, wait")]
pub struct UnknownPolicy(String);

impl FromStr for SlowPolicy {
    type Err = UnknownPolicy;

    fn from_str(word: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.to_string() == word)
            .ok_or_else(|| UnknownPolicy(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_back_from_its_name() {
        for policy in SlowPolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert!("Skip".parse::<SlowPolicy>().is_err());
        assert!("".parse::<SlowPolicy>().is_err());
    }
}
