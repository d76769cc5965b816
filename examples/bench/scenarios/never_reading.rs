//! Clients that never read: what do they cost in the relay, and what in the kernel?

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Fallible;
use crate::plan::{FRAME_SIZE, Gaps, Load};
use crate::proc;
use crate::record::Finding;
use crate::rig::Rig;
use crate::servers::{Patience, Server, Terms};
use crate::session::Session;
use crate::window::{kibibytes, mebibytes, to_float};

#[derive(Debug, Clone, Args)]
pub(crate) struct NeverReadingOptions {
    /// Frames in a second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Frames that a client may lag
    #[arg(long, default_value_t = 16_384)]
    backlog: u32,
    /// What the relay lets the kernel hold unsent for each client, in KiB
    #[arg(long, default_value_t = 128)]
    unsent_limit: u64,
}

pub(crate) fn run(
    session: &mut Session,
    relay: &Server,
    options: &NeverReadingOptions,
    clients: usize,
) -> Fallible<Vec<Finding>> {
    let NeverReadingOptions {
        rate,
        backlog,
        unsent_limit,
    } = *options;
    let backlog_option = format!("--backlog={backlog}");
    let unsent_option = format!("--unsent-limit={unsent_limit}KiB");
    let relay_options = [
        "--slow=skip",
        "--stall-timeout=0",
        &backlog_option,
        &unsent_option,
    ];
    let terms = Terms {
        relay: relay_options.map(String::from).into(),
        block: FRAME_SIZE as usize,
        patience: Patience::ThrowsOut,
    };
    let load = Load {
        stalled: clients,
        gaps: Gaps::Allowed,
        ..Load::readers(rate, 0)
    };
    session.say(&format!(
        "never-reading: {clients} clients, {rate} frames/s"
    ));
    let pace = session.bench.pace;
    let mut rig = Rig::start(&session.bench, relay, &terms, &load)?;
    let id = rig.server.running.id();
    rig.server.running.hear("upstream connected", rig.limit())?;
    rig.fill_log(&load, u64::from(backlog) * 2)?;
    rig.sleep(pace.warm_up);
    let resident_before = proc::resident_bytes(id)?;
    let kernel_before = proc::tcp_memory_bytes()?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    wait_until_blocked(&rig, clients)?;
    rig.sleep(pace.window);
    let kernel_after = proc::tcp_memory_bytes()?;
    let limit = rig.limit();
    let answer = rig.sink()?.ask("receive-buffer", "receive-buffer", limit)?;
    let found = Found {
        clients: u64::try_from(clients)?,
        resident_before,
        resident_after: proc::resident_bytes(id)?,
        kernel_growth: to_float(kernel_after) - to_float(kernel_before),
        queues: proc::queues(rig.server.addr.port())?,
        receive_buffer: answer.rsplit(' ').next().unwrap_or_default().parse()?,
    };
    found.describe(session);
    Ok(found.findings(unsent_limit))
}

struct Found {
    clients: u64,
    resident_before: u64,
    resident_after: u64,
    /// In bytes, of all sockets of the machine.
    kernel_growth: f64,
    queues: proc::Queues,
    /// Of one client, in bytes.
    receive_buffer: u64,
}

impl Found {
    fn kernel_kibibytes_each(&self) -> f64 {
        self.kernel_growth / to_float(self.clients) / 1024.0
    }

    fn describe(&self, session: &Session) {
        let [before, after] = [self.resident_before, self.resident_after].map(mebibytes);
        session.say(&format!(
            "resident {before:.2} MiB before and {after:.2} MiB with them, kernel memory for each {:.1} KiB",
            self.kernel_kibibytes_each()
        ));
        session.say(&format!(
            "receive buffer {:.1} KiB, of which unread at most {:.1} KiB; unsent at the relay at most {:.1} KiB",
            kibibytes(self.receive_buffer),
            kibibytes(self.queues.receive_max),
            kibibytes(self.queues.send_max),
        ));
    }

    fn findings(&self, unsent_limit: u64) -> Vec<Finding> {
        let bound = kibibytes(self.receive_buffer + SEGMENT_BYTES) + to_float(unsent_limit);
        let [before, after] = [self.resident_before, self.resident_after].map(mebibytes);
        let kernel = self.kernel_kibibytes_each();
        let clients = self.clients;
        vec![
            Finding {
                what: format!("never-reading, {clients} clients: resident memory"),
                demand: "unchanged (at most 256 bytes for each client and 256 KiB)".to_owned(),
                figure: format!("{before:.2} MiB before, {after:.2} MiB with them"),
                is_met: self.resident_after <= self.resident_before + clients * 256 + 256 * 1024,
            },
            Finding {
                what: format!("never-reading, {clients} clients: kernel memory for each"),
                demand: "at most receive buffer, unsent limit and one segment".to_owned(),
                figure: format!("{kernel:.1} KiB of {bound:.1} KiB"),
                is_met: kernel <= bound,
            },
        ]
    }
}

/// Waits until the kernel holds something unsent for every client: none of them takes any more.
fn wait_until_blocked(rig: &Rig, clients: usize) -> Fallible<()> {
    let deadline = Instant::now() + BLOCKED_LIMIT;
    loop {
        let blocked = proc::queues(rig.server.addr.port())?.blocked;
        if blocked == clients {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!(
                "only {blocked} of {clients} clients are blocked after {BLOCKED_LIMIT:?}"
            )
            .into());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Clients that do not read.
pub(crate) const CLIENTS: usize = 400;

/// How long filling the kernel's buffers may take.
const BLOCKED_LIMIT: Duration = Duration::from_secs(60);

/// The kernel fills the segment it has begun when the unsent limit is reached: at most one of 64 KiB is above it.
const SEGMENT_BYTES: u64 = 64 * 1024;
