//! The slow policies: when they act, and what the client that they act on sees.

use std::thread;
use std::time::Duration;

use crate::harness::{Scene, line};

#[test]
fn a_client_may_lag_by_the_whole_backlog() {
    for policy in ["disconnect", "skip", "wait"] {
        let mut scene = Scene::set(&format!(
            "--backlog 300 --unsent-limit 16KiB --slow {policy}"
        ));
        let mut client = scene.fanout.join_small();
        scene.feed.send(300);
        scene.fanout.wait_for_stat("frames", 300);
        let stats = scene.fanout.stats();
        assert_eq!(
            (
                line::number(&stats, "clients"),
                line::number(&stats, "skipped")
            ),
            (1, 0),
            "{policy}: {stats}"
        );
        client.expect(0..300);
    }
}

#[test]
fn a_client_that_lags_by_one_frame_more_is_disconnected() {
    const BACKLOG: u64 = 50;
    let mut scene = Scene::set(&format!("--backlog {BACKLOG} --unsent-limit 16KiB"));
    let mut stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    loop {
        scene.step(&mut witness, 1);
        if line::number(&scene.fanout.stats(), "clients") == 1 {
            break;
        }
    }
    let left = scene.fanout.wait_for_departure(stuck.addr());
    let lag = scene.feed.next() - line::number(&left, "frames");
    assert_eq!(lag, BACKLOG + 1, "of {} frames: {left}", scene.feed.next());
    stuck.expect_reset();
    assert!(stuck.frames() <= line::number(&left, "frames"));
}

#[test]
fn under_skip_the_frames_missing_are_those_counted() {
    let mut scene = Scene::with_frame_size(1_000, "--backlog 40 --unsent-limit 16KiB --slow skip");
    let mut client = scene.fanout.join_small().counting_gaps();
    let mut witness = scene.fanout.join();
    for _ in 0..3 {
        scene.step(&mut witness, 500);
        let last = scene.feed.next();
        // The client reads again, and a frame that is published from now on reaches it.
        scene.feed.send(1);
        witness.expect(last..last + 1);
        client.read_to(last);
    }
    assert!(
        client.missing() > 0,
        "1,500 frames do not fit into a backlog of 40"
    );
    assert_eq!(
        line::number(&scene.fanout.stats(), "skipped"),
        client.missing()
    );
    client.half_close();
    witness.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
    let left = scene.fanout.wait_for_departure(client.addr());
    assert_eq!(line::number(&left, "skipped"), client.missing(), "{left}");
    assert_eq!(line::number(&left, "frames"), client.frames(), "{left}");
    let left = scene.fanout.wait_for_departure(witness.addr());
    assert_eq!(line::number(&left, "skipped"), 0, "{left}");
    assert_eq!(line::number(&left, "frames"), witness.frames(), "{left}");
}

#[test]
fn a_frame_in_the_middle_of_being_written_is_finished_before_the_gap() {
    const FRAME: usize = 1 << 20;
    let mut scene = Scene::with_frame_size(FRAME, "--backlog 2 --unsent-limit 16KiB --slow skip");
    let mut client = scene.fanout.join_small().counting_gaps();
    let mut witness = scene.fanout.join();
    // No kernel takes a frame of 1 MiB for a client that does not read: the first one is in the middle.
    scene.step(&mut witness, 8);
    assert_eq!(
        client.next(),
        0,
        "the frame that was begun comes first, and whole"
    );
    client.read_to(7);
    assert!(
        client.missing() > 0,
        "a backlog of 2 does not hold 8 frames"
    );
    assert_eq!(client.frames() + client.missing(), 8);
}

#[test]
fn skipping_one_client_leaves_no_gap_for_another() {
    let mut scene = Scene::set("--backlog 20 --unsent-limit 16KiB --slow skip");
    let _stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 1_000);
    assert!(line::number(&scene.fanout.stats(), "skipped") > 0);
    assert_eq!(witness.frames(), 1_000);
}

#[test]
fn under_wait_the_upstream_is_left_unread_and_nothing_is_lost() {
    let scene = Scene::set("--backlog 64 --unsent-limit 16KiB --slow wait --stall-timeout 0");
    let mut client = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    let mut feed = scene.feed.with_small_buffer();
    let taken = loop {
        let taken = feed.fill(Duration::from_millis(200));
        // The kernel has taken frames that the program has not read: it has stopped reading.
        if line::number(&scene.fanout.stats(), "frames") < taken {
            break taken;
        }
    };
    // Nothing further comes from server A: the client that reads again is all that happens.
    let reader = thread::spawn(move || {
        witness.expect(0..taken);
        witness
    });
    client.expect(0..taken);
    let mut witness = reader.join().expect("the witness has read everything too");
    let next = feed.next();
    feed.send(10);
    client.expect(taken..next + 10);
    witness.expect(taken..next + 10);
}

#[test]
fn under_wait_a_client_that_leaves_sets_the_upstream_going_again() {
    let scene = Scene::set("--backlog 64 --unsent-limit 16KiB --slow wait --stall-timeout 0");
    let stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    let mut feed = scene.feed.with_small_buffer();
    let taken = feed.fill(Duration::from_millis(200));
    stuck.reset();
    witness.expect(0..taken);
}

#[test]
fn a_stalled_client_is_thrown_out_whatever_the_policy() {
    let scenes = ["disconnect", "skip", "wait"].map(|policy| {
        let options = format!("--stall-timeout 300ms --unsent-limit 16KiB --slow {policy}");
        let mut scene = Scene::set(&options);
        let stuck = scene.fanout.join_small();
        let mut witness = scene.fanout.join();
        scene.step(&mut witness, 500);
        (policy, scene, stuck, witness)
    });
    for (policy, mut scene, mut stuck, mut witness) in scenes {
        let left = scene.fanout.wait_for_departure(stuck.addr());
        assert_eq!(line::value(&left, "reason"), "stalled", "{policy}: {left}");
        stuck.expect_reset();
        scene.step(&mut witness, 100);
        assert_eq!(witness.frames(), 600, "{policy}");
    }
}

#[test]
fn under_wait_a_stalled_client_holds_the_others_up_no_longer_than_that() {
    let mut scene =
        Scene::set("--backlog 32 --unsent-limit 16KiB --slow wait --stall-timeout 300ms");
    let mut stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 1_000);
    assert_eq!(
        line::value(&scene.fanout.wait_for_departure(stuck.addr()), "reason"),
        "stalled"
    );
    stuck.expect_reset();
}

#[test]
fn without_a_stall_timeout_a_stalled_client_stays() {
    let mut patient = Scene::set("--stall-timeout 0 --unsent-limit 16KiB");
    let mut hasty = Scene::set("--stall-timeout 200ms --unsent-limit 16KiB");
    let mut client = patient.fanout.join_small();
    patient.feed.send(500);
    patient.fanout.wait_for_stat("frames", 500);
    for _ in 0..3 {
        let thrown_out = hasty.fanout.join_small();
        hasty.feed.send(500);
        hasty.fanout.wait_for_departure(thrown_out.addr());
    }
    client.expect(0..500);
}

#[test]
fn a_client_that_is_caught_up_is_never_stalled() {
    let mut scene = Scene::set("--stall-timeout 100ms");
    let mut client = scene.fanout.join();
    scene.feed.send(5);
    client.expect(0..5);
    client.expect_silence(Duration::from_millis(400));
    scene.feed.send(5);
    client.expect(5..10);
}
