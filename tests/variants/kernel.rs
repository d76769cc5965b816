//! What Linux tells of a server and its sockets from outside (`proc(5)`). Elsewhere nobody tells, and a check makes do
//! with less.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::DEADLINE;

/// Waits for something that the kernel tells only when asked; returns false if it never is so.
pub(crate) fn eventually(is_so: impl Fn() -> bool) -> bool {
    let give_up = Instant::now() + DEADLINE;
    while !is_so() {
        if Instant::now() > give_up {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// Whether all its threads sleep, and none has stirred between two looks. What has arrived in its sockets by then, it
/// has seen: whoever waits for a socket is woken, and no longer asleep, in the moment in which something arrives there.
#[cfg(target_os = "linux")]
pub(crate) fn is_asleep(process: u32) -> bool {
    let before = sleeps(process);
    thread::yield_now();
    before.is_some() && before == sleeps(process)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_asleep(_process: u32) -> bool {
    true
}

/// How often its threads have gone to sleep, all together; none if one of them is awake or there was no looking.
#[cfg(target_os = "linux")]
fn sleeps(process: u32) -> Option<u64> {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let value = |key: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
        };
        // One that has ended may be a zombie until the test asks after it.
        if !value("State:")?.starts_with(['S', 'Z']) {
            return None;
        }
        total += value("voluntary_ctxt_switches:")?.parse::<u64>().ok()?;
    }
    Some(total)
}

/// The processor time that its threads have used so far.
#[cfg(target_os = "linux")]
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    // User and system time are fields 14 and 15, in hundredths of a second; the first after the name is field 3.
    let fields = after_name.split(' ').skip(11).take(2);
    let times = fields.map(|field| field.parse::<u64>().ok());
    times
        .sum::<Option<u64>>()
        .map(|hundredths| Duration::from_millis(hundredths * 10))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn processor_time(_process: u32) -> Option<Duration> {
    None
}

/// How many descriptors it has open.
#[cfg(target_os = "linux")]
pub(crate) fn descriptors(process: u32) -> Option<usize> {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    Some(entries.count())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn descriptors(_process: u32) -> Option<usize> {
    None
}

/// What the kernel holds at one end of a connection, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Queues {
    /// Written, and not yet acknowledged by the other end.
    pub(crate) unsent: usize,
    /// Received, and not yet read.
    pub(crate) unread: usize,
}

/// The queues of the end at `local` of the connection between these two; none if that end is no longer connected.
#[cfg(target_os = "linux")]
pub(crate) fn queues((local, remote): (SocketAddr, SocketAddr)) -> Option<Queues> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let (local, remote) = (name(local)?, name(remote)?);
    let queues = table.lines().find_map(|row| {
        let fields: Vec<_> = row.split_whitespace().collect();
        // proc_net_tcp: the number of the row, both addresses, the state, the two queues.
        (fields[1] == local && fields[2] == remote).then(|| fields[4].to_owned())
    });
    let queues = queues?;
    let (unsent, unread) = queues.split_once(':')?;
    Some(Queues {
        unsent: usize::from_str_radix(unsent, 16).ok()?,
        unread: usize::from_str_radix(unread, 16).ok()?,
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn queues(_ends: (SocketAddr, SocketAddr)) -> Option<Queues> {
    None
}

/// An address as that table writes it.
#[cfg(target_os = "linux")]
fn name(addr: SocketAddr) -> Option<String> {
    let SocketAddr::V4(addr) = addr else {
        return None;
    };
    // The four bytes in the order in which they lie in memory, as one number of this machine.
    let ip = u32::from_ne_bytes(addr.ip().octets());
    Some(format!("{ip:08X}:{:04X}", addr.port()))
}
