//! Measures what `fanout` costs, against the least that any relay could cost.
//!
//!     cargo build --release
//!     cargo run --release --example measure -- all
//!
//! Every figure in `docs/benchmarks.md` comes from one of these scenarios. The source (server A), the server under test
//! and the sink (all clients) are separate processes: this program starts itself again as each of them.

mod children;
mod clock;
mod compare;
mod cores;
mod floor;
mod frame;
mod machine;
mod orders;
mod proc;
mod rig;
mod scenarios;
mod sink;
mod source;
mod table;
mod window;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cores::Pinning;
use crate::rig::{Bench, Candidate};
use crate::scenarios::{
    connected, half_stalled, idle, never_reading, paced, saturation, self_test, turns,
};
use crate::table::Finding;

/// The outcome of anything here: a fault ends the program with one line and exit code 1.
type Fallible<T> = Result<T, Box<dyn Error>>;

/// Measures what fanout costs. Run `cargo build --release` first.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    #[command(flatten)]
    common: Common,
}

/// What all scenarios share.
#[derive(Debug, Args)]
struct Common {
    /// The program under test, or `floor` to measure the floor against itself [default: the fanout of this build]
    #[arg(long, global = true)]
    server: Option<PathBuf>,
    /// Pairs to measure
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repetitions: u16,
    /// How long a load runs before it is measured
    #[arg(long, global = true, default_value = "1s", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// How long a load is measured
    #[arg(long, global = true, default_value = "3s", value_parser = humantime::parse_duration)]
    window: Duration,
    /// An option to add to those that the scenario gives to fanout (repeatable)
    #[arg(long, global = true, value_name = "OPTION", allow_hyphen_values = true)]
    server_option: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Deliveries per CPU second, source flat out, against the bare loop
    Saturation(saturation::SaturationOptions),
    /// CPU per delivery and latency at a steady rate, against the bare loop
    Paced(paced::PacedOptions),
    /// Resident memory with many clients connected
    Connected(connected::ConnectedOptions),
    /// Memory, resident and the kernel's, with clients that never read
    NeverReading(never_reading::NeverReadingOptions),
    /// Wake-ups while the upstream is silent
    Idle(idle::IdleOptions),
    /// What the readers notice when as many others stop reading
    HalfStalled(half_stalled::HalfStalledOptions),
    /// Time between two polls at saturation (needs strace)
    Turns(turns::TurnsOptions),
    /// Whether the sink notices damaged streams
    SelfTest,
    /// All of the above with their defaults
    All,
    #[command(hide = true)]
    Source(source::SourceOptions),
    #[command(hide = true)]
    Sink(sink::SinkOptions),
    #[command(hide = true)]
    Floor(floor::FloorOptions),
    #[command(hide = true)]
    Pinned {
        core: usize,
        #[arg(last = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Fallible<()> {
    match &cli.scenario {
        Scenario::Source(options) => return source::run(options),
        Scenario::Sink(options) => return sink::run(options),
        Scenario::Floor(options) => return floor::run(options),
        Scenario::Pinned { core, words } => return cores::become_pinned(*core, words),
        _ => {}
    }
    // Ten thousand clients are ten thousand descriptors in the sink and as many in the server, which inherits this.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let bench = cli.common.bench()?;
    machine::print_head(&bench);
    let findings = match cli.scenario {
        Scenario::All => run_all(&bench)?,
        ref scenario => play(scenario, &bench)?,
    };
    table::print_findings(&findings);
    Ok(())
}

fn run_all(bench: &Bench) -> Fallible<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in ALL {
        println!("\n{name}");
        let cli = Cli::try_parse_from(["measure", name])?;
        findings.extend(play(&cli.scenario, bench)?);
    }
    Ok(findings)
}

fn play(scenario: &Scenario, bench: &Bench) -> Fallible<Vec<Finding>> {
    match scenario {
        Scenario::Saturation(options) => saturation::run(bench, options),
        Scenario::Paced(options) => paced::run(bench, options),
        Scenario::Connected(options) => connected::run(bench, options),
        Scenario::NeverReading(options) => never_reading::run(bench, options),
        Scenario::Idle(options) => idle::run(bench, options),
        Scenario::HalfStalled(options) => half_stalled::run(bench, options),
        Scenario::Turns(options) => turns::run(bench, options),
        Scenario::SelfTest => self_test::run(bench),
        _ => Err("not a scenario".into()),
    }
}

impl Common {
    fn bench(&self) -> Fallible<Bench> {
        Ok(Bench {
            server: self.candidate()?,
            pinning: Pinning::establish(),
            repetitions: self.repetitions.into(),
            warm_up: self.warm_up,
            window: self.window,
        })
    }

    fn candidate(&self) -> Fallible<Candidate> {
        let path = match &self.server {
            Some(path) if path.as_os_str() == "floor" => return Ok(Candidate::Floor),
            Some(path) => path.clone(),
            None => beside_this_program("fanout")?,
        };
        if !path.is_file() {
            return Err(format!(
                "there is no {}: run `cargo build --release` first, or name one with --server",
                path.display()
            )
            .into());
        }
        Ok(Candidate::Fanout {
            path,
            options: self.server_option.clone(),
        })
    }
}

/// Cargo puts examples one folder below binaries.
fn beside_this_program(name: &str) -> Fallible<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program
        .ancestors()
        .nth(2)
        .ok_or("this program is in no folder")?;
    Ok(folder.join(name))
}

/// The scenarios that `all` plays, the test of the test first.
const ALL: [&str; 8] = [
    "self-test",
    "saturation",
    "paced",
    "connected",
    "never-reading",
    "idle",
    "half-stalled",
    "turns",
];
