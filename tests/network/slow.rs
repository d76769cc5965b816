//! Clients that read, but slowly: those who are just slow, and those who only look alive.

use std::time::{Duration, Instant};

use rustix::io::{Errno, read};

use crate::ground::on_private_ground;
use crate::harness::line;
use crate::network::{Network, run, set};
use crate::stage::{REMOTE_VICTIM, SLACK, Stage, VICTIM, departure};

#[test]
fn a_slow_client_that_keeps_reading_is_never_taken_for_a_stalled_one() {
    on_private_ground(|network| read_slowly(network, "4096 32768 32768"));
}

#[test]
fn a_slow_client_with_a_tiny_window_is_never_taken_for_a_stalled_one() {
    on_private_ground(|network| read_slowly(network, "4096 8192 8192"));
}

/// A client with receive buffers of this size reads ten KiB a second of a stream of eight KiB a second, so far behind
/// that it lags all the time, and for several times the stall timeout.
#[track_caller]
fn read_slowly(network: &Network, receive_buffers: &str) {
    network.near(|| set("tcp_wmem", "4096 16384 16384"));
    set("tcp_rmem", receive_buffers);
    let mut stage = Stage::set(network, "--stall-timeout 5s");
    let mut slow = stage.join(VICTIM);
    stage.scene.feed.send(150);
    stage.witness.read_to(149);
    for round in 0..200 {
        if round % 5 > 0 {
            stage.step(1);
        }
        slow.next();
        stage.witness.expect_silence(Duration::from_millis(100));
    }
    slow.expect(200..stage.scene.feed.next());
    stage.fanout().wait_for_stat("clients", 2);
    stage.assert_calm();
}

#[test]
fn a_client_behind_a_slow_line_loses_nothing_and_slows_nobody_down() {
    on_private_ground(|network| {
        network.near(|| run("tc qdisc add dev near2 root tbf rate 160kbit burst 4kb limit 200kb"));
        // The kernel takes lumps of up to 100 KiB, which keep the line busy for five seconds each.
        network.near(|| set("tcp_wmem", "4096 16384 16384"));
        let mut stage = Stage::set(network, "--stall-timeout 12s");
        let mut slow = stage.join(REMOTE_VICTIM);
        let started = Instant::now();
        stage.step(400);
        let quick = started.elapsed();
        slow.expect(0..400);
        let slow = started.elapsed();
        let least = Duration::from_secs(15);
        assert!(slow >= least, "20 KB a second took {slow:?} for 400 KiB");
        assert!(quick < least, "the witness was held up for {quick:?}");
        stage.fanout().wait_for_stat("clients", 2);
        stage.assert_calm();
    });
}

#[test]
fn a_client_that_takes_a_byte_a_second_is_thrown_out() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--stall-timeout 4s");
        let slowloris = stage.join(VICTIM);
        stage.step(100);
        let give_up = Instant::now() + Duration::from_secs(4) + SLACK;
        let left = loop {
            assert_eq!(read(&slowloris, &mut [0; 1]), Ok(1), "the kernel has some");
            stage.pace_for(Duration::from_secs(1));
            if let Some(left) = stage.fanout().lines().matching(&departure(VICTIM)).pop() {
                break left;
            }
            assert!(Instant::now() < give_up, "it is still there");
        };
        let reason = line::value(&left, "reason");
        assert!(["stalled", "error"].contains(&reason), "{left}");
        network.wait_for_no_socket_to(VICTIM);
        let end = loop {
            match read(&slowloris, &mut [0; 1024]) {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        assert_eq!(
            end,
            Some(Errno::CONNRESET),
            "it cannot mistake that for an end"
        );
        stage.assert_calm();
    });
}
