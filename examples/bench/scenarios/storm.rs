//! Clients that connect and leave as fast as they can while others read at a steady rate: do these notice?
//!
//! The base is the same server without the storm. The sink ends a sample in which anybody loses a frame.

use std::time::Duration;

use clap::Args;

use crate::plan::{FRAME_SIZE, Load};
use crate::planner::{Planner, Setting};
use crate::scenarios::paced;
use crate::servers::Server;

#[derive(Debug, Clone, Args)]
pub(crate) struct StormOptions {
    /// Clients that connect and leave in a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    storm: u32,
    /// Frames in a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
}

/// A series for each number of clients, with two entrants for each server: without the storm and in it.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &StormOptions) {
    for clients in planner.clients_or(&[100]) {
        let setting = |scenario, storm| Setting {
            scenario,
            load: Load {
                storm,
                ..Load::readers(options.rate, clients)
            },
            terms: paced::terms(FRAME_SIZE as usize),
            linger: Duration::ZERO,
        };
        let plays = |server: &Server| server.is_relay() || server.is_variant();
        let base = planner.enter(&setting("storm-base", 0), plays, |_| false);
        let stormy = planner.enter(&setting("storm", options.storm), plays, |_| false);
        planner.add_pairs(&base, stormy);
    }
}
