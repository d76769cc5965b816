//! Clients that never read: what do they cost in the relay, and what in the kernel?

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Fallible;
use crate::proc;
use crate::rig::{Bench, Load, Rig};
use crate::table::{Finding, kibibytes, mebibytes, to_float};

#[derive(Debug, Args)]
pub(crate) struct NeverReadingOptions {
    /// How many clients
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Frames in a second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Frames that a client may lag
    #[arg(long, default_value_t = 16_384)]
    backlog: u64,
    /// What the relay lets the kernel hold unsent for each client, in KiB
    #[arg(long, default_value_t = 128)]
    unsent_limit: u64,
}

pub(crate) fn run(bench: &Bench, options: &NeverReadingOptions) -> Fallible<Vec<Finding>> {
    let clients = options.clients;
    let kind = bench.fanout(&[
        "--slow=skip",
        "--stall-timeout=0",
        &format!("--backlog={}", options.backlog),
        &format!("--unsent-limit={}KiB", options.unsent_limit),
    ])?;
    let load = Load {
        stalled: clients as usize,
        may_skip: true,
        ..Load::readers(options.rate, 0)
    };
    println!(
        "{clients} clients that never read, {} frames a second",
        options.rate
    );
    let mut rig = Rig::start(bench, &kind, load.stalled)?;
    rig.server.hear("upstream connected")?;
    rig.burst(options.backlog * 2)?;
    thread::sleep(bench.warm_up);
    let resident_before = proc::resident_bytes(rig.server.id())?;
    let kernel_before = proc::tcp_memory_bytes()?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    wait_until_blocked(&rig, load.stalled)?;
    thread::sleep(bench.window);
    let found = Found {
        resident_before,
        resident_after: proc::resident_bytes(rig.server.id())?,
        kernel_per_client: (to_float(proc::tcp_memory_bytes()?) - to_float(kernel_before))
            / f64::from(clients),
        queues: proc::queues(rig.server.addr().port())?,
        receive_buffer: rig
            .sink()?
            .ask("receive-buffer", "receive-buffer")?
            .split_off(15)
            .parse()?,
    };
    Ok(found.report(options))
}

struct Found {
    resident_before: u64,
    resident_after: u64,
    kernel_per_client: f64,
    queues: proc::Queues,
    receive_buffer: u64,
}

impl Found {
    fn report(&self, options: &NeverReadingOptions) -> Vec<Finding> {
        let kernel = self.kernel_per_client / 1024.0;
        let bound = kibibytes(self.receive_buffer + SEGMENT_BYTES) + to_float(options.unsent_limit);
        let (before, after) = (
            mebibytes(self.resident_before),
            mebibytes(self.resident_after),
        );
        println!("  resident before and with them     {before:.2}, {after:.2} MiB");
        println!("  kernel memory for each client     {kernel:.1} KiB");
        println!(
            "  receive buffer of a client        {:.1} KiB",
            kibibytes(self.receive_buffer)
        );
        println!(
            "  unread at a client, at most       {:.1} KiB",
            kibibytes(self.queues.receive_max)
        );
        println!(
            "  unsent at the relay, at most      {:.1} KiB",
            kibibytes(self.queues.send_max)
        );
        let what = format!("{} clients that never read", options.clients);
        vec![
            Finding {
                what: what.clone(),
                demand: "resident memory unchanged (at most 256 bytes for each client and 256 KiB)"
                    .to_owned(),
                figure: format!("{before:.2} MiB before, {after:.2} MiB with them"),
                is_met: self.resident_after
                    <= self.resident_before + u64::from(options.clients) * 256 + 256 * 1024,
            },
            Finding {
                what,
                demand:
                    "kernel memory for each at most receive buffer, unsent limit and one segment"
                        .to_owned(),
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
        let blocked = proc::queues(rig.server.addr().port())?.blocked;
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

/// How long filling the kernel's buffers may take.
const BLOCKED_LIMIT: Duration = Duration::from_secs(60);

/// The kernel fills the segment it has begun when the unsent limit is reached: at most one of 64 KiB is above it.
const SEGMENT_BYTES: u64 = 64 * 1024;
