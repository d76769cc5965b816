//! The slow policies, as they act on clients that come by a unix socket.

use std::time::Duration;

use crate::harness::{End, Place, Reader, Scene, line};

#[test]
fn each_slow_policy_acts_on_them_and_spares_the_others() {
    for policy in ["disconnect", "skip"] {
        let place = Place::new();
        let options = format!("--backlog 50 --unsent-limit 16KiB --slow {policy}");
        let mut scene = Scene::set(&place.beside_tcp(&options));
        let mut stuck = place.connect().counting_gaps();
        scene.fanout.wait_for_line("client joined");
        let mut witness = scene
            .fanout
            .joined(Reader::connect(scene.fanout.addr_of("127.0.0.1"), 1024));
        let mut other = place.connect();
        scene.fanout.wait_for_stat("clients", 3);
        for sequence in 0..300 {
            scene.step(&mut witness, 1);
            other.expect(sequence..sequence + 1);
        }
        if policy == "skip" {
            scene.feed.send(1);
            stuck.read_to(300);
            assert!(stuck.missing() > 0, "300 frames do not fit");
            assert_eq!(
                line::number(&scene.fanout.stats(), "skipped"),
                stuck.missing()
            );
            assert_eq!(stuck.frames() + stuck.missing(), 301);
        } else {
            let left = scene.fanout.wait_for_line("client left");
            assert_eq!(line::value(&left, "reason"), "slow", "{left}");
            // A unix socket has no reset: what the kernel has taken comes, and then the end.
            assert_eq!(stuck.read_to_end(), End::Fin);
            assert_eq!(line::number(&left, "frames"), stuck.frames(), "{left}");
            assert_eq!(stuck.missing(), 0);
        }
    }
}

#[test]
fn under_wait_one_of_them_holds_the_upstream_up_and_nothing_is_lost() {
    let place = Place::new();
    let options = "--backlog 32 --unsent-limit 16KiB --slow wait --stall-timeout 0";
    let scene = Scene::set(&place.beside_tcp(options));
    let mut stuck = place.connect();
    scene.fanout.wait_for_line("client joined");
    let mut feed = scene.feed.with_small_buffer();
    let taken = loop {
        let taken = feed.fill(Duration::from_millis(200));
        if line::number(&scene.fanout.stats(), "frames") < taken {
            break taken;
        }
    };
    stuck.expect(0..taken);
    let next = feed.next();
    feed.send(10);
    stuck.expect(taken..next + 10);
}

#[test]
fn one_that_takes_no_byte_is_thrown_out_for_stalling() {
    for policy in ["disconnect", "skip", "wait"] {
        let place = Place::new();
        let options = format!("--stall-timeout 300ms --unsent-limit 16KiB --slow {policy}");
        let mut scene = Scene::set(&place.beside_tcp(&options));
        let mut stuck = place.connect();
        scene.fanout.wait_for_line("client joined");
        scene.feed.send(200);
        let left = scene.fanout.wait_for_line("client left");
        assert_eq!(line::value(&left, "reason"), "stalled", "{policy}: {left}");
        assert_eq!(stuck.read_to_end(), End::Fin);
        assert_eq!(line::number(&left, "frames"), stuck.frames());
    }
}
