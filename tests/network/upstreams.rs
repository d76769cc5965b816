//! Upstreams whose network fails: connects that nobody answers, connections that go dead, a host without memory, a
//! connection to nobody but itself.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::ground::on_private_ground;
use crate::harness::{DEADLINE, line};
use crate::network::{SECOND, set};
use crate::stage::{
    SERVER_A, SLACK, Stage, VICTIM, WITNESS, join, launch, upstream_at, upstream_beside, wait_until,
};

#[test]
fn an_upstream_that_does_not_answer_is_given_up_before_the_next_one_is_dialled() {
    on_private_ground(|network| {
        network.black_hole(DEAD);
        let upstream = upstream_at(SERVER_A);
        let started = Instant::now();
        let options = "--connect-timeout 2s --reconnect-min 60s --reconnect-max 60s";
        let fanout = launch(network, &format!("{options} {DEAD}:9 {}", upstream.addr()));
        let mut client = join(&fanout, WITNESS);
        while !upstream.is_dialled() {
            client.expect_silence(Duration::from_millis(10));
            assert!(
                started.elapsed() < DEADLINE,
                "the next one is never dialled"
            );
        }
        // A socket towards the first would have been there before, and would be there still.
        assert_eq!(
            network.sockets_to(DEAD),
            0,
            "two upstreams are dialled at once"
        );
        let waited = started.elapsed();
        let timeout = Duration::from_secs(2);
        assert!(waited >= timeout, "given up after {waited:?}");
        assert!(waited <= timeout + SLACK, "given up after {waited:?}");
        fanout.wait_for_line(&format!(
            "upstream lost addr={DEAD}:9 reason=\"connect timed out\" frames=0"
        ));
        upstream.accept().send(3);
        client.expect(0..3);
        assert_eq!(fanout.lines().matching("client left").len(), 0);
    });
}

#[test]
fn an_upstream_that_is_said_to_be_unreachable_is_passed_over_at_once() {
    on_private_ground(|network| {
        network.deny(DEAD);
        let upstream = upstream_at(SERVER_A);
        // Whoever waits for a time-out, or between two upstreams, waits longer than the test.
        let options = "--connect-timeout 60s --reconnect-min 60s --reconnect-max 60s";
        let fanout = launch(network, &format!("{options} {DEAD}:9 {}", upstream.addr()));
        let mut client = join(&fanout, WITNESS);
        fanout.wait_for_line(&format!("upstream lost addr={DEAD}:9*no route to host"));
        upstream.accept().send(3);
        client.expect(0..3);
    });
}

#[test]
fn with_an_upstream_timeout_a_dead_connection_is_replaced_and_clients_stay() {
    on_private_ground(|network| {
        let options = "--upstream-timeout 2s --connect-timeout 1s --reconnect-max 500ms";
        let mut stage = Stage::set(network, options);
        stage.step(10);
        stage.scene.feed.begin_frame(100);
        network.black_hole(SERVER_A);
        let (lost, waited) = stage.wait_until("upstream lost", Duration::from_secs(2) + SLACK);
        assert_eq!(line::value(&lost, "reason"), "no bytes for 2s", "{lost}");
        assert_eq!(line::number(&lost, "frames"), 10, "{lost}");
        assert!(waited >= Duration::from_secs(1), "after {waited:?}");
        // Its connects find nobody either.
        stage.fanout().wait_for_lines("connect timed out", 2);
        network.heal();
        stage.scene.feed = stage.scene.upstream.accept().starting_at(10);
        stage.step(10);
        assert_eq!(stage.witness.frames(), 20);
        stage.assert_calm();
    });
}

#[test]
fn without_an_upstream_timeout_keepalive_finds_a_dead_connection_in_thirty_seconds() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "--connect-timeout 1s --reconnect-max 500ms");
        stage.step(10);
        network.black_hole(SERVER_A);
        let keepalive = Duration::from_secs(30);
        let (lost, waited) = stage.wait_until("upstream lost", keepalive + SLACK);
        assert_eq!(
            line::value(&lost, "reason"),
            "connection timed out",
            "{lost}"
        );
        assert!(
            waited + Duration::from_secs(1) >= keepalive,
            "after {waited:?}"
        );
        assert_eq!(stage.fanout().lines().matching("upstream stale").len(), 1);
        network.heal();
        stage.scene.feed = stage.scene.upstream.accept().starting_at(10);
        stage.step(10);
        stage.assert_calm();
    });
}

#[test]
fn a_silent_upstream_that_is_alive_is_kept() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "");
        stage.step(10);
        // Nothing happens for longer than a dead one would be put up with.
        stage.witness.expect_silence(Duration::from_secs(32));
        assert_eq!(stage.fanout().lines().matching("upstream lost").len(), 0);
        stage.step(10);
        stage.assert_calm();
    });
}

#[test]
fn an_upstream_whose_host_has_forgotten_the_connection_is_dialled_again() {
    on_private_ground(|network| {
        let mut stage = Stage::set(network, "");
        stage.step(10);
        network.black_hole(SERVER_A);
        // Nobody hears of its end, and the program has nothing to say to it but a probe every 15 seconds.
        let Stage { scene, witness, .. } = stage;
        scene.feed.reset();
        network.heal();
        let idle = Duration::from_secs(15);
        let (lost, _) = wait_until(&scene.fanout, "upstream lost", idle + SLACK);
        let reason = line::value(&lost, "reason");
        assert_eq!(reason, "connection reset by peer", "{lost}");
        let mut witness = witness;
        scene.upstream.accept().starting_at(10).send(10);
        witness.expect(10..20);
    });
}

#[test]
fn an_upstream_behind_a_link_that_comes_up_again_loses_no_frame() {
    on_private_ground(|network| {
        let upstream = upstream_at(REMOTE_SERVER_A);
        let fanout = launch(network, &upstream.addr().to_string());
        let mut feed = upstream.accept();
        let mut client = join(&fanout, WITNESS);
        feed.send(10);
        client.expect(0..10);
        network.pull_out(SECOND);
        feed.send(10);
        // Nothing comes for a second.
        client.expect_silence(Duration::from_secs(1));
        network.plug_in(SECOND);
        client.expect(10..20);
        assert_eq!(fanout.lines().matching("upstream lost").len(), 0);
    });
}

#[test]
fn an_upstream_behind_a_link_that_is_down_is_dialled_until_it_is_up() {
    on_private_ground(|network| {
        network.pull_out(SECOND);
        let upstream = upstream_at(REMOTE_SERVER_A);
        let options = "--reconnect-min 50ms --reconnect-max 200ms";
        let fanout = launch(network, &format!("{options} {}", upstream.addr()));
        let mut client = join(&fanout, WITNESS);
        let lost = fanout.wait_for_lines("upstream lost", 3).swap_remove(0);
        assert_eq!(
            line::value(&lost, "reason"),
            "network is unreachable",
            "{lost}"
        );
        let turns = line::number(&fanout.stats(), "turns");
        let tries = fanout.lines().matching("upstream connecting").len() as u64;
        assert!(turns <= 4 * tries + 20, "{turns} turns for {tries} tries");
        network.plug_in(SECOND);
        upstream.accept().send(3);
        client.expect(0..3);
    });
}

#[test]
fn a_connection_to_itself_is_closed_and_leaves_the_port_to_the_upstream() {
    on_private_ground(|network| {
        // The upstream's port is one of two that the system may choose for the program's own end.
        network.near(|| set("ip_local_port_range", "40002 40003"));
        let here = (Ipv4Addr::new(10, 7, 1, 1), 40_002);
        let options = "--reconnect-min 10ms --reconnect-max 10ms";
        let fanout = launch(network, &format!("{options} {}:{}", here.0, here.1));
        let mut client = join(&fanout, WITNESS);
        let lost = fanout.wait_for_line("connected to itself");
        assert!(lost.contains("upstream lost addr=10.7.1.1:40002"), "{lost}");
        let upstream = upstream_beside(network, here, SLACK);
        let mut feed = upstream.accept();
        feed.send(3);
        client.expect(0..3);
        let connected = fanout.wait_for_lines("upstream connected", 1);
        assert_eq!(connected.len(), 1, "{connected:?}");
    });
}

#[test]
fn an_upstream_and_a_client_on_hosts_that_vanish_together_are_both_found() {
    on_private_ground(|network| {
        let options =
            "--upstream-timeout 2s --stall-timeout 3s --connect-timeout 1s --reconnect-max 500ms";
        let mut stage = Stage::set(network, options);
        let _victim = stage.join(VICTIM);
        stage.step(5);
        network.black_hole(VICTIM);
        stage.step(5);
        network.black_hole(SERVER_A);
        let departure = crate::stage::departure(VICTIM);
        wait_until(stage.fanout(), &departure, Duration::from_secs(3) + SLACK);
        stage.fanout().wait_for_line("upstream lost");
        network.heal();
        stage.scene.feed = stage.scene.upstream.accept().starting_at(10);
        stage.step(10);
        stage.assert_calm();
    });
}

/// A host at which nobody is at home.
const DEAD: Ipv4Addr = Ipv4Addr::new(10, 8, 1, 9);

/// Server A behind the second cable.
const REMOTE_SERVER_A: Ipv4Addr = Ipv4Addr::new(10, 8, SECOND.0, 1);
