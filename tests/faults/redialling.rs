//! Calls that fail while an upstream that has ended is dialled again: clients stay, and the next attempt makes it.

use crate::case::Case;
use crate::crew::Crew;
use crate::strace::{self, Injection, Strace};

const CLIENTS: usize = 2;

/// Each of these fails an attempt, at whichever count.
const FATAL_TO_AN_ATTEMPT: &[(&str, &[&str])] = &[
    (
        "socket",
        &[
            "EMFILE",
            "ENFILE",
            "ENOBUFS",
            "ENOMEM",
            "EACCES",
            "EAFNOSUPPORT",
        ],
    ),
    (
        "connect",
        &[
            "ECONNREFUSED",
            "ENETUNREACH",
            "EHOSTUNREACH",
            "ENETDOWN",
            "EHOSTDOWN",
            "EADDRNOTAVAIL",
            "EADDRINUSE",
            "EACCES",
            "EPERM",
            "EINTR",
            "EAGAIN",
            "EALREADY",
            "EISCONN",
            "ETIMEDOUT",
            "ECONNRESET",
            "ENOBUFS",
            "EAFNOSUPPORT",
        ],
    ),
    ("epoll_ctl", &["ENOMEM", "ENOSPC", "EPERM", "EBADF"]),
];

/// Each of these is put up with.
const PUT_UP_WITH: &[(&str, &[&str], usize)] = &[
    (
        "setsockopt",
        &["EINVAL", "ENOPROTOOPT", "ENOBUFS", "ENOMEM", "EPERM"],
        4,
    ),
    ("getsockname", &["ENOBUFS", "EINVAL", "EBADF"], 1),
    // While a connection is being made; asked again at once.
    ("getpeername", &["ENOTCONN", "EINVAL"], 2),
];

#[test]
fn an_attempt_that_fails_at_once_is_followed_by_the_next() {
    if strace::is_missing() {
        return;
    }
    for &(call, errors) in FATAL_TO_AN_ATTEMPT {
        for &error in errors {
            let mut crew = Crew::gather("", CLIENTS);
            let case = Case::new(call, error, 1);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.hang_up();
            let injection = strace.wait_for_injections(1);
            expect_served_again(&mut crew, 1, 1);
            expect_losses(&crew, &case, &["ended", &words(&injection)]);
            strace.detach(&case);
            crew.end_well(0);
        }
    }
}

#[test]
fn attempts_that_fail_again_and_again_end_with_one_that_does_not() {
    if strace::is_missing() {
        return;
    }
    for (call, error) in [
        ("socket", "EMFILE"),
        ("connect", "ECONNREFUSED"),
        ("connect", "ENETUNREACH"),
    ] {
        let mut crew = Crew::gather("", CLIENTS);
        let case = Case::new(call, error, "1..8");
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.hang_up();
        let words = words(&strace.wait_for_injections(8));
        expect_served_again(&mut crew, 1, 1);
        let mut due = vec!["ended"];
        due.resize(9, &words);
        expect_losses(&crew, &case, &due);
        strace.detach(&case);
        crew.end_well(0);
    }
}

#[test]
fn what_a_connection_can_do_without_is_put_up_with() {
    if strace::is_missing() {
        return;
    }
    for &(call, errors, most) in PUT_UP_WITH {
        for &error in errors {
            let mut crew = Crew::gather("", CLIENTS);
            for nth in 1..=most {
                let case = Case::new(call, error, nth);
                let strace = Strace::attach(crew.scene.fanout.pid(), &case);
                crew.hang_up();
                strace.wait_for_injections(1);
                expect_served_again(&mut crew, 1, 1);
                strace.detach(&case);
            }
            let case = Case::new(call, error, format!("up to {most}"));
            expect_losses(&crew, &case, &vec!["ended"; most]);
            crew.end_well(0);
        }
    }
}

/// First the read that finds the end of the old connection, then the look that tells whether the new one is made, then
/// the first read from that.
#[test]
fn a_read_that_fails_between_two_connections_costs_no_client() {
    if strace::is_missing() {
        return;
    }
    for error in [
        "ECONNRESET",
        "ECONNREFUSED",
        "ETIMEDOUT",
        "EHOSTUNREACH",
        "ENETUNREACH",
        "ENOBUFS",
        "EBADF",
    ] {
        for (nth, connections, seen) in [(1, 1, 1), (2, 1, 2), (3, 2, 2)] {
            let mut crew = Crew::gather("", CLIENTS);
            let case = Case::new("recvfrom", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.hang_up();
            let injection = strace.wait_for_injections(1);
            let is_look = injection.line().contains("MSG_PEEK");
            assert_eq!(is_look, nth == 2, "{case}: {injection:?}");
            expect_served_again(&mut crew, connections, seen);
            let words = words(&injection);
            let due: &[&str] = if nth == 1 {
                &[&words]
            } else {
                &["ended", &words]
            };
            expect_losses(&crew, &case, due);
            strace.detach(&case);
            crew.end_well(0);
        }
    }
}

#[test]
fn a_look_at_the_new_connection_that_fails_is_told_in_the_systems_words() {
    if strace::is_missing() {
        return;
    }
    for error in ["ENOBUFS", "EBADF", "ECONNRESET"] {
        let mut crew = Crew::gather("", CLIENTS);
        let case = Case::new("getpeername", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.hang_up();
        let injection = strace.wait_for_injections(1);
        expect_served_again(&mut crew, 1, 2);
        expect_losses(&crew, &case, &["ended", &words(&injection)]);
        strace.detach(&case);
        crew.end_well(0);
    }
}

/// As if the writable event had come too early: the connection counts as made when it is, or when bytes come.
#[test]
fn a_connection_that_seems_unfinished_is_looked_at_again_when_bytes_come() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("--connect-timeout 1h", CLIENTS);
    let case = Case::new("getpeername", "ENOTCONN", "1..2");
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    crew.hang_up();
    strace.wait_for_injections(2);
    let next = crew.scene.feed.next();
    crew.scene.feed = crew.scene.upstream.accept().starting_at(next);
    crew.step(2);
    strace.detach(&case);
    crew.scene.fanout.wait_for_lines("upstream connected", 2);
    expect_losses(&crew, &case, &["ended"]);
    crew.end_well(0);
}

/// A connect that is said to be under way and is not: no event ever says how it ended.
#[test]
fn a_connect_that_leads_nowhere_is_given_up_in_time() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("--connect-timeout 300ms", CLIENTS);
    let case = Case::new("connect", "EINPROGRESS", 1);
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    crew.hang_up();
    strace.wait_for_injections(1);
    crew.scene
        .fanout
        .wait_for_line("upstream lost*reason=\"connect timed out\" frames=0");
    strace.detach(&case);
    expect_served_again(&mut crew, 1, 1);
    crew.end_well(0);
}

/// The program is connected so many times more, of which server A sees so many, and every client gets the next frames.
#[track_caller]
fn expect_served_again(crew: &mut Crew, connections: usize, seen: usize) {
    let next = crew.scene.feed.next();
    crew.redial_after(connections, seen, next);
    crew.step(2);
}

/// The upstream was lost for these reasons, in this order.
#[track_caller]
fn expect_losses(crew: &Crew, case: &Case, reasons: &[&str]) {
    let lines = crew.scene.fanout.lines().matching("upstream lost addr=");
    assert_eq!(
        lines.len(),
        reasons.len(),
        "{case}: {reasons:?} are due in {lines:#?}"
    );
    for (line, reason) in lines.iter().zip(reasons) {
        let due = format!(" reason=\"{reason}\" frames=");
        assert!(line.contains(&due), "{case}: {due:?} is due in {line:?}");
    }
}

fn words(injection: &Injection) -> String {
    injection.words().to_lowercase()
}
