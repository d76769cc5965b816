//! What a command line asks for, as steps in order, and how long they will take.
//!
//! Owns what belongs to the short version and what to the full one. It measures nothing.

use std::time::Duration;

use crate::Fallible;
use crate::cli::{Cli, Order, Scenario};
use crate::plan::{Pace, Series};
use crate::planner::Planner;
use crate::scenarios::{
    connected, frame_size, half_stalled, idle, linger, never_reading, paced, saturation, scrape,
    self_test, storm, turns,
};
use crate::servers::Server;
use crate::session::Session;

/// What is to be done, in order.
pub(crate) struct Agenda {
    pub(crate) steps: Vec<Step>,
    /// What is left out, a line each.
    pub(crate) skipped: Vec<String>,
    /// How long it will take.
    pub(crate) estimate: Duration,
}

/// What is done without interruption.
pub(crate) enum Step {
    Series(Series),
    /// A scenario that only the relay plays, with so many clients.
    Alone(Scenario, usize),
    SelfTest,
}

impl Agenda {
    /// What the command line asks for, with these servers.
    pub(crate) fn of(cli: &Cli, servers: &[Server], pace: &Pace) -> Self {
        let mut agenda = Self {
            steps: Vec::new(),
            skipped: Vec::new(),
            estimate: Duration::ZERO,
        };
        let mut planner = Planner::new(servers, *pace, &cli.common.clients);
        match &cli.order {
            Some(Order::Play(scenario)) => agenda.add(&mut planner, scenario),
            _ if cli.is_short() => {
                plan_few(&mut planner);
                agenda.take_series(&mut planner);
            }
            _ => {
                for scenario in Scenario::all() {
                    agenda.add(&mut planner, &scenario);
                }
            }
        }
        agenda.skipped = planner.skipped;
        agenda.estimate = agenda.steps.iter().map(|step| step.estimate(pace)).sum();
        agenda
    }

    fn add(&mut self, planner: &mut Planner<'_>, scenario: &Scenario) {
        let usual = match scenario {
            Scenario::SelfTest => return self.steps.push(Step::SelfTest),
            Scenario::Connected(_) => connected::CLIENTS,
            Scenario::NeverReading(_) => never_reading::CLIENTS,
            Scenario::Idle(_) => idle::CLIENTS,
            Scenario::Turns => turns::CLIENTS,
            Scenario::Scrape => scrape::CLIENTS,
            _ => {
                plan_series(planner, scenario);
                return self.take_series(planner);
            }
        };
        for clients in planner.clients_or(&[usual]) {
            self.steps.push(Step::Alone(scenario.clone(), clients));
        }
    }

    fn take_series(&mut self, planner: &mut Planner<'_>) {
        self.steps
            .extend(planner.series.drain(..).map(Step::Series));
    }
}

/// The scenarios that compare servers.
fn plan_series(planner: &mut Planner<'_>, scenario: &Scenario) {
    match scenario {
        Scenario::Saturation(options) => {
            saturation::plan(planner, options, &saturation::ALL_CLIENTS);
        }
        Scenario::Paced(options) => paced::plan(planner, options, &paced::ALL_LOADS),
        Scenario::HalfStalled(options) => half_stalled::plan(planner, options),
        Scenario::Storm(options) => storm::plan(planner, options),
        Scenario::Linger(options) => linger::plan(planner, options),
        Scenario::FrameSize(options) => frame_size::plan(planner, options),
        _ => {}
    }
}

/// The short version: what the most important demands are about.
fn plan_few(planner: &mut Planner<'_>) {
    if let Some(Scenario::Saturation(options)) = Scenario::usual("saturation") {
        saturation::plan(planner, &options, &saturation::FEW_CLIENTS);
    }
    if let Some(Scenario::Paced(options)) = Scenario::usual("paced") {
        paced::plan(planner, &options, &paced::FEW_LOADS);
    }
}

impl Step {
    /// Does it. An error here ends the run.
    pub(crate) fn take(&self, session: &mut Session) -> Fallible<()> {
        match self {
            Self::Series(series) => session.play(series),
            // A sink that sees nothing makes every other figure worthless.
            Self::SelfTest => {
                let found = self_test::run(session)?;
                session.report.findings.extend(found);
                Ok(())
            }
            Self::Alone(scenario, clients) => {
                let clients = *clients;
                session.play_alone(scenario.name(), |session, relay| match scenario {
                    Scenario::Connected(options) => {
                        connected::run(session, relay, options, clients)
                    }
                    Scenario::NeverReading(options) => {
                        never_reading::run(session, relay, options, clients)
                    }
                    Scenario::Idle(options) => idle::run(session, relay, options, clients),
                    Scenario::Scrape => scrape::run(session, relay, clients),
                    _ => turns::run(session, relay, clients),
                })
            }
        }
    }

    /// Samples that will come of it.
    pub(crate) fn samples(&self) -> usize {
        match self {
            Self::Series(series) => series.turns().count(),
            Self::Alone(..) | Self::SelfTest => 1,
        }
    }

    fn estimate(&self, pace: &Pace) -> Duration {
        match self {
            Self::Series(series) => series.estimate(pace),
            Self::SelfTest => Duration::from_secs(4),
            Self::Alone(Scenario::Idle(options), _) => {
                options.length + idle::SETTLING + Duration::from_secs(2)
            }
            Self::Alone(Scenario::Turns, _) => {
                pace.window * turns::WINDOWS + Duration::from_secs(6)
            }
            Self::Alone(..) => pace.window + Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::programs::Programs;

    /// What would be done with everything installed.
    fn plan(words: &[&str]) -> Agenda {
        let words = [&["bench"], words].concat();
        let cli = Cli::try_parse_from(words).expect("these options exist");
        let programs = Programs::beside_this_one().expect("this program is somewhere");
        let servers = programs.imagined(&cli.server_names());
        Agenda::of(&cli, &servers, &cli.pace())
    }

    #[test]
    fn the_short_version_takes_less_than_two_minutes() {
        let plan = plan(&[]);
        assert_eq!(plan.steps.len(), 4);
        assert!(
            plan.estimate < Duration::from_secs(120),
            "{:?}",
            plan.estimate
        );
    }

    #[test]
    fn everything_takes_less_than_forty_minutes() {
        let plan = plan(&["--full"]);
        assert!(
            plan.estimate < Duration::from_secs(40 * 60),
            "{:?}",
            plan.estimate
        );
        assert!(
            plan.estimate > Duration::from_secs(20 * 60),
            "{:?}",
            plan.estimate
        );
    }

    #[test]
    fn who_asks_for_other_numbers_of_clients_gets_them() {
        let plan = plan(&["saturation", "--clients=3,5", "--servers=fanout,send-floor"]);
        let clients = plan.steps.iter().map(|step| match step {
            Step::Series(series) => series
                .entrants
                .iter()
                .map(|entrant| entrant.load.readers)
                .collect(),
            _ => Vec::new(),
        });
        assert_eq!(clients.collect::<Vec<_>>(), [[3, 3], [5, 5]]);
    }
}
