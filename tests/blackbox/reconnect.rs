//! The back-off between connections to the upstream.

use std::time::Duration;

use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Launch, Upstream, line};

#[test]
fn each_wait_is_between_half_and_all_of_the_nominal_one() {
    let closed = Closed::reserve();
    let arguments = format!(
        "-l 127.0.0.1:0 --reconnect-min 20ms --reconnect-max 150ms {}",
        closed.addr()
    );
    let fanout = Launch::new(&arguments).start();
    let retries = fanout.wait_for_lines("upstream retry in=", 7);
    for (retry, nominal) in retries.iter().zip([20, 40, 80, 150, 150, 150, 150]) {
        assert_wait(retry, Duration::from_millis(nominal));
        line::assert_shape(
            retry,
            "INFO",
            &format!("upstream retry in=~ addr={}", closed.addr()),
        );
    }
}

#[test]
fn a_connection_without_a_frame_does_not_start_the_wait_over() {
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, "--reconnect-min 10ms --reconnect-max 1h");
    let nominal = [10, 20, 40, 80];
    for (round, nominal) in nominal.into_iter().enumerate() {
        // All but a whole frame.
        upstream.accept().begin_frame(1023);
        let retry = fanout
            .wait_for_lines("upstream retry in=", round + 1)
            .pop()
            .expect("a line");
        assert_wait(&retry, Duration::from_millis(nominal));
    }
    upstream.accept().send(1);
    let retry = fanout
        .wait_for_lines("upstream retry in=", nominal.len() + 1)
        .pop()
        .expect("a line");
    assert_wait(&retry, Duration::from_millis(10));
}

#[test]
fn the_wait_is_really_waited() {
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, "--reconnect-min 400ms --reconnect-max 400ms");
    let started = std::time::Instant::now();
    drop(upstream.accept());
    drop(upstream.accept());
    assert!(
        started.elapsed() >= Duration::from_millis(200),
        "dialled again after {:?}",
        started.elapsed()
    );
    fanout.wait_for_line("upstream retry in=");
}

#[test]
fn the_waits_are_not_all_the_same() {
    let closed = Closed::reserve();
    let arguments = format!(
        "-l 127.0.0.1:0 --reconnect-min 16ms --reconnect-max 16ms {}",
        closed.addr()
    );
    let fanout = Launch::new(&arguments).start();
    let mut waits: Vec<_> = fanout
        .wait_for_lines("upstream retry in=", 20)
        .iter()
        .map(|line| line::value(line, "in").to_owned())
        .collect();
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 1, "twenty waits of {}", waits[0]);
}

#[track_caller]
fn assert_wait(retry: &str, nominal: Duration) {
    let wait = line::duration(line::value(retry, "in"));
    // The line may be rounded to a millisecond.
    let slack = Duration::from_millis(1);
    let is_between = wait + slack >= nominal / 2 && wait <= nominal + slack;
    assert!(
        is_between,
        "{wait:?} is not between half and all of {nominal:?}: {retry}"
    );
}
