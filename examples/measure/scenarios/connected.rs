//! Many clients connected and served: how much memory does the relay itself hold?

use std::thread;

use clap::Args;

use crate::Fallible;
use crate::frame::FRAME_SIZE;
use crate::proc;
use crate::rig::{Bench, Load, Rig};
use crate::table::{Finding, mebibytes, to_float};

#[derive(Debug, Args)]
pub(crate) struct ConnectedOptions {
    /// How many clients
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Frames in a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Frames that a client may lag: with the frame size, the size of the log
    #[arg(long, default_value_t = 16_384)]
    backlog: u64,
}

pub(crate) fn run(bench: &Bench, options: &ConnectedOptions) -> Fallible<Vec<Finding>> {
    let &ConnectedOptions {
        clients,
        rate,
        backlog,
    } = options;
    let kind = bench.fanout(&[&format!("--backlog={backlog}")])?;
    let load = Load::readers(rate, clients as usize);
    println!("{clients} clients, {rate} frames a second");
    let mut rig = Rig::start(bench, &kind, load.readers)?;
    // Every page of the log is touched before the first client comes, so that the difference is the clients'.
    rig.server.hear("upstream connected")?;
    rig.burst(backlog * 2)?;
    thread::sleep(bench.warm_up);
    let before = proc::resident_bytes(rig.server.id())?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    thread::sleep(bench.warm_up);
    let window = rig.window(bench.window)?;
    let after = proc::resident_bytes(rig.server.id())?;

    let log = backlog * FRAME_SIZE as u64;
    let growth = to_float(after) - to_float(before);
    println!(
        "  resident before the clients {:8.2} MiB",
        mebibytes(before)
    );
    println!("  resident with them          {:8.2} MiB", mebibytes(after));
    println!("  the log                     {:8.2} MiB", mebibytes(log));
    println!(
        "  growth for each client      {:8.0} bytes",
        growth / f64::from(clients)
    );
    println!(
        "  while it delivered          {:8.1} k frames per second",
        window.thousands_per_second()
    );
    let above = mebibytes(after) - mebibytes(log);
    Ok(vec![Finding {
        what: format!("{clients} clients connected"),
        demand: "resident memory at most the log and 12 MiB".to_owned(),
        figure: format!("the log ({:.0} MiB) and {above:.2} MiB", mebibytes(log)),
        is_met: above <= 12.0,
    }])
}
