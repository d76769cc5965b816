//! Lines that lose what they carry, or carry it in crumbs.

use std::fs;

use crate::ground::on_private_ground;
use crate::network::{Network, run, set};
use crate::stage::{SERVER_A, Stage, VICTIM};

#[test]
fn a_client_behind_a_lossy_line_gets_every_frame() {
    on_private_ground(|network| {
        let loss = prepare_for_loss(network);
        // So small a send buffer that a burst does not fit: it is given in pieces.
        network.near(|| set("tcp_wmem", "4096 4096 4096"));
        let mut stage = Stage::set(network, "");
        let mut victim = stage.join(VICTIM);
        network.mistreat(VICTIM, loss);
        for _ in 0..BURSTS {
            let next = stage.scene.feed.next();
            stage.step(BURST);
            victim.expect(next..next + BURST);
        }
        stage.assert_calm();
    });
}

#[test]
fn frames_from_an_upstream_behind_a_lossy_line_come_whole_and_in_order() {
    on_private_ground(|network| {
        let loss = prepare_for_loss(network);
        let mut stage = Stage::set(network, "");
        let mut second = stage.join(VICTIM);
        network.mistreat(SERVER_A, loss);
        for _ in 0..BURSTS {
            let next = stage.scene.feed.next();
            stage.scene.feed.send(BURST);
            stage.witness.expect(next..next + BURST);
            second.expect(next..next + BURST);
        }
        stage.assert_calm();
    });
}

#[test]
fn a_line_for_crumbs_only_carries_whole_frames() {
    on_private_ground(|network| {
        // The smallest datagram that every host takes (RFC 791): a frame needs two segments.
        run("ip link set far1 mtu 576");
        network.near(|| run("ip link set near1 mtu 576"));
        let mut stage = Stage::set(network, "");
        let mut second = stage.join(VICTIM);
        stage.step(50);
        stage.scene.feed.send(500);
        stage.witness.expect(50..550);
        second.expect(0..550);
        stage.assert_calm();
    });
}

/// Prepares both sides for a line that loses what it carries, at random and in both directions; returns the rule for
/// it. To be called before anybody connects.
fn prepare_for_loss(network: &Network) -> &'static str {
    // A kernel that cannot be told to retry within a second doubles its patience with each loss in a row: with three
    // of ten lost, it is silent for longer than a test waits every now and then.
    if !fs::exists("/proc/sys/net/ipv4/tcp_rto_max_ms").is_ok_and(|there| there) {
        return "numgen random mod 100 < 10 drop";
    }
    set("tcp_rto_max_ms", "1000");
    network.near(|| set("tcp_rto_max_ms", "1000"));
    "numgen random mod 100 < 30 drop"
}

/// Frames on their way at once. Were it many, the first one that is lost could wait for very long: the sender may go on
/// with the others, a second for each, before it finds that it has lost the first one twice.
const BURST: u64 = 8;

const BURSTS: u64 = 6;
