//! The pipes that signals go through fail: a signal is heeded all the same.
//!
//! A signal handler writes to two pipes, of which one counts and the other wakes the loop; the loop then reads from
//! them. Any thread may be the one that runs the handler.

use rustix::process::Signal;

use crate::case::Case;
use crate::harness::{Launch, Upstream, arguments};
use crate::strace::{self, Strace};

#[test]
fn a_signal_is_heeded_although_its_pipes_cannot_be_read_at_first() {
    sweep("recvfrom", &["EINTR", "EIO", "ENOMEM"], READS);
}

/// A pipe of this kind takes memory to write to (`ENOBUFS`, as for every socket).
#[test]
fn a_signal_is_heeded_although_its_handler_cannot_write_to_one_of_its_pipes() {
    sweep("sendto", &["ENOBUFS", "ENOMEM", "EINTR"], 2);
}

/// A byte that is read late is not a second signal.
#[test]
fn a_signal_whose_byte_cannot_be_read_for_long_is_one_signal_all_the_same() {
    if strace::is_missing() {
        return;
    }
    for first in 1..=READS {
        let case = Case::new("recvfrom", "EINTR", format!("{first}..{}", first + 8));
        let upstream = Upstream::bind();
        let mut fanout = Launch::new(&arguments(&upstream, "")).start();
        let _feed = upstream.accept();
        fanout.wait_for_line("upstream connected");
        // It does not end its side, so that the drain takes a while.
        let client = fanout.join();
        let strace = Strace::attach_to_all(fanout.pid(), &case);
        fanout.signal(Signal::TERM);
        fanout.wait_for_line("draining");
        fanout.signal(Signal::USR1);
        fanout.wait_for_line("stats");
        drop(client);
        assert_eq!(fanout.wait_exit(), 0, "{case}: the exit code");
        strace.detach(&case);
    }
}

/// Makes a call of a process that is told to stop fail, at each count up to `most` that it comes to.
#[track_caller]
fn sweep(call: &'static str, errors: &[&'static str], most: usize) {
    if strace::is_missing() {
        return;
    }
    for &error in errors {
        let failed = (1..=most).filter(|nth| is_met(&Case::new(call, error, *nth)));
        assert!(failed.count() > 0, "{call} was never called");
    }
}

/// Tells the program to stop, and waits until it has; whether the call has failed meanwhile.
#[track_caller]
fn is_met(case: &Case) -> bool {
    let upstream = Upstream::bind();
    let mut fanout = Launch::new(&arguments(&upstream, "--stale-after 1h")).start();
    let _feed = upstream.accept();
    fanout.wait_for_line("upstream connected");
    let strace = Strace::attach_to_all(fanout.pid(), case);
    fanout.signal(Signal::TERM);
    assert_eq!(fanout.wait_exit(), 0, "{case}: the exit code");
    let lines = strace.detach(case);
    lines.iter().any(|line| line.contains("(INJECTED)"))
}

/// Of the pipe that wakes, until it is empty, and of the one that counts; and one to spare.
const READS: usize = 4;
