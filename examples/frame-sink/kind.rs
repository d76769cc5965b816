//! The kinds of clients, and what a server owes to each.

/// What a client does with its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads everything at once.
    Reader,
    /// The same, and shuts down its sending side at once, as `nc` does at the end of its input.
    HalfClosing,
    /// The same, and talks to the server.
    Chattering,
    /// Reads nothing for a while and then everything, again and again.
    Bursty,
    /// Reads some bytes ten times a second.
    Slow,
    /// Never reads.
    Stalled,
    /// Reads everything at once and leaves after its first frame.
    Storm,
}

impl Kind {
    /// In the order of reports; the place of a kind in it is `kind as usize`.
    pub(crate) const ALL: [Self; 7] = [
        Self::Reader,
        Self::HalfClosing,
        Self::Chattering,
        Self::Bursty,
        Self::Slow,
        Self::Stalled,
        Self::Storm,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::HalfClosing => "half-closing",
            Self::Chattering => "chattering",
            Self::Bursty => "bursty",
            Self::Slow => "slow",
            Self::Stalled => "stalled",
            Self::Storm => "storm",
        }
    }

    /// Whether it lags on purpose, so that a server may throw it out.
    pub(crate) fn may_lag(self) -> bool {
        matches!(self, Self::Bursty | Self::Slow | Self::Stalled)
    }

    /// Whether it stays and reads everything at once.
    pub(crate) fn keeps_up(self) -> bool {
        matches!(self, Self::Reader | Self::HalfClosing | Self::Chattering)
    }

    /// Whether it stays until its stream ends and reads all of it, sooner or later.
    pub(crate) fn reads_on(self) -> bool {
        self.keeps_up() || matches!(self, Self::Bursty | Self::Slow)
    }

    pub(crate) fn is_stalled(self) -> bool {
        self == Self::Stalled
    }
}
