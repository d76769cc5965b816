//! Holding frames back: while few come, nobody is woken up for more of them, and nothing is lost for that.

use rustix::process::Signal;

use crate::harness::{Reader, Scene};

/// A program that holds frames back for long, has found that few come meanwhile, and now holds frame 1.
fn holding(options: &str) -> (Scene, Reader) {
    let mut scene = Scene::set(&format!("--linger 2s {options}"));
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 1);
    scene.feed.send(1);
    scene.fanout.wait_for_stat("frames", 2);
    (scene, witness)
}

#[test]
fn while_frames_are_held_back_a_few_more_wake_nobody_up() {
    let (mut scene, mut witness) = holding("");
    for _ in 0..5 {
        scene.feed.send(1);
        // A turn goes by, and another: what had been heard of would have been read.
        scene.fanout.wait_for_stat("frames", 2);
        scene.fanout.wait_for_stat("frames", 2);
    }
    witness.expect(1..7);
    scene.fanout.wait_for_stat("frames", 7);
    // Heard again afterwards.
    scene.step(&mut witness, 2);
}

#[test]
fn while_frames_are_held_back_many_more_are_read_all_the_same() {
    let mut scene = Scene::set("--linger 2s");
    let mut witness = scene.fanout.join();
    scene.feed.send(100);
    witness.expect(0..100);
    scene.feed.send(1);
    scene.fanout.wait_for_stat("frames", 101);
    scene.feed.send(1);
    scene.fanout.wait_for_stat("frames", 102);
    assert!(!witness.has_frame(), "it was read before it was due");
    witness.expect(100..102);
}

#[test]
fn an_upstream_that_ends_while_it_is_not_heard_ends_the_stream_with_all_its_frames() {
    let (mut scene, mut witness) = holding("--no-reconnect");
    scene.feed.send(3);
    scene.feed.begin_frame(100);
    drop(scene.feed);
    witness.expect(1..5);
    witness.expect_fin();
    assert_eq!(scene.fanout.wait_exit(), 0);
}

#[test]
fn a_drain_ends_a_hold_at_once() {
    let (mut scene, mut witness) = holding("");
    scene.fanout.signal(Signal::TERM);
    witness.expect(1..2);
    witness.expect_fin();
    assert_eq!(scene.fanout.wait_exit(), 0);
}
