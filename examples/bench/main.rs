//! Measures what the relay costs, beside the least that any relay could cost, beside the same server in other styles,
//! and beside what one could use instead.
//!
//!     cargo run --release --example bench
//!     cargo run --release --example bench -- --full
//!
//! Every figure in `docs/benchmarks.md` comes from one of its scenarios. Source (server A), server under test and sink
//! (all clients) are programs of their own; the bench starts them, measures, and ends them.

mod agenda;
mod bench;
mod building;
#[path = "../lab/catalogue.rs"]
mod catalogue;
mod charts;
mod children;
mod cli;
#[path = "../lab/clock.rs"]
mod clock;
mod compare;
mod cores;
#[path = "../lab/cpu.rs"]
mod cpu;
mod deadline;
mod demands;
mod ending;
mod findings;
mod foreign;
mod machine;
#[path = "../lab/mark.rs"]
mod mark;
mod plan;
mod planner;
mod play;
#[path = "../lab/proc.rs"]
mod proc;
mod programs;
mod record;
mod report;
mod rig;
mod scenarios;
mod servers;
mod session;
mod sockets;
#[path = "../lab/usage.rs"]
mod usage;
mod window;

use std::error::Error;
use std::process::ExitCode;

use crate::cli::{Cli, Order};

/// The outcome of anything here: a fault ends the program with one line and exit code 1.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let cli = usage::parse(Cli::check);
    match run(&cli) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Fallible<ExitCode> {
    match &cli.order {
        Some(Order::Launch { core, words }) => cores::launch(*core, words)?,
        Some(Order::Charts { file, into }) => play::draw(&report::read_json(file)?, into)?,
        Some(Order::Show { file }) => {
            let mut report = report::read_json(file)?;
            play::judge(&mut report);
            report::print(&report);
        }
        Some(Order::Compare { first, second }) => {
            return compare::run(&report::read_json(first)?, &report::read_json(second)?);
        }
        Some(Order::Play(_)) | None => return play::run(cli),
    }
    Ok(ExitCode::SUCCESS)
}
