//! What Linux tells about a running program from outside.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

/// Resident memory in bytes.
#[track_caller]
pub(crate) fn resident_bytes(pid: Pid) -> u64 {
    let status = read(process(pid).join("status"));
    first_number(&status, "VmRSS:") * 1024
}

/// How often its threads went to sleep so far, all together.
#[track_caller]
pub(crate) fn sleeps(pid: Pid) -> u64 {
    let tasks = fs::read_dir(process(pid).join("task")).expect("the program is running");
    let status = |task: fs::DirEntry| read(task.path().join("status"));
    tasks
        .map(|task| first_number(&status(task.expect("a task")), "voluntary_ctxt_switches:"))
        .sum()
}

/// Fails unless it neither wakes up nor uses the processor in one of three windows in which nothing happens: it may
/// still be on its way to sleep in the first, and something periodic shows in each.
#[track_caller]
pub(crate) fn assert_rests(pid: Pid, mut pass_a_window: impl FnMut()) {
    let cost = [(); 3].map(|()| {
        let before = (sleeps(pid), processor_ticks(pid));
        pass_a_window();
        (sleeps(pid) - before.0, processor_ticks(pid) - before.1)
    });
    assert!(
        cost.contains(&(0, 0)),
        "wake-ups and ticks in three windows: {cost:?}"
    );
}

/// Its open descriptors, in order.
#[track_caller]
pub(crate) fn descriptors(pid: Pid) -> Vec<u64> {
    let entries = fs::read_dir(process(pid).join("fd")).expect("the program is running");
    let number = |entry: fs::DirEntry| {
        entry
            .file_name()
            .to_string_lossy()
            .parse()
            .expect("a number")
    };
    let mut numbers: Vec<u64> = entries
        .map(|entry| number(entry.expect("an entry")))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Processor time it has used so far, in ticks of 10 ms.
#[track_caller]
pub(crate) fn processor_ticks(pid: Pid) -> u64 {
    let stat = read(process(pid).join("stat"));
    let (_, after_name) = stat.rsplit_once(") ").expect("the name is in parentheses");
    let number = |field: &str| field.parse::<u64>().expect("a number");
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the state, field 3, is the first after the name.
    after_name.split(' ').skip(11).take(2).map(number).sum()
}

/// Allows it no descriptor beyond those it has, until one of them is closed.
#[track_caller]
pub(crate) fn forbid_descriptors(pid: Pid) -> Rlimit {
    let open = descriptors(pid);
    let (lowest_free, _) = (0..)
        .zip(open.iter().map(Some).chain([None]))
        .find(|(number, open)| *open != Some(number))
        .expect("the number after the last is free");
    // The program has raised its soft limit to the hard one, which is the one of this process.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(lowest_free),
        maximum,
    };
    prlimit(Some(pid), Resource::Nofile, limit).expect("it is our child")
}

/// Gives it back the limit it had.
#[track_caller]
pub(crate) fn allow_descriptors(pid: Pid, limit: Rlimit) {
    prlimit(Some(pid), Resource::Nofile, limit).expect("it is our child");
}

/// In how many seconds at most the kernel asks after this peer of a local socket; none if it does not keep asking.
#[track_caller]
pub(crate) fn keepalive_due(local: SocketAddr, peer: SocketAddr) -> Option<f64> {
    let name = |addr: SocketAddr| match addr {
        SocketAddr::V4(addr) => format!(
            "{:08X}:{:04X}",
            u32::from_le_bytes(addr.ip().octets()),
            addr.port()
        ),
        SocketAddr::V6(_) => panic!("the table of IPv4 sockets has no {addr}"),
    };
    let (local, peer) = (name(local), name(peer));
    let table = read("/proc/net/tcp");
    let mut rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let row = rows
        .find(|row| row[1] == local && row[2] == peer)
        .expect("they are connected");
    // proc_net_tcp: the kind of timer, 2 being keepalive, and the hundredths of a second until it fires.
    let (kind, due) = row[5].split_once(':').expect("kind:time");
    let due = u32::from_str_radix(due, 16).expect("a number");
    (kind == "02").then_some(f64::from(due) / 100.0)
}

/// How many connections wait in the accept queue of a listener.
#[track_caller]
pub(crate) fn accept_queue(listener: SocketAddr) -> usize {
    let local = format!(":{:04X}", listener.port());
    let table = read("/proc/net/tcp");
    let mut rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    // proc_net_tcp: state 0A is LISTEN, and its receive queue is counted in connections.
    let row = rows
        .find(|row| row[1].ends_with(&local) && row[3] == "0A")
        .expect("it listens");
    let (_, waiting) = row[4].split_once(':').expect("tx:rx");
    usize::from_str_radix(waiting, 16).expect("a number")
}

/// The longest accept queue that the system grants.
pub(crate) fn longest_accept_queue() -> u64 {
    let text = read("/proc/sys/net/core/somaxconn");
    text.trim().parse().expect("a number")
}

fn process(pid: Pid) -> PathBuf {
    PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()))
}

#[track_caller]
fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first number in the line of a key, like `VmRSS:     1234 kB`.
#[track_caller]
fn first_number(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let line = line.unwrap_or_else(|| panic!("no {key} in the status"));
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number")
}
