//! Clients whose host vanishes without a word, for a moment or for good.

use std::time::{Duration, Instant};

use crate::ground::on_private_ground;
use crate::harness::line;
use crate::network::SECOND;
use crate::stage::{REMOTE_VICTIM, SLACK, Stage, VICTIM, departure};

#[test]
fn a_client_whose_host_vanishes_under_frames_leaves_within_the_stall_timeout() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--stall-timeout 3s");
        let mut victim = stage.join(VICTIM);
        stage.step(10);
        victim.expect(0..10);
        network.black_hole(VICTIM);
        let (left, waited) = stage.pace_until(&departure(VICTIM), STALL + SLACK);
        // The kernel holds these few frames, so it is the one to give up.
        assert_eq!(line::value(&left, "reason"), "error", "{left}");
        assert_eq!(
            line::value(&left, "error"),
            "Connection timed out (os error 110)"
        );
        assert!(waited + ROUNDING >= STALL, "after {waited:?}");
        network.wait_for_no_socket_to(VICTIM);
        stage.assert_calm();
    });
}

#[test]
fn a_client_whose_host_vanishes_is_stalled_where_its_backlog_shows() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--stall-timeout 3s");
        let mut victim = stage.join(VICTIM);
        stage.step(10);
        victim.expect(0..10);
        network.black_hole(VICTIM);
        stage.step(100);
        let (left, waited) = stage.pace_until(&departure(VICTIM), STALL + SLACK);
        let reason = line::value(&left, "reason");
        assert!(["stalled", "error"].contains(&reason), "{left}");
        assert!(waited <= STALL + SLACK, "after {waited:?}");
        network.wait_for_no_socket_to(VICTIM);
        stage.assert_calm();
    });
}

#[test]
fn a_client_behind_a_link_that_goes_down_leaves_within_the_stall_timeout() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--stall-timeout 3s");
        let mut victim = stage.join(REMOTE_VICTIM);
        stage.step(10);
        victim.expect(0..10);
        network.pull_out(SECOND);
        let (left, _) = stage.pace_until(&departure(REMOTE_VICTIM), STALL + SLACK);
        // Whether it timed out or there was no way to it depends on the kernel.
        assert_eq!(line::value(&left, "reason"), "error", "{left}");
        stage.assert_calm();
    });
}

#[test]
fn a_client_behind_a_link_that_comes_up_again_loses_nothing() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "");
        let mut victim = stage.join(REMOTE_VICTIM);
        stage.step(10);
        network.pull_out(SECOND);
        stage.pace_for(Duration::from_secs(1));
        network.plug_in(SECOND);
        stage.step(10);
        victim.expect(0..stage.scene.feed.next());
        stage.assert_calm();
    });
}

#[test]
fn a_client_whose_host_is_gone_for_a_moment_loses_nothing() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "");
        let mut victim = stage.join(VICTIM);
        stage.step(10);
        network.black_hole(VICTIM);
        stage.step(200);
        stage.pace_for(Duration::from_secs(1));
        network.heal();
        victim.expect(0..stage.scene.feed.next());
        stage.assert_calm();
    });
}

#[test]
fn a_client_that_is_said_to_be_unreachable_for_a_moment_loses_nothing() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "");
        let mut victim = stage.join(VICTIM);
        stage.step(10);
        // Which is a hint and no verdict (RFC 1122, section 4.2.3.9).
        network.deny(VICTIM);
        stage.pace_for(Duration::from_secs(1));
        network.heal();
        stage.step(10);
        victim.expect(0..stage.scene.feed.next());
        stage.assert_calm();
    });
}

#[test]
fn a_client_whose_host_has_forgotten_it_leaves_at_the_next_frame() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "");
        let victim = stage.join(VICTIM);
        stage.step(10);
        network.black_hole(VICTIM);
        // Nobody hears of its end.
        victim.reset();
        network.heal();
        stage.step(1);
        let (left, _) = stage.pace_until(&departure(VICTIM), SLACK);
        assert_eq!(line::value(&left, "reason"), "closed", "{left}");
        stage.assert_calm();
    });
}

#[test]
fn an_idle_client_whose_host_vanishes_is_found_by_keepalive_in_thirty_seconds() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--stall-timeout 0 --stale-after 1h");
        let victims = [VICTIM, REMOTE_VICTIM];
        let clients = victims.map(|host| stage.join(host));
        // One of them has shut down its sending side, so that its own end will not be an event.
        clients[1].half_close();
        stage.step(1);
        for host in victims {
            network.black_hole(host);
        }
        for host in victims {
            let (left, _) = stage.wait_until(&departure(host), KEEPALIVE + SLACK);
            assert_eq!(line::value(&left, "reason"), "error", "{left}");
            let seconds = line::number(&left, "seconds");
            assert!(seconds + 1 >= KEEPALIVE.as_secs(), "too soon: {left}");
            network.wait_for_no_socket_to(host);
        }
        stage.assert_calm();
        // The witness was just as silent, but answers when it is asked.
        stage.step(10);
        stage.fanout().wait_for_stat("clients", 1);
    });
}

#[test]
fn an_idle_client_whose_host_vanishes_is_found_at_a_probe_after_the_stall_timeout() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--stall-timeout 3s --stale-after 1h");
        let _victim = stage.join(VICTIM);
        stage.step(1);
        network.black_hole(VICTIM);
        let (left, waited) = stage.wait_until(&departure(VICTIM), SECOND_PROBE + SLACK);
        assert_eq!(line::value(&left, "reason"), "error", "{left}");
        assert!(waited + SLACK >= SECOND_PROBE, "after {waited:?}");
        stage.assert_calm();
        stage.step(10);
    });
}

#[test]
fn a_half_closed_client_whose_host_then_vanishes_is_found_with_or_without_frames() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--stall-timeout 3s --stale-after 1h");
        let fed = stage.join(VICTIM);
        fed.half_close();
        stage.step(1);
        network.black_hole(VICTIM);
        let (left, _) = stage.pace_until(&departure(VICTIM), STALL + SLACK);
        assert_eq!(line::value(&left, "reason"), "error", "{left}");

        let idle = stage.join(REMOTE_VICTIM);
        idle.half_close();
        stage.step(1);
        network.black_hole(REMOTE_VICTIM);
        let (left, _) = stage.wait_until(&departure(REMOTE_VICTIM), SECOND_PROBE + SLACK);
        assert_eq!(line::value(&left, "reason"), "error", "{left}");
        stage.step(10);
        stage.fanout().wait_for_stat("clients", 1);
        stage.assert_calm();
    });
}

#[test]
fn a_drain_waits_for_a_client_whose_host_has_vanished_no_longer_than_its_timeout() {
    on_private_ground(|network| {
        network.shrink_buffers();
        let mut stage = Stage::set(network, "--drain-timeout 1s");
        let _victim = stage.join(VICTIM);
        network.black_hole(VICTIM);
        stage.step(100);
        stage.witness.half_close();
        let started = Instant::now();
        assert_eq!(stage.scene.fanout.terminate(), 0);
        let waited = started.elapsed();
        let timeout = Duration::from_secs(1);
        assert!(waited + ROUNDING >= timeout, "after {waited:?}");
        assert!(waited <= timeout + SLACK, "after {waited:?}");
        stage.fanout().wait_for_line("drained clients=1 aborted=1");
        stage.witness.expect_fin();
        network.wait_for_no_socket_to(VICTIM);
    });
}

/// What the tests give as `--stall-timeout`.
const STALL: Duration = Duration::from_secs(3);

/// What a timer of the kernel may be early by, which counts in steps of up to 10 ms.
const ROUNDING: Duration = Duration::from_millis(50);

/// 15 seconds of silence, and three probes that are given 5 seconds each.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where the kernel has a stall timeout, it looks at it when it is about to send the second probe.
const SECOND_PROBE: Duration = Duration::from_secs(20);
