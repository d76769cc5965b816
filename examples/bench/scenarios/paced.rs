//! A steady rate far below saturation: what does one delivery cost, and how old is a frame when it is read?

use std::time::Duration;

use clap::Args;

use crate::plan::{FRAME_SIZE, Load};
use crate::planner::{Planner, Setting};
use crate::servers::{FLOOR, FLOOR_AGAIN, Patience, RELAY, Terms};

#[derive(Debug, Clone, Args)]
pub(crate) struct PacedOptions {
    /// Frames in a second [default: 1000 to 100 clients, and 50 to 1000]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// Bytes that the floor asks for with one read
    #[arg(long, default_value_t = FRAME_SIZE as usize)]
    block: usize,
}

/// One series for each load.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &PacedOptions, usual: &[(u64, usize)]) {
    let asked = || {
        let clients = planner.clients_or(&[usual[0].1]);
        let rate = options.rate.unwrap_or(usual[0].0);
        clients.into_iter().map(|clients| (rate, clients)).collect()
    };
    let is_usual = planner.is_usual() && options.rate.is_none();
    let loads = if is_usual { usual.to_vec() } else { asked() };
    for (rate, clients) in loads {
        let setting = Setting {
            scenario: "paced",
            load: Load::readers(rate, clients),
            terms: terms(options.block),
            linger: Duration::ZERO,
        };
        let is_demanded = |name: &str| [RELAY, FLOOR, FLOOR_AGAIN].contains(&name);
        let entrants = planner.enter(&setting, |_| true, is_demanded);
        planner.add(entrants);
    }
}

/// As they come, but every frame at once.
pub(crate) fn terms(block: usize) -> Terms {
    Terms {
        relay: vec!["--linger=0".to_owned()],
        block,
        patience: Patience::ThrowsOut,
    }
}

/// What `--full` and the scenario by itself measure with: many frames a second to some clients, and few to many.
pub(crate) const ALL_LOADS: [(u64, usize); 2] = [(1_000, 100), (50, 1_000)];

/// What the short version measures with.
pub(crate) const FEW_LOADS: [(u64, usize); 1] = [(1_000, 100)];
