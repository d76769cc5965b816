//! What the clients do, and on which listener.

use serde::Serialize;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Kind {
    /// Reads everything at once.
    Healthy,
    /// Shuts down its sending side at once and reads everything.
    HalfClosed,
    /// Reads everything, then nothing until it has been skipped, and so on.
    Dozing,
    /// Reads a few bytes a second.
    Trickling,
    /// Never reads.
    Stuck,
    /// Writes as fast as it can.
    Flooding,
    /// Reads a bit, resets its connection and comes back.
    Resetting,
}

/// What the listener does about a client that lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Policy {
    Disconnect,
    Skip,
    /// Nobody on this listener stops reading: by the meaning of the policy, it would hold the stream up for everybody
    /// until the stall timeout, and nothing else could be tried meanwhile.
    Wait,
}

impl Kind {
    /// The kind and the listener of the client in this place: 5 in 100 each of the unruly kinds.
    pub(crate) fn of_place(place: usize) -> (Self, Policy) {
        let round = place / KINDS_IN_TURN;
        let (kind, is_reading) = match place % KINDS_IN_TURN {
            0 => (Self::Stuck, false),
            1 => (Self::Trickling, false),
            2 => (Self::Flooding, false),
            3 => return (Self::Dozing, Policy::Skip),
            4 => (Self::HalfClosed, true),
            5 => (Self::Resetting, true),
            _ => (Self::Healthy, true),
        };
        let policy = match (is_reading, (place + round) % 4) {
            (true, 3) => Policy::Wait,
            (true, 2) => Policy::Skip,
            (true, _) => Policy::Disconnect,
            (false, _) if round.is_multiple_of(2) => Policy::Disconnect,
            (false, _) => Policy::Skip,
        };
        (kind, policy)
    }

    /// Stays to the end and has, whenever everything has come to rest, all there is.
    pub(crate) fn stays(self) -> bool {
        matches!(self, Self::Healthy | Self::HalfClosed | Self::Dozing)
    }

    /// Is never thrown out for lagging, because it reads at once.
    pub(crate) fn reads_at_once(self) -> bool {
        matches!(
            self,
            Self::Healthy | Self::HalfClosed | Self::Flooding | Self::Resetting
        )
    }

    /// A small receive buffer makes a lag appear in the server, and soon.
    pub(crate) fn has_small_window(self) -> bool {
        matches!(self, Self::Dozing | Self::Trickling | Self::Stuck)
    }

    /// What it may be thrown out for; nothing if it may not.
    pub(crate) fn expulsion(self) -> Option<Expulsion> {
        match self {
            Self::Stuck | Self::Trickling => Some(Expulsion::Behind),
            Self::Flooding => Some(Expulsion::Flood),
            Self::Healthy | Self::HalfClosed | Self::Dozing | Self::Resetting => None,
        }
    }
}

/// Why the server may throw a client out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expulsion {
    /// It did not read: `slow`, `stalled`, or `error` where the kernel's own timeout was first.
    Behind,
    Flood,
}

impl Policy {
    pub(crate) const ALL: [Self; 3] = [Self::Disconnect, Self::Skip, Self::Wait];

    /// The word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Skip => "skip",
            Self::Wait => "wait",
        }
    }
}

/// After so many places the kinds repeat.
pub(crate) const KINDS_IN_TURN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(wanted: impl Fn(Kind, Policy) -> bool) -> usize {
        let all = (0..1000).map(Kind::of_place);
        all.filter(|&(kind, policy)| wanted(kind, policy)).count()
    }

    #[test]
    fn each_unruly_kind_is_one_client_in_twenty() {
        for wanted in [
            Kind::Stuck,
            Kind::Trickling,
            Kind::Flooding,
            Kind::Dozing,
            Kind::HalfClosed,
            Kind::Resetting,
        ] {
            assert_eq!(share(|kind, _| kind == wanted), 50, "{wanted:?}");
        }
    }

    #[test]
    fn nobody_who_stops_reading_is_waited_for() {
        assert_eq!(
            share(|kind, policy| policy == Policy::Wait && !kind.reads_at_once()),
            0
        );
        for policy in Policy::ALL {
            assert!(
                share(|kind, own| own == policy && kind == Kind::Healthy) > 150,
                "{policy:?}"
            );
        }
    }
}
