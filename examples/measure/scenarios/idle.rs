//! A silent upstream and clients that wait: does the relay sleep?

use std::thread;
use std::time::Duration;

use clap::Args;

use crate::Fallible;
use crate::proc;
use crate::rig::{Bench, Load, Rig};
use crate::table::{Finding, to_float};

#[derive(Debug, Args)]
pub(crate) struct IdleOptions {
    /// How many clients
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// How long to count
    #[arg(long = "for", default_value = "60s", value_parser = humantime::parse_duration)]
    length: Duration,
}

pub(crate) fn run(bench: &Bench, options: &IdleOptions) -> Fallible<Vec<Finding>> {
    // The one warning that a silent upstream causes is to come before the count, and soon.
    let kind = bench.fanout(&["--stale-after=1s"])?;
    let load = Load::readers(10, options.clients);
    println!(
        "{} clients, a silent upstream, for {:?}",
        options.clients, options.length
    );
    let mut rig = Rig::start(bench, &kind, options.clients)?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    rig.source.order("silent")?;
    rig.server.hear("upstream stale")?;
    thread::sleep(SETTLING);
    let id = rig.server.id();
    let cpu_before = proc::cpu_ns(id)?;
    let before = proc::context_switches(id)?;
    thread::sleep(options.length);
    let after = proc::context_switches(id)?;
    let cpu_us = to_float(proc::cpu_ns(id)? - cpu_before) / 1e3;
    // Waking up is being switched in, and whoever was switched in is switched out again, willingly or not.
    let wake_ups = after.0 + after.1 - before.0 - before.1;
    println!("  context switches {wake_ups}, CPU time {cpu_us:.1} us");
    Ok(vec![Finding {
        what: format!(
            "idle with {} clients for {:?}",
            options.clients, options.length
        ),
        demand: "no wake-up".to_owned(),
        figure: format!("{wake_ups} wake-ups, {cpu_us:.1} us of CPU time"),
        is_met: wake_ups == 0,
    }])
}

/// What the relay may need after its last event: log lines that are held back for a second, for instance.
const SETTLING: Duration = Duration::from_secs(3);
