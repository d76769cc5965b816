//! A silent upstream and clients that wait: does the relay sleep?

use std::time::Duration;

use clap::Args;

use crate::Fallible;
use crate::cpu;
use crate::plan::{FRAME_SIZE, Load};
use crate::proc;
use crate::record::Finding;
use crate::rig::Rig;
use crate::servers::{Patience, Server, Terms};
use crate::session::Session;
use crate::window::to_float;

#[derive(Debug, Clone, Args)]
pub(crate) struct IdleOptions {
    /// How long to count
    #[arg(long = "for", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) length: Duration,
}

pub(crate) fn run(
    session: &mut Session,
    relay: &Server,
    options: &IdleOptions,
    clients: usize,
) -> Fallible<Vec<Finding>> {
    // The one warning that a silent upstream causes is to come before the count, and soon.
    let relay_options = vec!["--stale-after=1s".to_owned()];
    let terms = Terms {
        relay: relay_options,
        block: FRAME_SIZE as usize,
        patience: Patience::ThrowsOut,
    };
    let load = Load::readers(10, clients);
    let length = options.length;
    session.say(&format!(
        "idle: {clients} clients, a silent upstream, for {}",
        humantime::format_duration(length)
    ));
    let mut rig = Rig::start(&session.bench, relay, &terms, &load)?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    rig.source.order("silent")?;
    rig.server.running.hear("upstream stale", rig.limit())?;
    rig.sleep(SETTLING);
    let id = rig.server.running.id();
    let cpu_before = cpu::cpu_ns(id)?;
    let before = proc::context_switches(id)?;
    rig.sleep(length);
    let after = proc::context_switches(id)?;
    let cpu_us = to_float(cpu::cpu_ns(id)?.saturating_sub(cpu_before)) / 1e3;
    // Waking up is being switched in, and whoever was switched in is switched out again, willingly or not.
    let wake_ups = (after.0 + after.1).saturating_sub(before.0 + before.1);
    let figure = format!("{wake_ups} wake-ups, {cpu_us:.1} us of CPU time");
    session.say(&format!("idle: {figure}"));
    Ok(vec![Finding {
        what: format!(
            "idle, {clients} clients, {}",
            humantime::format_duration(length)
        ),
        demand: "no wake-up".to_owned(),
        figure,
        is_met: wake_ups == 0,
    }])
}

/// Clients that wait.
pub(crate) const CLIENTS: usize = 50;

/// What the relay may need after its last event: log lines that are held back for a second, for instance.
pub(crate) const SETTLING: Duration = Duration::from_secs(3);
