//! Frames of other sizes: does the cost go with the frames or with the bytes?

use std::time::Duration;

use clap::Args;

use crate::plan::Load;
use crate::planner::{Planner, Setting};
use crate::scenarios::saturation::{self, BLOCK};
use crate::servers::{FLOOR, Server};

#[derive(Debug, Clone, Args)]
pub(crate) struct FrameSizeOptions {
    /// Bytes in a frame; several sizes are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256, 1024, 4096, 16_384, 65_536])]
    #[arg(value_parser = clap::value_parser!(u32).range(32..=1_048_576))]
    sizes: Vec<u32>,
}

/// A series for each size and number of clients.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &FrameSizeOptions) {
    for clients in planner.clients_or(&[100]) {
        for &frame_size in &options.sizes {
            let mut terms = saturation::terms(BLOCK, frame_size);
            terms.relay.push(format!("--frame-size={frame_size}"));
            let setting = Setting {
                scenario: "frame-size",
                load: Load {
                    frame_size,
                    ..Load::readers(0, clients)
                },
                terms,
                linger: Duration::ZERO,
            };
            let plays = |server: &Server| server.is_relay() || server.name == FLOOR;
            let entrants = planner.enter(&setting, plays, |_| false);
            planner.add(entrants);
        }
    }
}
