//! Writes that fail to a client that lags, has a frame half sent, and begins to read.

use std::time::Instant;

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::{DEADLINE, End, Reader};
use crate::strace::{self, Strace};
use crate::writing::ERRORS;
use crate::writing::Outcome::Leaves;

#[test]
fn a_write_to_a_lagging_client_that_fails_costs_it_at_most() {
    sweep("--unsent-limit 4KiB");
}

/// First the rest of the frame that was under way, then the newest ones.
#[test]
fn a_write_to_a_skipped_client_that_fails_costs_it_at_most() {
    sweep("--unsent-limit 4KiB --slow skip --backlog 64");
}

/// A clean end is a FIN at a frame boundary. Where a socket failed but lives, only a reset tells of missing frames.
#[test]
fn a_client_that_is_let_go_for_an_error_cannot_mistake_it_for_an_end() {
    if strace::is_missing() {
        return;
    }
    for error in ["ENOMEM", "EPERM", "EHOSTUNREACH"] {
        let mut crew = Crew::gather("--unsent-limit 4KiB", 2);
        let mut lagging = crew.scene.fanout.join_small();
        crew.scene.feed.send(LAG);
        crew.all_read();
        let case = Case::new("sendto", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let end = lagging.read_to_end();
        let (frames, torn) = (lagging.frames(), lagging.torn());
        assert_eq!(
            end,
            End::Reset,
            "{case}: after {frames} frames of {LAG} and {torn} bytes"
        );
        strace.detach(&case);
        crew.end_well(1);
    }
}

#[track_caller]
fn sweep(options: &str) {
    if strace::is_missing() {
        return;
    }
    for &(error, outcome) in ERRORS {
        let mut crew = Crew::gather(options, 2);
        for nth in [1, 2, 5] {
            let mut lagging = crew.scene.fanout.join_small().counting_gaps();
            for _ in 0..LAG / BATCH {
                crew.scene.feed.send(BATCH);
                crew.all_read();
            }
            let last = crew.scene.feed.next() - 1;
            let case = Case::new("sendto", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            if let Leaves(reason) = outcome {
                lagging.read_to_end();
                let injection = strace.wait_for_injections(1);
                crew.expect_departure(lagging.addr(), reason, &injection);
                assert!(lagging.frames() < LAG, "{case}: it did not lag");
            } else {
                read_until_failure(&mut lagging, &strace);
                // After an EAGAIN that was a lie nothing else makes an event.
                lagging.send(b"!");
                lagging.read_to(last);
                assert_eq!(lagging.frames() + lagging.missing(), LAG, "{case}");
                let gone = lagging.reset();
                let left = format!("client left*addr={gone} ");
                crew.scene.step_until(&mut crew.clients[0], &left);
                crew.clients[1].read_to(crew.scene.feed.next() - 1);
            }
            strace.detach(&case);
        }
        crew.end_well(3);
    }
}

/// Reads until the call has failed.
#[track_caller]
fn read_until_failure(client: &mut Reader, strace: &Strace) {
    let give_up = Instant::now() + DEADLINE;
    while strace.injections().is_empty() {
        assert!(Instant::now() < give_up, "no call has failed");
        if client.has_frame() {
            client.next();
        }
    }
}

/// More frames than the kernel takes for a client with the smallest buffer.
const LAG: u64 = 400;

/// Few enough for the others to keep up.
const BATCH: u64 = 10;
