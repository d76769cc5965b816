//! What was seen in all runs together: a fault that never happens proves nothing.

use std::collections::BTreeMap;

use fanout::{Reason, Refusal};

use crate::weather::Kind;
use crate::world::World;

/// How often each thing happened.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    /// Turns of all servers, and steps after their faults had ended.
    pub(crate) turns: u64,
    pub(crate) at_rest: u64,
    counts: BTreeMap<String, u64>,
}

/// What the upstream must have gone through.
const UPSTREAM: [&str; 14] = [
    "no bytes for 400ms",
    "out of memory",
    "dialled",
    "connected",
    "waited",
    "stale",
    "ended",
    "connection reset",
    "connection refused",
    "network unreachable",
    "connect timed out",
    "connected to itself, so nobody listens there",
    "name lookup timed out",
    "the name has no address",
];

impl Sights {
    /// Adds what happened in one run.
    pub(crate) fn add(&mut self, world: &World) {
        let stats = world.core.relay.stats();
        for reason in Reason::ALL {
            self.count(&reason.to_string(), stats.departed(reason));
        }
        for refusal in Refusal::ALL {
            self.count(&refusal.to_string(), stats.refused(refusal));
        }
        self.count("skipped", stats.skipped);
        self.count("abandoned", stats.abandoned);
        self.count("discarded", stats.discarded_bytes);
        self.count("heard", stats.heard_bytes);
        self.count("accept failed", stats.accept_errors);
        self.count("cut short", world.books.cut_short as u64);
        self.count("unreplayed", world.books.unreplayed);
        self.count("seated by unix socket", world.books.nameless_seated);
        self.count("refused by unix socket", world.books.nameless_refused);
        for ((kind, _), times) in Kind::ALL.iter().zip(world.weather.struck) {
            self.count(&format!("{kind:?}"), times);
        }
        for (sight, times) in &world.sights {
            self.count(sight, *times);
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.turns += other.turns;
        self.at_rest += other.at_rest;
        for (sight, times) in &other.counts {
            self.count(sight, *times);
        }
    }

    /// Every fault has happened, and everything that can come of it, many times.
    pub(crate) fn check(&self) {
        let reasons = Reason::ALL.iter().map(ToString::to_string);
        let refusals = Refusal::ALL.iter().map(ToString::to_string);
        let others = [
            "skipped",
            "abandoned",
            "discarded",
            "heard",
            "accept failed",
            "cut short",
            "unreplayed",
            "seated by unix socket",
            "refused by unix socket",
        ];
        let others = others
            .iter()
            .chain(&UPSTREAM)
            .map(|&sight| sight.to_owned());
        let faults = Kind::ALL.iter().map(|(kind, _)| format!("{kind:?}"));
        for sight in reasons.chain(refusals).chain(others).chain(faults) {
            let times = self.counts.get(&sight).copied().unwrap_or(0);
            assert!(
                times >= 5,
                "\"{sight}\" happened {times} times in all: {self:?}"
            );
        }
    }

    fn count(&mut self, sight: &str, times: u64) {
        match self.counts.get_mut(sight) {
            Some(count) => *count += times,
            None => {
                self.counts.insert(sight.to_owned(), times);
            }
        }
    }
}
