//! All the clients of a server in one process: N of them, well-behaved and otherwise, with every byte checked.
//!
//!     cargo run --release --example frame-sink -- localhost:1235 --readers 100 --slow 3 --for 10s --latency
//!
//! The frames have to be those of `frame-source`, however many servers they have come through. What is promised to a
//! client (whole frames, in order, without a gap, and an end that is no reset) is held against what it gets; a broken
//! promise is exit code 1.

mod asked;
mod checker;
mod client;
#[path = "../lab/clock.rs"]
mod clock;
mod conduct;
#[path = "../lab/cpu.rs"]
mod cpu;
#[path = "../lab/dialect.rs"]
mod dialect;
mod fault;
#[path = "../lab/frame.rs"]
mod frame;
mod greeting;
mod kind;
#[path = "../lab/mark.rs"]
mod mark;
mod options;
#[path = "../lab/orders.rs"]
mod orders;
mod parting;
mod progress;
mod report;
mod run;
mod sink;
mod tally;
mod timers;
#[path = "../lab/usage.rs"]
mod usage;
mod watch;

use std::error::Error;
use std::process::ExitCode;

use crate::options::Options;
use crate::report::Report;

/// The outcome of anything here: a fault ends the program with one line and exit code 1.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = usage::parse(Options::check);
    match measure(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("frame-sink: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Fallible<ExitCode> {
    // Ten thousand clients are ten thousand descriptors.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let sink = run::run(options)?;
    let report = Report::of(sink);
    if options.json {
        report.print_json()?;
    } else {
        report.print_table();
    }
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
