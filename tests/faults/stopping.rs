//! Calls that fail while the program ends, and when it closes a socket.

use rustix::process::Signal;

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::End;
use crate::strace::{self, Strace};

const CLIENTS: usize = 3;

#[test]
fn a_shutdown_that_fails_keeps_no_frame_from_anybody() {
    if strace::is_missing() {
        return;
    }
    for error in ["ENOTCONN", "EINVAL", "ENOBUFS", "EBADF", "ENOTSOCK"] {
        for nth in 1..=CLIENTS {
            let mut crew = Crew::gather("", CLIENTS);
            let case = Case::new("shutdown", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.scene.fanout.signal(Signal::TERM);
            strace.wait_for_injections(1);
            // The guilty one hears nothing until it has closed its own side.
            for client in &mut crew.clients {
                client.half_close();
                client.expect_fin();
            }
            expect_clean_end(&mut crew, &case);
            strace.detach(&case);
        }
    }
}

#[test]
fn a_read_that_fails_while_a_clients_end_is_awaited_is_that_end() {
    if strace::is_missing() {
        return;
    }
    for error in [
        "ECONNRESET",
        "ETIMEDOUT",
        "ENOTCONN",
        "EPIPE",
        "EHOSTUNREACH",
        "EIO",
        "EINTR",
    ] {
        let mut crew = Crew::gather("", CLIENTS);
        crew.scene.fanout.signal(Signal::TERM);
        crew.scene.fanout.wait_for_line("draining clients=3");
        for client in &mut crew.clients {
            client.expect_fin();
        }
        let case = Case::new("recvfrom", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.clients[0].half_close();
        strace.wait_for_injections(1);
        for client in &crew.clients[1..] {
            client.half_close();
        }
        expect_clean_end(&mut crew, &case);
        strace.detach(&case);
    }
}

#[test]
fn a_write_that_fails_in_a_drain_costs_its_client_at_most() {
    const LAG: u64 = 400;
    if strace::is_missing() {
        return;
    }
    for error in ["EPIPE", "ETIMEDOUT", "ENOMEM", "EINTR", "ENOBUFS"] {
        let mut crew = Crew::gather("--unsent-limit 4KiB --drain-timeout 1h", 1);
        let mut lagging = crew.scene.fanout.join_small();
        crew.scene.feed.send(LAG);
        crew.all_read();
        let last = crew.scene.feed.next() - 1;
        crew.scene.fanout.signal(Signal::TERM);
        crew.scene.fanout.wait_for_line("draining clients=2");
        crew.clients[0].expect_fin();
        crew.clients[0].half_close();
        let case = Case::new("sendto", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        if matches!(error, "EINTR" | "ENOBUFS") {
            lagging.read_to(last);
            assert_eq!(lagging.frames(), LAG, "{case}");
            lagging.expect_fin();
            lagging.half_close();
        } else {
            lagging.read_to_end();
            assert!(lagging.frames() < LAG, "{case}: it did not lag");
        }
        assert_eq!(
            strace.wait_for_injections(1).addr(),
            Some(lagging.addr()),
            "{case}"
        );
        // A lagging client reads in as many portions as it likes: turns are not counted.
        drop(strace);
        assert_eq!(crew.scene.fanout.wait_exit(), 0, "{case}: the exit code");
    }
}

/// A close that fails has closed all the same (close(2)); one that was made to fail has not, so the client hears
/// nothing. What can be seen is that nobody else is harmed.
#[test]
fn a_close_that_fails_costs_nobody_anything() {
    if strace::is_missing() {
        return;
    }
    for error in ["EINTR", "EIO", "ENOSPC", "EDQUOT"] {
        let mut crew = Crew::gather("--max-clients 3", CLIENTS);
        let case = Case::new("close", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let gone = crew.clients.remove(1).reset();
        strace.wait_for_injections(1);
        crew.scene.fanout.wait_for_departure(gone);
        crew.join();
        crew.step(2);
        strace.detach(&case);
        crew.end_well(1);
    }
}

/// The clients have ended their side; the program says that all of them were given everything, and exits with 0.
#[track_caller]
fn expect_clean_end(crew: &mut Crew, case: &Case) {
    assert_eq!(crew.scene.fanout.wait_exit(), 0, "{case}: the exit code");
    crew.scene
        .fanout
        .wait_for_line("drained clients=3 aborted=0");
    for client in &mut crew.clients {
        assert_eq!(client.read_to_end(), End::Fin, "{case}");
        assert_eq!(client.torn(), 0, "{case}: a torn frame");
    }
}
