//! The command line of the bench.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::plan::{FULL, Pace, SHORT};
use crate::scenarios::{
    connected, frame_size, half_stalled, idle, linger, never_reading, paced, saturation, storm,
};
use crate::servers::{FLOOR_AGAIN, all_names, rust_names};

/// Measures relay, variants and others side by side. Alone: a short version; see --full.
#[derive(Debug, Parser)]
#[command(name = "bench", max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) order: Option<Order>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What all scenarios share.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Play every scenario with every server
    #[arg(long)]
    pub(crate) full: bool,
    /// Measure what is built already
    #[arg(long, global = true)]
    pub(crate) no_build: bool,
    /// Measure these servers [default: all; without a scenario and --full, those in Rust]
    #[arg(long, global = true, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) servers: Vec<String>,
    /// Measure with so many clients; several numbers are measured one after the other [default: the scenario's]
    #[arg(long, global = true, value_name = "N", value_delimiter = ',', value_parser = parse_clients)]
    pub(crate) clients: Vec<usize>,
    /// Samples of each server under each load [default: 7 of those that a demand is about, 3 of the others]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: Option<u32>,
    /// How long a load is measured [default: 1s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_pause)]
    window: Option<Duration>,
    /// How long a load runs before it is measured [default: 500ms]
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_pause)]
    warm_up: Option<Duration>,
    /// Keep the report in this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draw charts into this folder
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) charts: Option<PathBuf>,
    /// Measure this relay instead of the fanout of this build
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) server: Option<PathBuf>,
    /// Give the relay this option too, after those of the scenario (repeatable)
    #[arg(long, global = true, value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) server_option: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    #[command(flatten)]
    Play(Scenario),
    /// Draw the charts of a report again
    Charts {
        /// A report that --json has kept
        file: PathBuf,
        /// The folder for the charts
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// Print a report again, with what its samples show
    Show {
        /// A report that --json has kept
        file: PathBuf,
    },
    /// Compare the ratios of two runs: did the second find what the first did?
    Compare {
        /// A report that --json has kept
        first: PathBuf,
        /// Another of the same scenarios
        second: PathBuf,
    },
    /// How the bench starts servers: becomes the program, on one core
    #[command(hide = true)]
    Launch {
        #[arg(long)]
        core: Option<usize>,
        #[arg(last = true)]
        words: Vec<OsString>,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Scenario {
    /// Whether the sink notices damaged streams
    SelfTest,
    /// Deliveries per CPU second, source flat out, nothing lost
    Saturation(saturation::SaturationOptions),
    /// CPU per delivery and latency at a steady rate
    Paced(paced::PacedOptions),
    /// What the readers notice when as many others stop reading
    HalfStalled(half_stalled::HalfStalledOptions),
    /// What the readers notice when others connect and leave all the time
    Storm(storm::StormOptions),
    /// What holding frames back saves and costs
    Linger(linger::LingerOptions),
    /// Deliveries per CPU second with frames of other sizes
    FrameSize(frame_size::FrameSizeOptions),
    /// Resident memory with many clients connected
    Connected(connected::ConnectedOptions),
    /// Memory, resident and the kernel's, with clients that never read
    NeverReading(never_reading::NeverReadingOptions),
    /// Wake-ups while the upstream is silent
    Idle(idle::IdleOptions),
    /// Time between two polls at saturation (needs strace)
    Turns,
    /// How long answers of the admin endpoint hold the loop
    Scrape,
}

impl Scenario {
    /// All of them with their defaults, the test of the test first.
    pub(crate) fn all() -> Vec<Self> {
        ALL.map(Self::usual).into_iter().flatten().collect()
    }

    /// The scenario of this name with its defaults.
    pub(crate) fn usual(name: &str) -> Option<Self> {
        match Cli::try_parse_from(["bench", name]).ok()?.order {
            Some(Order::Play(scenario)) => Some(scenario),
            _ => None,
        }
    }

    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::SelfTest => "self-test",
            Self::Saturation(_) => "saturation",
            Self::Paced(_) => "paced",
            Self::HalfStalled(_) => "half-stalled",
            Self::Storm(_) => "storm",
            Self::Linger(_) => "linger",
            Self::FrameSize(_) => "frame-size",
            Self::Connected(_) => "connected",
            Self::NeverReading(_) => "never-reading",
            Self::Idle(_) => "idle",
            Self::Turns => "turns",
            Self::Scrape => "scrape",
        }
    }
}

impl Cli {
    /// What the options say together that they do not say alone.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.common.full && self.order.is_some() {
            return Err("'--full' plays every scenario: it does not go with one".to_owned());
        }
        let known = all_names();
        match self
            .common
            .servers
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(unknown) => Err(format!(
                "no server '{unknown}': there are {}",
                known.join(", ")
            )),
            None => Ok(()),
        }
    }

    /// The servers that are asked for, in the order of the reports.
    pub(crate) fn server_names(&self) -> Vec<&'static str> {
        let asked = &self.common.servers;
        let is_meant = |name: &&'static str| {
            if asked.is_empty() {
                *name != FLOOR_AGAIN
            } else {
                asked.iter().any(|asked| asked == name)
            }
        };
        let choice = if asked.is_empty() && self.is_short() {
            rust_names()
        } else {
            all_names()
        };
        choice.into_iter().filter(is_meant).collect()
    }

    /// Whether this is the version that anybody has time for.
    pub(crate) fn is_short(&self) -> bool {
        self.order.is_none() && !self.common.full
    }

    /// How long and how often everything is measured.
    pub(crate) fn pace(&self) -> Pace {
        let usual = if self.is_short() { SHORT } else { FULL };
        let Common {
            window,
            warm_up,
            repetitions,
            ..
        } = &self.common;
        Pace {
            window: window.unwrap_or(usual.window),
            warm_up: warm_up.unwrap_or(usual.warm_up),
            demanded: repetitions.unwrap_or(usual.demanded),
            others: repetitions.unwrap_or(usual.others),
        }
    }
}

fn parse_clients(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(clients) if (1..=MOST_CLIENTS).contains(&clients) => Ok(clients),
        _ => Err(format!("a number from 1 to {MOST_CLIENTS}")),
    }
}

fn parse_pause(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(pause) if (SHORTEST..=LONGEST).contains(&pause) => Ok(pause),
        Ok(_) => Err("from 10ms to 10m".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// All scenarios in the order of `--full`.
pub(crate) const ALL: [&str; 12] = [
    "self-test",
    "saturation",
    "paced",
    "half-stalled",
    "storm",
    "linger",
    "frame-size",
    "connected",
    "never-reading",
    "idle",
    "turns",
    "scrape",
];

/// As many sockets as one address has ports for, less some.
const MOST_CLIENTS: usize = 25_000;

/// Shorter, and the server's CPU time is too coarse to divide with.
const SHORTEST: Duration = Duration::from_millis(10);

/// Longer, and something else is meant.
const LONGEST: Duration = Duration::from_secs(600);

const AFTER_HELP: &str = "\
Exit codes: 0 all samples were taken, 1 the relay or send-floor failed in one or frames were lost, 2 bad arguments.
A demand that is not met is said in the report, and is no failure of the program.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_scenario_is_played_by_full_once_and_the_test_of_the_test_first() {
        let mut played: Vec<_> = Scenario::all().iter().map(Scenario::name).collect();
        assert_eq!(played[0], "self-test");
        let command = Cli::command();
        let known = command.get_subcommands().map(clap::Command::get_name);
        let others = ["charts", "show", "compare", "launch"];
        let mut known: Vec<_> = known.filter(|name| !others.contains(name)).collect();
        known.sort_unstable();
        played.sort_unstable();
        assert_eq!(played, known);
    }

    #[test]
    fn full_and_a_scenario_exclude_each_other() {
        let both = Cli::try_parse_from(["bench", "--full", "idle"]).expect("clap does not mind");
        both.check().expect_err("it cannot be meant");
    }

    #[test]
    fn an_unknown_server_is_refused() {
        let words = ["bench", "--servers=fanout,nginx"];
        let cli = Cli::try_parse_from(words).expect("a name is a name");
        let error = cli.check().expect_err("there is no such server");
        assert!(error.contains("'nginx'"), "{error}");
    }

    #[test]
    fn alone_it_takes_nothing_but_rust_and_with_a_scenario_everything() {
        let names = |words: &[&str]| {
            let cli = Cli::try_parse_from(words).expect("these exist");
            cli.server_names()
        };
        assert!(!names(&["bench"]).contains(&"go"));
        assert!(names(&["bench", "paced"]).contains(&"go"));
        assert!(!names(&["bench", "--full"]).contains(&FLOOR_AGAIN));
        assert_eq!(names(&["bench", "--servers=go,fanout"]), ["fanout", "go"]);
    }

    #[test]
    fn alone_it_is_short_and_options_go_first() {
        let alone = Cli::try_parse_from(["bench"]).expect("nothing is required");
        assert_eq!(alone.pace(), SHORT);
        let words = ["bench", "idle", "--repetitions=2", "--window=2s"];
        let pace = Cli::try_parse_from(words).expect("these exist").pace();
        assert_eq!(
            (pace.demanded, pace.others, pace.window),
            (2, 2, Duration::from_secs(2))
        );
        assert_eq!(pace.warm_up, FULL.warm_up);
    }
}
