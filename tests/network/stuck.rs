//! Clients that never read, on a network whose buffers are small: under each policy, for a while and for good.

use std::thread;
use std::time::{Duration, Instant};

use crate::ground::on_private_ground;
use crate::harness::line;
use crate::network::{Network, set};
use crate::stage::{SLACK, Stage, VICTIM, departure};

#[test]
fn under_disconnect_a_stuck_client_is_reset_and_leaves_nothing_in_the_kernel() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--backlog 50");
        let mut stuck = stage.join(VICTIM);
        let left = stage.step_until(&departure(VICTIM));
        assert_eq!(line::value(&left, "reason"), "slow", "{left}");
        let taken = line::number(&left, "frames");
        assert!(taken <= 64, "{taken} frames went into small buffers");
        // The line may be read a step late.
        let lag = stage.scene.feed.next() - taken;
        assert!(
            lag > 50,
            "the policy acts when a backlog of 50 is full: {left}"
        );
        // A plain close would leave an orphan that knocks at the closed window for minutes.
        network.wait_for_no_socket_to(VICTIM);
        stuck.expect_reset();
        assert!(stuck.frames() <= taken, "{} frames", stuck.frames());
        stage.step(100);
        stage.assert_calm();
    });
}

#[test]
fn under_skip_a_client_that_stops_now_and_then_misses_exactly_what_is_counted() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--backlog 40 --slow skip");
        let mut client = stage.join(VICTIM).counting_gaps();
        for _ in 0..4 {
            stage.step(300);
            let last = stage.scene.feed.next();
            stage.step(1);
            client.read_to(last);
        }
        assert!(client.missing() > 0, "the backlog holds 40 frames of 300");
        let stats = stage.fanout().stats();
        assert_eq!(line::number(&stats, "skipped"), client.missing(), "{stats}");
        assert_eq!(client.frames() + client.missing(), stage.scene.feed.next());
        stage.assert_calm();
    });
}

#[test]
fn under_wait_a_client_that_stops_for_three_seconds_costs_nobody_a_frame() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--backlog 64 --slow wait --stall-timeout 0");
        let mut client = stage.join(VICTIM);
        stage.scene.feed = stage.scene.feed.with_small_buffer();
        let (taken, published) = stage.fill();
        let Stage { scene, witness, .. } = &mut stage;
        witness.expect(0..published);
        // Nothing happens for three seconds, and nothing is done for it.
        let before = scene.fanout.stats();
        witness.expect_silence(Duration::from_secs(3));
        let after = scene.fanout.stats();
        assert_eq!(line::number(&after, "frames"), published, "{after}");
        let turns = line::number(&after, "turns") - line::number(&before, "turns");
        assert!(turns <= 20, "{turns} turns without anything to do");
        // The client that reads again is all that happens: server A sends nothing new.
        thread::scope(|scope| {
            scope.spawn(|| client.expect(0..taken));
            witness.expect(published..taken);
        });
        stage.scene.feed.send(10);
        client.expect(taken..stage.scene.feed.next());
        stage.witness.expect(taken..stage.scene.feed.next());
    });
}

#[test]
fn under_wait_a_client_stuck_for_good_leaves_and_the_others_lose_nothing() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--backlog 32 --slow wait --stall-timeout 3s");
        let mut stuck = stage.join(VICTIM);
        let started = Instant::now();
        stage.step(300);
        let waited = started.elapsed();
        assert!(
            waited + ROUNDING >= STALL,
            "it is waited for, not {waited:?}"
        );
        assert!(waited <= STALL + SLACK, "held up for {waited:?}");
        assert_stalled(&stage, started);
        network.wait_for_no_socket_to(VICTIM);
        stuck.expect_reset();
        stage.assert_calm();
    });
}

#[test]
fn under_disconnect_a_closed_window_is_put_up_with_for_the_stall_timeout() {
    on_private_ground(|network| close_window(network, "disconnect"));
}

#[test]
fn under_skip_a_closed_window_is_put_up_with_for_the_stall_timeout() {
    on_private_ground(|network| close_window(network, "skip"));
}

#[test]
fn under_wait_a_closed_window_is_put_up_with_for_the_stall_timeout() {
    on_private_ground(|network| close_window(network, "wait"));
}

/// A client that does not read lags by less than the backlog, and then the stream stops.
#[track_caller]
fn close_window(network: &Network, policy: &str) {
    network.shrink_buffers();
    let options = format!("--stall-timeout 3s --stale-after 1h --slow {policy}");
    let mut stage = Stage::set(network, &options);
    let mut stuck = stage.join(VICTIM);
    let started = Instant::now();
    stage.step(100);
    assert_stalled(&stage, started);
    network.wait_for_no_socket_to(VICTIM);
    stuck.expect_reset();
    stage.step(10);
    stage.assert_calm();
}

/// That the victim leaves because it has taken nothing for the stall timeout.
#[track_caller]
fn assert_stalled(stage: &Stage, started: Instant) {
    let (left, _) = stage.wait_until(&departure(VICTIM), STALL + SLACK);
    let waited = started.elapsed();
    let reason = line::value(&left, "reason");
    // The kernel looks at the window, and the program at its backlog: either may be the first to give up.
    assert!(["stalled", "error"].contains(&reason), "{left}");
    assert!(waited + ROUNDING >= STALL, "after {waited:?}: {left}");
}

#[test]
fn the_unsent_limit_keeps_a_stuck_clients_frames_out_of_the_kernel() {
    on_private_ground(|network| {
        // Two MiB from the start: it is a fast client that makes a kernel generous, and this one never reads.
        network.near(|| set("tcp_wmem", "4096 2097152 4194304"));
        let taken = ["128KiB", "0"].map(|limit| {
            let options = format!("--backlog 16 --unsent-limit {limit}");
            let mut stage = Stage::set(network, &options);
            let _stuck = stage.join(VICTIM);
            let left = stage.step_until(&departure(VICTIM));
            line::number(&left, "frames")
        });
        let [limited, unlimited] = taken;
        assert!(limited <= 512, "{limited} frames of 1 KiB, with a limit");
        assert!(
            unlimited > 2 * limited,
            "{unlimited} without, {limited} with"
        );
    });
}

/// What the tests give as `--stall-timeout`.
const STALL: Duration = Duration::from_secs(3);

/// What a timer of the kernel may be early by, which counts in steps of up to 10 ms.
const ROUNDING: Duration = Duration::from_millis(50);
