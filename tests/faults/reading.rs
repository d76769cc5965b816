//! Reads that fail: from clients and from the upstream.

use crate::case::Case;
use crate::crew::Crew;
use crate::strace::{self, Strace};

/// What a failed read of a client's input means: its departure for this reason, or nothing.
const FROM_A_CLIENT: &[(&str, Option<&str>)] = &[
    ("ECONNRESET", Some("closed")),
    ("EPIPE", Some("closed")),
    ("ECONNABORTED", Some("closed")),
    ("ENOTCONN", Some("closed")),
    ("ETIMEDOUT", Some("error")),
    ("EHOSTUNREACH", Some("error")),
    ("ENETUNREACH", Some("error")),
    ("ENETDOWN", Some("error")),
    ("EHOSTDOWN", Some("error")),
    ("ECONNREFUSED", Some("error")),
    ("EPROTO", Some("error")),
    ("ENOBUFS", Some("error")),
    ("ENOMEM", Some("error")),
    ("EIO", Some("error")),
    ("EINVAL", Some("error")),
    ("EBADF", Some("error")),
    ("EINTR", None),
    ("EAGAIN", None),
];

/// Errors of the upstream's connection: each loses it, but for the last two.
const FROM_THE_UPSTREAM: &[&str] = &[
    "ECONNRESET",
    "ETIMEDOUT",
    "EPIPE",
    "ECONNABORTED",
    "ENOTCONN",
    "ECONNREFUSED",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENETDOWN",
    "EHOSTDOWN",
    "EPROTO",
    "ENOBUFS",
    "ENOMEM",
    "EIO",
    "EPERM",
    "EINVAL",
    "EBADF",
];

const CLIENTS: usize = 3;

#[test]
fn a_read_of_a_clients_input_that_fails_costs_that_client_at_most() {
    if strace::is_missing() {
        return;
    }
    for &(error, outcome) in FROM_A_CLIENT {
        let mut crew = Crew::gather("", CLIENTS);
        for nth in 1..=4_usize {
            // Of each client first the read that finds its byte, then the one that finds no more.
            let case = Case::new("recvfrom", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            for talking in 0..nth.div_ceil(2) {
                crew.clients[talking].send(b"!");
                strace.wait_for_calls("recvfrom", 2 * talking + 1);
            }
            let injection = strace.wait_for_injections(1);
            if let Some(reason) = outcome {
                let mut guilty = crew.guilty(&injection);
                crew.expect_departure(guilty.addr(), reason, &injection);
                guilty.read_to_end();
                assert_eq!(guilty.torn(), 0, "{case}: a torn frame");
                crew.step(1);
                crew.join();
            }
            crew.step(1);
            strace.detach(&case);
        }
        if outcome.is_none() {
            // What an EAGAIN has left unread is found with the next byte.
            for client in &mut crew.clients {
                client.send(b"!");
            }
            crew.scene
                .fanout
                .wait_for_stat("heard_bytes", (1 + 1 + 2 + 2) + CLIENTS as u64);
        }
        crew.end_well(if outcome.is_some() { 4 } else { 0 });
    }
}

#[test]
fn an_upstream_whose_read_fails_is_dialled_again_and_clients_stay() {
    if strace::is_missing() {
        return;
    }
    for &error in FROM_THE_UPSTREAM {
        let mut crew = Crew::gather("", CLIENTS);
        for nth in 1..=4 {
            // Of each frame first the read that finds it, then the one that finds no more.
            let case = Case::new("recvfrom", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.step((nth - 1) / 2);
            crew.scene.feed.send(1);
            let injection = strace.wait_for_injections(1);
            assert_eq!(injection.addr(), Some(crew.scene.upstream.addr()), "{case}");
            let is_frame_lost = nth % 2 == 1;
            if !is_frame_lost {
                crew.all_read();
            }
            let reason = injection.words().to_lowercase();
            crew.expect_loss(nth, &reason, "discarded_bytes=0");
            crew.redial(u64::from(is_frame_lost));
            crew.step(1);
            strace.detach(&case);
        }
        crew.end_well(0);
    }
}

#[test]
fn a_frame_that_a_failed_read_cuts_is_discarded_and_counted() {
    if strace::is_missing() {
        return;
    }
    for begun in [1, 512, 1023] {
        let mut crew = Crew::gather("", CLIENTS);
        crew.scene.feed.begin_frame(begun);
        let read = 1024 + begun as u64;
        crew.scene.fanout.wait_for_stat("upstream_bytes", read);
        let case = Case::new("recvfrom", "ECONNRESET", 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.scene.feed.send_more_of_frame(1024 - begun);
        strace.wait_for_injections(1);
        crew.expect_loss(
            1,
            "connection reset by peer",
            &format!("discarded_bytes={begun}"),
        );
        crew.redial(1);
        crew.step(2);
        strace.detach(&case);
        crew.end_well(0);
    }
}

#[test]
fn a_read_of_the_upstream_that_is_put_off_loses_nothing() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", CLIENTS);
    for (error, when, count) in [
        ("EINTR", "1", 1),
        ("EINTR", "2", 1),
        ("EINTR", "1..40", 40),
        ("EAGAIN", "1", 1),
    ] {
        let case = Case::new("recvfrom", error, when);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.scene.feed.send(1);
        strace.wait_for_injections(count);
        if error == "EINTR" {
            crew.all_read();
        }
        // An injected EAGAIN is a lie: no edge follows it. The next frame brings one.
        crew.step(1);
        strace.detach(&case);
    }
    assert!(
        crew.scene
            .fanout
            .lines()
            .matching("upstream lost")
            .is_empty()
    );
    crew.end_well(0);
}

#[test]
fn without_reconnecting_a_failed_read_ends_the_program_with_1() {
    if strace::is_missing() {
        return;
    }
    for error in ["ECONNRESET", "ETIMEDOUT"] {
        let mut crew = Crew::gather("--no-reconnect", CLIENTS);
        let case = Case::new("recvfrom", error, 3);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.step(1);
        crew.scene.feed.send(1);
        let injection = strace.wait_for_injections(1);
        for client in &mut crew.clients {
            client.expect_fin();
            client.half_close();
        }
        let reason = injection.words().to_lowercase();
        let addr = crew.scene.upstream.addr();
        crew.expect_failure(&case, &format!("upstream {addr} failed: {reason}"));
    }
}
