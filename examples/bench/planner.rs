//! Turns scenarios into a plan: which servers take part, and who is left out and why.
//!
//! Owns the rule that nothing is left out without a line. It starts nothing.

use std::time::Duration;

use crate::plan::{Entrant, Load, Pace, Series};
use crate::servers::{Server, Terms};

/// A plan in the making.
#[derive(Debug)]
pub(crate) struct Planner<'a> {
    servers: &'a [Server],
    pace: Pace,
    /// Numbers of clients that were asked for; empty for those of the scenario.
    clients: &'a [usize],
    /// What was planned so far.
    pub(crate) series: Vec<Series>,
    /// What is left out, a line each, none twice.
    pub(crate) skipped: Vec<String>,
}

/// What all servers of a series have in common.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) scenario: &'static str,
    pub(crate) load: Load,
    pub(crate) terms: Terms,
    pub(crate) linger: Duration,
}

impl<'a> Planner<'a> {
    /// Nothing yet.
    pub(crate) fn new(servers: &'a [Server], pace: Pace, clients: &'a [usize]) -> Self {
        Self {
            servers,
            pace,
            clients,
            series: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// The numbers of clients to measure with.
    pub(crate) fn clients_or(&self, usual: &[usize]) -> Vec<usize> {
        if self.clients.is_empty() {
            usual.to_vec()
        } else {
            self.clients.to_vec()
        }
    }

    /// Whether the scenario is played with its own numbers of clients.
    pub(crate) fn is_usual(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether this server takes part at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.servers.iter().any(|server| server.name == name)
    }

    /// Adds a series of these entrants.
    pub(crate) fn add(&mut self, entrants: Vec<Entrant>) {
        if !entrants.is_empty() {
            self.series.push(Series { entrants });
        }
    }

    /// Adds a series in which each server is measured undisturbed and disturbed, as neighbours in time. Who cannot play
    /// the one does not play the other.
    pub(crate) fn add_pairs(&mut self, bases: &[Entrant], disturbed: Vec<Entrant>) {
        let mut entrants = Vec::with_capacity(2 * bases.len());
        for entrant in disturbed {
            let base = bases
                .iter()
                .find(|base| base.server.name == entrant.server.name);
            entrants.extend(
                base.cloned()
                    .map(|base| [base, entrant])
                    .into_iter()
                    .flatten(),
            );
        }
        self.add(entrants);
    }

    /// The servers that play in this setting, as entrants.
    pub(crate) fn enter(
        &mut self,
        setting: &Setting,
        plays: impl Fn(&Server) -> bool,
        is_demanded: impl Fn(&str) -> bool,
    ) -> Vec<Entrant> {
        let clients = setting.load.clients();
        let mut entrants = Vec::new();
        for server in self.servers.iter().filter(|server| plays(server)) {
            if clients > server.most_clients {
                let Server {
                    name, most_clients, ..
                } = server;
                let line = format!(
                    "skipped: {name} with {clients} clients: it is measured with {most_clients} at most"
                );
                if !self.skipped.contains(&line) {
                    self.skipped.push(line);
                }
                continue;
            }
            entrants.push(Entrant {
                scenario: setting.scenario,
                server: server.clone(),
                load: setting.load,
                terms: setting.terms.clone(),
                linger: setting.linger,
                repetitions: self.pace.repetitions(is_demanded(server.name)),
            });
        }
        entrants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FULL;
    use crate::programs::Programs;
    use crate::servers::Patience;

    /// So many clients, as many as can be or too many for some.
    fn setting(scenario: &'static str, clients: usize) -> Setting {
        Setting {
            scenario,
            load: Load::readers(0, clients),
            terms: Terms {
                relay: Vec::new(),
                block: 1024,
                patience: Patience::Waits,
            },
            linger: Duration::ZERO,
        }
    }

    #[test]
    fn too_many_clients_for_a_server_is_said_once() {
        let programs = Programs::beside_this_one().expect("this program is somewhere");
        let (servers, _) = programs.roster(&["send-floor", "python-asyncio"]);
        let mut planner = Planner::new(&servers, FULL, &[]);
        let setting = setting("saturation", 10_000);
        for _ in 0..2 {
            let entrants = planner.enter(&setting, |_| true, |name| name == "send-floor");
            let names: Vec<_> = entrants
                .iter()
                .map(|entrant| (entrant.server.name, entrant.repetitions))
                .collect();
            assert_eq!(names, [("send-floor", FULL.demanded)]);
        }
        assert_eq!(planner.skipped.len(), 1, "{:?}", planner.skipped);
    }

    #[test]
    fn pairs_are_of_the_same_server_and_whoever_cannot_play_both_plays_neither() {
        let programs = Programs::beside_this_one().expect("this program is somewhere");
        let servers = programs.imagined(&["thread-per-client", "minimal-reactor", "own-executor"]);
        let mut planner = Planner::new(&servers, FULL, &[]);
        // Half of the load is not too much for the first of them, all of it is.
        let bases = planner.enter(&setting("storm-base", 800), |_| true, |_| false);
        let disturbed = planner.enter(&setting("storm", 1_600), |_| true, |_| false);
        planner.add_pairs(&bases, disturbed);
        let entrants = planner.series[0].entrants.iter();
        let names: Vec<_> = entrants
            .map(|entrant| (entrant.scenario, entrant.server.name))
            .collect();
        let expected = [
            ("storm-base", "minimal-reactor"),
            ("storm", "minimal-reactor"),
            ("storm-base", "own-executor"),
            ("storm", "own-executor"),
        ];
        assert_eq!(names, expected);
    }
}
