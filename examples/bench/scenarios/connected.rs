//! Many clients connected and served: how much memory does the relay itself hold?

use std::time::Duration;

use clap::Args;

use crate::Fallible;
use crate::plan::{Entrant, FRAME_SIZE, Load};
use crate::proc;
use crate::record::Finding;
use crate::rig::Rig;
use crate::servers::{Patience, Server, Terms};
use crate::session::Session;
use crate::window::{mebibytes, to_float};

#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectedOptions {
    /// Frames in a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Frames that a client may lag: with the frame size, the size of the log
    #[arg(long, default_value_t = 16_384)]
    backlog: u32,
}

pub(crate) fn run(
    session: &mut Session,
    relay: &Server,
    options: &ConnectedOptions,
    clients: usize,
) -> Fallible<Vec<Finding>> {
    let relay_options = vec![format!("--backlog={}", options.backlog)];
    let entrant = Entrant {
        scenario: "connected",
        server: relay.clone(),
        load: Load::readers(options.rate, clients),
        terms: Terms {
            relay: relay_options,
            block: FRAME_SIZE as usize,
            patience: Patience::ThrowsOut,
        },
        linger: Duration::ZERO,
        repetitions: 1,
    };
    let Entrant { load, terms, .. } = &entrant;
    let pace = session.bench.pace;
    let mut rig = Rig::start(&session.bench, relay, terms, load)?;
    // Before the first client comes, so that the difference is the clients'.
    rig.server.running.hear("upstream connected", rig.limit())?;
    rig.fill_log(load, u64::from(options.backlog) * 2)?;
    rig.sleep(pace.warm_up);
    let before = proc::resident_bytes(rig.server.running.id())?;
    rig.connect(load)?;
    rig.begin(load)?;
    rig.sleep(pace.warm_up);
    let figures = rig.window(load, pace.window)?;
    let after = proc::resident_bytes(rig.server.running.id())?;
    drop(rig);
    session.keep(&entrant, 1, figures);

    let log = u64::from(options.backlog) * u64::from(FRAME_SIZE);
    let growth = (to_float(after) - to_float(before)) / to_float(u64::try_from(clients)?);
    session.say(&format!(
        "resident {:.2} MiB before the clients, {:.2} MiB with them, the log {:.2} MiB; {growth:.0} bytes for each",
        mebibytes(before),
        mebibytes(after),
        mebibytes(log),
    ));
    let above = mebibytes(after) - mebibytes(log);
    Ok(vec![Finding {
        what: format!("connected, {clients} clients: resident memory"),
        demand: format!("at most the log and {MOST_ABOVE_LOG_MIB} MiB"),
        figure: format!("the log ({:.0} MiB) and {above:.2} MiB", mebibytes(log)),
        is_met: above <= MOST_ABOVE_LOG_MIB,
    }])
}

/// What ten thousand clients may take.
pub(crate) const CLIENTS: usize = 10_000;

/// What the relay may hold beside its log, in MiB.
const MOST_ABOVE_LOG_MIB: f64 = 12.0;
