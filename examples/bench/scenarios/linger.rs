//! Holding frames back to send several at once: what does it save, and what does it cost in latency?
//!
//! With 30 clients beside `str2str`, which looks at its sockets a hundred times a second and so holds everything back
//! 10 ms.

use std::time::Duration;

use clap::Args;

use crate::plan::{FRAME_SIZE, Load};
use crate::planner::{Planner, Setting};
use crate::servers::{FLOOR, Patience, STR2STR, STR2STR_CLIENTS, Server, Terms};

#[derive(Debug, Clone, Args)]
pub(crate) struct LingerOptions {
    /// How long the relay holds frames back; several times are measured in turn
    #[arg(long, value_delimiter = ',', default_values = ["0", "1ms", "10ms"], value_parser = humantime::parse_duration)]
    linger: Vec<Duration>,
    /// Frames in a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
}

/// A series for each number of clients.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &LingerOptions) {
    for clients in planner.clients_or(&[100, STR2STR_CLIENTS]) {
        let setting = |linger: Duration| Setting {
            scenario: "linger",
            load: Load::readers(options.rate, clients),
            terms: terms(linger),
            linger,
        };
        let is_str2str = |server: &Server| server.name == STR2STR;
        let is_beside = clients <= STR2STR_CLIENTS;
        let others = |server: &Server| server.name == FLOOR || (is_beside && is_str2str(server));
        let mut entrants = planner.enter(&setting(Duration::ZERO), others, |_| is_beside);
        for &linger in &options.linger {
            let is_demanded = is_beside && linger == LIKE_STR2STR;
            entrants.extend(planner.enter(&setting(linger), Server::is_relay, |_| is_demanded));
        }
        planner.add(entrants);
    }
}

fn terms(linger: Duration) -> Terms {
    Terms {
        relay: vec![format!("--linger={}", humantime::format_duration(linger))],
        block: FRAME_SIZE as usize,
        patience: Patience::ThrowsOut,
    }
}

/// How long `str2str` sleeps between two looks at its sockets.
const LIKE_STR2STR: Duration = Duration::from_millis(10);
