//! What Linux says of a process, of its sockets and of the whole machine, read from `/proc` (`proc(5)`). CPU time is in
//! `cpu.rs`, because the sink reads that and nothing else.

use crate::Fallible;
use crate::cpu::{TICK_NS, field, read, read_of_task, tasks};

/// Time that all cores together spent on anything, what the hypervisor gave to other machines included, in nanoseconds.
pub(crate) fn machine_busy_ns() -> Fallible<u64> {
    let text = read("/proc/stat")?;
    // After the word `cpu`: user, nice, system, idle, waiting for disks, interrupts (two kinds), stolen.
    let fields = [1, 2, 3, 6, 7, 8].map(|place| field(&text, place));
    let ticks = fields.into_iter().sum::<Fallible<u64>>()?;
    Ok(ticks * TICK_NS)
}

/// How often the living threads of a process were switched out: because they waited, and because they had to.
pub(crate) fn context_switches(id: u32) -> Fallible<(u64, u64)> {
    let mut total = (0, 0);
    for task in tasks(id)? {
        let Some(status) = read_of_task(&format!("{task}/status"))? else {
            continue;
        };
        total.0 += labelled(&status, "voluntary_ctxt_switches:")?;
        total.1 += labelled(&status, "nonvoluntary_ctxt_switches:")?;
    }
    Ok(total)
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(id: u32) -> Fallible<u64> {
    let status = read(format!("/proc/{id}/status"))?;
    Ok(labelled(&status, "VmRSS:")? * 1024)
}

/// The most resident memory that a process has had so far, in bytes.
pub(crate) fn peak_resident_bytes(id: u32) -> Fallible<u64> {
    let status = read(format!("/proc/{id}/status"))?;
    Ok(labelled(&status, "VmHWM:")? * 1024)
}

/// How many threads a process has.
pub(crate) fn threads(id: u32) -> Fallible<u64> {
    let status = read(format!("/proc/{id}/status"))?;
    labelled(&status, "Threads:")
}

/// Memory that the kernel holds for all TCP sockets of the machine, in bytes.
pub(crate) fn tcp_memory_bytes() -> Fallible<u64> {
    let text = read("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:"));
    let pages = line
        .and_then(|line| line.rsplit_once("mem "))
        .ok_or("no TCP memory in sockstat")?
        .1;
    Ok(field(pages, 0)? * PAGE_BYTES)
}

/// What waits in the kernel between a server and its clients.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// The connections' server ends that hold unsent or unacknowledged bytes.
    pub(crate) blocked: usize,
    /// The most that one server end holds to be sent, in bytes.
    pub(crate) send_max: u64,
    /// The most that one client end holds unread, in bytes.
    pub(crate) receive_max: u64,
}

/// The queues of all connections to a port of this machine (`tx_queue` and `rx_queue` in `/proc/net/tcp`).
pub(crate) fn queues(port: u16) -> Fallible<Queues> {
    let mut found = Queues::default();
    for line in read("/proc/net/tcp")?.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, remote, ESTABLISHED, queued, ..] = fields[..] else {
            continue;
        };
        let (sending, unread) = queued.split_once(':').ok_or("no queues in /proc/net/tcp")?;
        if port_of(local) == Some(port) {
            let bytes = u64::from_str_radix(sending, 16)?;
            found.blocked += usize::from(bytes > 0);
            found.send_max = found.send_max.max(bytes);
        } else if port_of(remote) == Some(port) {
            found.receive_max = found.receive_max.max(u64::from_str_radix(unread, 16)?);
        }
    }
    Ok(found)
}

fn port_of(addr: &str) -> Option<u16> {
    u16::from_str_radix(addr.rsplit_once(':')?.1, 16).ok()
}

fn labelled(text: &str, label: &str) -> Fallible<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(label));
    field(value.ok_or_else(|| format!("no {label}"))?, 0)
}

/// The state of an open connection in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// The page that `sockstat` counts in.
const PAGE_BYTES: u64 = 4096;
