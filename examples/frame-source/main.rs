//! Server A for the laboratory: numbered, time-stamped frames that can be checked, to one client at a time.
//!
//!     cargo run --release --example frame-source -- --rate 1000
//!
//! Like a real server A it lets the next client wait in the accept queue, where it gets nothing. On demand it does one
//! thing wrong (`--fault`), to see what becomes of it downstream. `frame-sink` is the other end.

mod client;
#[path = "../lab/clock.rs"]
mod clock;
#[path = "../lab/dialect.rs"]
mod dialect;
mod door;
#[path = "../lab/frame.rs"]
mod frame;
mod ledger;
mod options;
#[path = "../lab/orders.rs"]
mod orders;
mod outgoing;
mod pace;
mod publishing;
mod source;
#[path = "../lab/usage.rs"]
mod usage;
mod waiting;

use std::error::Error;
use std::process::ExitCode;

use crate::options::Options;

/// The outcome of anything here: a fault ends the program with one line and exit code 1.
type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = usage::parse(Options::check);
    match source::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frame-source: {error}");
            ExitCode::FAILURE
        }
    }
}
