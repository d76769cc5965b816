//! What is measured, in which order, how often and for how long; and how long that will take.
//!
//! Owns the one rule of comparing: within a repetition all servers of a load are measured one after the other, A B C
//! A B C ..., so that whatever else the machine does meets all alike. It starts nothing.

use std::time::Duration;

use crate::servers::{Server, Terms};

/// How long and how often everything is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How long a load is measured.
    pub(crate) window: Duration,
    /// How long a load runs before that.
    pub(crate) warm_up: Duration,
    /// Repetitions of the servers that a demand is about, at least 1.
    pub(crate) demanded: u32,
    /// Repetitions of the others, at least 1.
    pub(crate) others: u32,
}

impl Pace {
    /// How often a server is measured.
    pub(crate) fn repetitions(&self, is_demanded: bool) -> u32 {
        if is_demanded {
            self.demanded
        } else {
            self.others
        }
    }
}

/// Servers under one load each, measured in turn.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) entrants: Vec<Entrant>,
}

impl Series {
    /// The turns in their order: the number of the repetition, from 1, and whose turn it is.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (u32, usize)> {
        let most = self
            .entrants
            .iter()
            .map(|entrant| entrant.repetitions)
            .max()
            .unwrap_or(0);
        let of_all =
            move |repetition| (0..self.entrants.len()).map(move |place| (repetition, place));
        let is_due =
            |&(repetition, place): &(u32, usize)| repetition <= self.entrants[place].repetitions;
        (1..=most).flat_map(of_all).filter(is_due)
    }

    /// How long it will take.
    pub(crate) fn estimate(&self, pace: &Pace) -> Duration {
        let sample = |entrant: &Entrant| entrant.estimate(pace) * entrant.repetitions;
        self.entrants.iter().map(sample).sum()
    }
}

/// One server under one load.
#[derive(Debug, Clone)]
pub(crate) struct Entrant {
    /// The name that the samples bear.
    pub(crate) scenario: &'static str,
    pub(crate) server: Server,
    pub(crate) load: Load,
    pub(crate) terms: Terms,
    /// How long the server holds frames back.
    pub(crate) linger: Duration,
    /// At least 1.
    pub(crate) repetitions: u32,
}

impl Entrant {
    fn estimate(&self, pace: &Pace) -> Duration {
        let clients = u32::try_from(self.load.clients()).unwrap_or(u32::MAX);
        START
            + self.server.client_estimate() * clients
            + self.load.opening.length()
            + pace.warm_up
            + pace.window * self.load.windows
    }
}

/// What a server is put under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Frames in a second; 0 is as fast as they are taken.
    pub(crate) rate: u64,
    /// Bytes.
    pub(crate) frame_size: u32,
    /// Clients that read everything.
    pub(crate) readers: usize,
    /// Clients that never read.
    pub(crate) stalled: usize,
    /// Clients that connect and leave in a second while it is measured, beside the others.
    pub(crate) storm: u32,
    pub(crate) gaps: Gaps,
    pub(crate) opening: Opening,
    /// Windows that are measured as one, at least 1: where something happens only now and then.
    pub(crate) windows: u32,
}

/// Whether readers may be skipped ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// The sink counts the frames that are missing.
    Allowed,
    /// A missing frame is a broken promise.
    Forbidden,
}

/// Frames that are sent before the load proper, to fill the log and the clients that do not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    None,
    /// So many frames as fast as they are taken.
    Burst(u64),
    /// The load itself, for so much longer than the warm-up: for servers that would throw readers out in a burst.
    Longer(Duration),
}

impl Opening {
    /// How long it takes.
    pub(crate) fn length(self) -> Duration {
        match self {
            Self::None | Self::Burst(_) => Duration::ZERO,
            Self::Longer(time) => time,
        }
    }
}

impl Load {
    /// Nothing but readers, which are owed every frame.
    pub(crate) fn readers(rate: u64, readers: usize) -> Self {
        Self {
            rate,
            frame_size: FRAME_SIZE,
            readers,
            stalled: 0,
            storm: 0,
            gaps: Gaps::Forbidden,
            opening: Opening::None,
            windows: 1,
        }
    }

    /// Clients that are connected all the time.
    pub(crate) fn clients(&self) -> usize {
        self.readers + self.stalled
    }

    /// The order that makes the source send it.
    pub(crate) fn pace(&self) -> String {
        match self.rate {
            0 => "flat-out".to_owned(),
            rate => format!("rate {rate}"),
        }
    }
}

/// Bytes in a frame: the size the figures are stated for, and the only one that the variants know.
pub(crate) const FRAME_SIZE: u32 = 1024;

/// `--full`, and every scenario by itself. Many short windows beat a few long ones: single windows of the same server
/// differ by a third on a virtual machine, however long they are. Seven, so that the median survives three strays;
/// three where nothing is demanded, which is the least that has a middle.
pub(crate) const FULL: Pace = Pace {
    window: Duration::from_secs(1),
    warm_up: Duration::from_millis(500),
    demanded: 7,
    others: 3,
};

/// Without a scenario and without `--full`: under two minutes for 36 pairs of server and load, three times each.
pub(crate) const SHORT: Pace = Pace {
    window: Duration::from_millis(400),
    warm_up: Duration::from_millis(200),
    demanded: 3,
    others: 3,
};

/// Starting and ending source, server and sink, as it was seen.
const START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::Programs;
    use crate::servers::Patience;

    fn entrant(name: &str, repetitions: u32) -> Entrant {
        let programs = Programs::beside_this_one().expect("this program is somewhere");
        let (servers, _) = programs.roster(&[name]);
        Entrant {
            scenario: "saturation",
            server: servers[0].clone(),
            load: Load::readers(0, 1000),
            terms: Terms {
                relay: Vec::new(),
                block: 1024,
                patience: Patience::Waits,
            },
            linger: Duration::ZERO,
            repetitions,
        }
    }

    #[test]
    fn servers_take_turns_within_a_repetition() {
        let series = Series {
            entrants: vec![entrant("fanout", 2), entrant("send-floor", 3)],
        };
        let turns: Vec<_> = series.turns().collect();
        assert_eq!(turns, [(1, 0), (1, 1), (2, 0), (2, 1), (3, 1)]);
    }

    #[test]
    fn the_estimate_counts_every_turn() {
        let series = Series {
            entrants: vec![entrant("fanout", 2)],
        };
        let clients = series.entrants[0].server.client_estimate() * 1000;
        let once = START + clients + FULL.window + FULL.warm_up;
        assert_eq!(series.estimate(&FULL), once * 2);
        let mut filled = series;
        filled.entrants[0].load.opening = Opening::Longer(Duration::from_secs(2));
        assert_eq!(filled.estimate(&FULL), (once + Duration::from_secs(2)) * 2);
    }
}
