//! Accepts that fail: that connection is lost, or accepting pauses, or the program ends.

use std::time::Instant;

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::Reader;
use crate::strace::{self, Strace};

/// Errors of one connection, and unknown ones: the next one is tried at once.
const OF_ONE_CONNECTION: &[&str] = &[
    "EINTR",
    "ECONNABORTED",
    "EPROTO",
    "EPERM",
    "ENETDOWN",
    "ENETUNREACH",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "ENONET",
    "ENOPROTOOPT",
    "EOPNOTSUPP",
    "ETIMEDOUT",
    "ECONNRESET",
    "ENOTCONN",
    "EACCES",
    "EIO",
    "EFAULT",
    "ENOSYS",
    "EOVERFLOW",
];

/// Something that only time or a departure gives back.
const OF_EXHAUSTION: &[&str] = &["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/// The listener itself is broken.
const OF_THE_LISTENER: &[&str] = &["EBADF", "ENOTSOCK", "EINVAL"];

#[test]
fn an_accept_that_fails_for_one_connection_is_followed_by_the_next_in_the_same_turn() {
    if strace::is_missing() {
        return;
    }
    for &error in OF_ONE_CONNECTION {
        let mut crew = Crew::gather("", 2);
        // Somebody waits, and nobody waits any more.
        for nth in 1..=2 {
            let case = Case::new("accept4", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.join();
            strace.wait_for_injections(1);
            crew.step(1);
            let lines = strace.detach(&case);
            let failed = lines.iter().position(|line| line.contains("(INJECTED)"));
            let next = failed.and_then(|failed| lines.get(failed + 1));
            let next = next.unwrap_or_else(|| panic!("{case}: nothing follows in {lines:#?}"));
            assert!(next.starts_with("accept4("), "{case}: followed by {next}");
        }
        crew.scene.fanout.wait_for_stat("accept_errors", 2);
        expect_pauses(&crew, 0, error);
        crew.end_well(0);
    }
}

#[test]
fn accepts_that_fail_without_end_are_a_pause_from_the_sixteenth_on() {
    if strace::is_missing() {
        return;
    }
    // The second time round it takes sixteen again.
    for (error, calls, pauses) in [
        ("ECONNABORTED", 15, 0),
        ("ECONNABORTED", 16, 1),
        ("EINTR", 40, 1),
        ("EIO", 16, 1),
    ] {
        let mut crew = Crew::gather("", 2);
        let case = Case::new("accept4", error, format!("1..{calls}"));
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let mut waiting = Reader::connect(crew.scene.fanout.addr(), 1024);
        crew.step(3);
        waiting = crew.scene.fanout.joined(waiting);
        crew.clients.push(waiting);
        crew.scene.fanout.wait_for_stat("accept_errors", calls);
        crew.step(1);
        expect_pauses(&crew, pauses, error);
        expect_no_more_calls_than(calls + 3, &case, strace);
        crew.end_well(0);
    }
}

#[test]
fn without_descriptors_or_memory_accepting_pauses_and_goes_on_by_itself() {
    if strace::is_missing() {
        return;
    }
    for &error in OF_EXHAUSTION {
        let mut crew = Crew::gather("", 2);
        // Somebody waits; nobody waits any more; for longer than one pause.
        for (round, (when, count)) in [("1", 1_u64), ("2", 1), ("1..3", 3)]
            .into_iter()
            .enumerate()
        {
            let case = Case::new("accept4", error, when);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            let waiting = Reader::connect(crew.scene.fanout.addr(), 1024);
            strace.wait_for_injections(1);
            crew.step(3);
            crew.clients.push(crew.scene.fanout.joined(waiting));
            crew.scene
                .fanout
                .wait_for_lines("accept resumed", round + 1);
            expect_pauses(&crew, round + 1, error);
            crew.step(1);
            expect_no_more_calls_than(count + 3, &case, strace);
        }
        crew.scene.fanout.wait_for_stat("accept_errors", 5);
        crew.end_well(0);
    }
}

#[test]
fn while_descriptors_or_memory_are_missing_accepting_is_tried_now_and_then() {
    if strace::is_missing() {
        return;
    }
    for &error in OF_EXHAUSTION {
        let mut crew = Crew::gather("", 2);
        let case = Case::new("accept4", error, "1+1");
        let begun = Instant::now();
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let waiting = Reader::connect(crew.scene.fanout.addr(), 1024);
        // At once, and after 100, 200 and 400 ms.
        strace.wait_for_injections(4);
        crew.step(3);
        // The next waits are 800 ms, and then a second each.
        let seconds = begun.elapsed().as_secs();
        expect_no_more_calls_than(5 + seconds, &case, strace);
        crew.clients.push(crew.scene.fanout.joined(waiting));
        expect_pauses(&crew, 1, error);
        crew.step(1);
        crew.end_well(0);
    }
}

#[test]
fn a_departure_ends_the_pause_at_once() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", 8);
    // Without departures, nine failures are 5.5 seconds of pauses.
    let case = Case::new("accept4", "EMFILE", "1..9");
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    let waiting = Reader::connect(crew.scene.fanout.addr(), 1024);
    strace.wait_for_injections(1);
    for _ in 0..6 {
        // On a slow machine they may all have failed by now.
        let failed = strace.injections().len().min(8);
        let gone = crew.clients.pop().expect("there are enough").reset();
        crew.scene.fanout.wait_for_departure(gone);
        strace.wait_for_injections(failed + 1);
    }
    crew.clients.push(crew.scene.fanout.joined(waiting));
    crew.scene.fanout.wait_for_line("accept resumed");
    expect_pauses(&crew, 1, "EMFILE");
    crew.step(1);
    let lines = strace.detach(&case);
    // A poll with a time-out of 0 means that accepting is due at once; the end of a pause is slept for. On a slow
    // machine most departures may come too late to make a difference.
    let is_hastened =
        |pair: &[String]| pair[0].contains(", 0) = 0") && pair[1].contains("(INJECTED)");
    assert!(
        lines.windows(2).any(is_hastened),
        "{case}: no departure made a difference: {lines:#?}"
    );
    crew.end_well(6);
}

#[test]
fn a_broken_listener_ends_the_program_with_1_and_one_line() {
    if strace::is_missing() {
        return;
    }
    for &error in OF_THE_LISTENER {
        for nth in 1..=2 {
            let mut crew = Crew::gather("", 2);
            let case = Case::new("accept4", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            let addr = crew.scene.fanout.addr();
            // It may be gone before it was accepted.
            Reader::pass_by(addr);
            let injection = strace.wait_for_injections(1);
            let words = injection.words();
            crew.expect_failure(
                &case,
                &format!("cannot accept on {addr}: {words} (os error"),
            );
            for client in &mut crew.clients {
                client.read_to_end();
                assert_eq!(client.torn(), 0, "{case}: a torn frame");
            }
        }
    }
}

/// The kernel says EAGAIN only when nobody waits, and then owes an edge; an injected one is a lie. The edge of the next
/// connection makes up for it.
#[test]
fn an_accept_that_is_put_off_loses_nobody() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", 2);
    let case = Case::new("accept4", "EAGAIN", 1);
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    let waiting = Reader::connect(crew.scene.fanout.addr(), 1024);
    strace.wait_for_injections(1);
    crew.join();
    crew.clients.push(crew.scene.fanout.joined(waiting));
    crew.step(1);
    strace.detach(&case);
    expect_pauses(&crew, 0, "EAGAIN");
    crew.end_well(0);
}

/// The failed ones, the one that succeeds, the one that finds nobody; a second one of the latter if the poll tells of
/// the connection once it has been accepted.
#[track_caller]
fn expect_no_more_calls_than(most: u64, case: &Case, strace: Strace) {
    let lines = strace.detach(case);
    let made = lines
        .iter()
        .filter(|line| line.starts_with("accept4("))
        .count() as u64;
    assert!(made <= most, "{case}: {made} calls");
}

/// Each pause has one line when it begins and one when it is over.
#[track_caller]
fn expect_pauses(crew: &Crew, count: usize, error: &str) {
    // Whatever was said before this was said is there now.
    crew.scene.fanout.stats();
    let lines = crew.scene.fanout.lines();
    let paused = lines.matching("WARN *accept paused error=\"*(os error ");
    assert_eq!(paused.len(), count, "{error}: {paused:?}");
    let resumed = lines.matching("INFO *accept resumed");
    assert_eq!(resumed.len(), count, "{error}: {resumed:?}");
}
