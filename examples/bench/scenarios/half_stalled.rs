//! Half of the clients stop reading: do the others notice? The base is the same server without the stalled.
//!
//! Twice: the relay with policy `skip`, at a steady rate and flat out; and relay and variants with the policy that they
//! have when nothing is said, which is to throw out who lags too far.

use std::time::Duration;

use clap::Args;

use crate::plan::{FRAME_SIZE, Gaps, Load, Opening};
use crate::planner::{Planner, Setting};
use crate::servers::{Patience, Server, Terms};

#[derive(Debug, Clone, Args)]
pub(crate) struct HalfStalledOptions {
    /// Frames in a second, 0 for flat out; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 0])]
    rate: Vec<u64>,
    /// Frames that a client may lag with policy skip: few, so that the stalled are skipped ahead again and again
    #[arg(long, default_value_t = 1024)]
    backlog: u32,
}

/// A series for each rate that the relay plays by itself, and one that all play.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &HalfStalledOptions) {
    for clients in planner.clients_or(&[RELAY_CLIENTS]) {
        for &rate in &options.rate {
            plan_skipping(planner, options, clients, rate);
        }
    }
    for clients in planner.clients_or(&[EVERYBODYS_CLIENTS]) {
        for &rate in options.rate.iter().filter(|rate| **rate > 0) {
            plan_throwing_out(planner, clients, rate);
        }
    }
}

/// The relay alone. Its stalled clients are to stay: here they are the load, not the fault.
fn plan_skipping(
    planner: &mut Planner<'_>,
    options: &HalfStalledOptions,
    clients: usize,
    rate: u64,
) {
    let backlog = format!("--backlog={}", options.backlog);
    let base = Load {
        gaps: Gaps::Allowed,
        // Fills the stalled clients' kernel buffers and their backlog, so that skipping is under way when measured.
        opening: Opening::Burst(u64::from(options.backlog) * BURST_BACKLOGS),
        ..Load::readers(rate, clients - clients / 2)
    };
    let loaded = Load {
        stalled: clients / 2,
        ..base
    };
    let terms = ["--slow=skip", "--stall-timeout=0", &backlog].map(String::from);
    let names = ["half-stalled-skip-base", "half-stalled-skip"];
    plan_both(planner, names, [base, loaded], &terms, Server::is_relay);
}

/// Relay and variants as they are. No burst: it would make some of the variants throw out the readers too.
fn plan_throwing_out(planner: &mut Planner<'_>, clients: usize, rate: u64) {
    let base = Load::readers(rate, clients - clients / 2);
    let loaded = Load {
        stalled: clients / 2,
        opening: Opening::Longer(OPENING),
        windows: STALLED_WINDOWS,
        ..base
    };
    let names = ["half-stalled-base", "half-stalled"];
    let plays = |server: &Server| server.is_relay() || server.is_variant();
    plan_both(planner, names, [base, loaded], &[], plays);
}

/// One series with two entrants for each server: without the stalled and with them.
fn plan_both(
    planner: &mut Planner<'_>,
    names: [&'static str; 2],
    loads: [Load; 2],
    relay: &[String],
    plays: impl Fn(&Server) -> bool,
) {
    let is_demanded = |_: &str| names[1] == "half-stalled-skip";
    let mut enter = |scenario, load| {
        let terms = Terms {
            relay: relay.to_vec(),
            block: FRAME_SIZE as usize,
            patience: Patience::ThrowsOut,
        };
        let setting = Setting {
            scenario,
            load,
            terms,
            linger: Duration::ZERO,
        };
        planner.enter(&setting, &plays, is_demanded)
    };
    let [base, loaded] = [enter(names[0], loads[0]), enter(names[1], loads[1])];
    planner.add_pairs(&base, loaded);
}

/// Backlogs that the opening burst sends: the first fills the kernel's buffers, the second the backlog, two to spare.
const BURST_BACKLOGS: u64 = 4;

/// What the relay is given, the stalled half included.
const RELAY_CLIENTS: usize = 200;

/// What everybody is given: at 1,000 frames a second no variant is to be at its limit before anybody has stalled.
const EVERYBODYS_CLIENTS: usize = 60;

/// At 1,000 frames a second, most of what the kernel takes for a client that does not read: about 2.5 MiB.
const OPENING: Duration = Duration::from_secs(2);

/// Long enough that the kernel's buffers fill and the lag that a server allows, 1 MiB to 4 MiB of many, comes after.
const STALLED_WINDOWS: u32 = 3;
