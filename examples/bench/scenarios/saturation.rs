//! Source as fast as it can, all clients reading, nothing lost: how much does one CPU second deliver?

use std::time::Duration;

use clap::Args;

use crate::plan::{FRAME_SIZE, Load};
use crate::planner::{Planner, Setting};
use crate::servers::{
    FLOOR, FLOOR_AGAIN, Patience, RELAY, STR2STR, STR2STR_CLIENTS, Server, Terms,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct SaturationOptions {
    /// Bytes that the floor asks for with one read
    #[arg(long, default_value_t = BLOCK)]
    block: usize,
}

/// One series for each number of clients, and one beside `str2str` with nearly as many as that can serve.
pub(crate) fn plan(planner: &mut Planner<'_>, options: &SaturationOptions, usual: &[usize]) {
    for clients in planner.clients_or(usual) {
        plan_series(planner, options, clients, |_| true);
        let is_just_below = planner.is_usual() && clients == 10;
        if is_just_below && planner.has(STR2STR) {
            let few = |server: &Server| [FLOOR, RELAY, STR2STR].contains(&server.name);
            plan_series(planner, options, STR2STR_CLIENTS, few);
        }
    }
}

fn plan_series(
    planner: &mut Planner<'_>,
    options: &SaturationOptions,
    clients: usize,
    plays: impl Fn(&Server) -> bool,
) {
    let setting = Setting {
        scenario: "saturation",
        load: Load::readers(0, clients),
        terms: terms(options.block, FRAME_SIZE),
        linger: Duration::ZERO,
    };
    let entrants = planner.enter(&setting, plays, |name| is_demanded(name, clients));
    planner.add(entrants);
}

/// Nobody is thrown out and nothing is lost: who cannot keep up makes the source wait.
pub(crate) fn terms(block: usize, frame_size: u32) -> Terms {
    let room = format!("--backlog={}", ROOM_BYTES / frame_size);
    Terms {
        relay: vec!["--slow=wait".to_owned(), room],
        block,
        patience: Patience::Waits,
    }
}

/// As much room for lag as the variants give: 1 MiB. With its own default, sixteen times that, the relay would fill its
/// log with what the slowest client has not read yet, and memory and caches with it.
const ROOM_BYTES: u32 = 1024 * 1024;

/// Whether a demand is about this server with so many clients.
fn is_demanded(name: &str, clients: usize) -> bool {
    match name {
        RELAY | FLOOR | FLOOR_AGAIN | "ncat" | STR2STR | "redis" | "nats" => true,
        "thread-per-client" | "message-passing" => clients == 100,
        "shared-log-threads" | "tokio-broadcast" | "tokio-current-thread" => clients >= 10,
        _ => false,
    }
}

/// What `--full` and the scenario by itself measure with.
pub(crate) const ALL_CLIENTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// What the short version measures with.
pub(crate) const FEW_CLIENTS: [usize; 3] = [10, 100, 1_000];

/// The least that a relay needs when it may read as much as there is.
pub(crate) const BLOCK: usize = 64 * 1024;
