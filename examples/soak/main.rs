//! The program under a long and unfair load, with every promise held against what can be seen from outside.
//!
//!     cargo build --release
//!     cargo run --release --example soak
//!     cargo run --release --example soak -- --duration 60s --check-every 15s --seed 7
//!
//! It starts `fanout` with an upstream of its own, which is cut at random byte offsets, and a thousand clients, of
//! which many never read, trickle, flood, or reset their connection again and again. Every minute it holds the
//! upstream back, lets everybody come to rest, and compares what fanout says with what was sent and received. A broken
//! promise is exit code 1. The clients are one thread around one poll, the upstream is another. It reads `/proc`, so
//! it needs Linux.

mod audit;
mod balance;
mod books;
mod check;
mod client;
#[path = "../lab/clock.rs"]
mod clock;
mod closing;
mod conduct;
#[path = "../lab/cpu.rs"]
mod cpu;
mod crowd;
mod fit;
#[path = "../lab/frame.rs"]
mod frame;
mod journal;
mod kind;
mod ledger;
mod options;
mod parting;
#[expect(dead_code, reason = "the bench asks for more than this")]
#[path = "../lab/proc.rs"]
mod proc;
mod progress;
mod report;
mod run;
mod samples;
mod server;
mod source;
mod stats;
mod stream;
mod tables;
#[path = "../frame-sink/timers.rs"]
mod timers;
#[path = "../lab/usage.rs"]
mod usage;

use std::error::Error;
use std::process::ExitCode;

use crate::options::Options;

/// The outcome of anything here: a fault of the soak itself ends it with one line and exit code 1.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = usage::parse(Options::check);
    match soak(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn soak(options: &Options) -> Fallible<ExitCode> {
    // A thousand clients are a thousand descriptors here, and as many in the server.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let report = run::run(options)?;
    if options.json {
        report.print_json()?;
    } else {
        report.print_tables();
    }
    Ok(if report.broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
