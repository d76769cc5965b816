//! Many who come at once: out of descriptors, reset before they are accepted, five thousand together, ten thousand in a
//! row.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::process::Signal;

use super::{counter, tools};
use crate::harness::wait::is_ready;
use crate::harness::{DEADLINE, Reader, Scene, all_expect, all_reset, line, system};

/// Case 1.
#[test]
fn out_of_descriptors_those_who_wait_get_in_as_others_leave_though_nobody_new_comes() {
    let mut scene = Scene::set("--stale-after 1h");
    let mut witness = scene.fanout.join();
    let mut leavers = scene.fanout.join_many(40);
    // From then on there is room for lines that clients cause.
    scene.fanout.wait_for_line("client lines suppressed");
    let addr = scene.fanout.addr();
    system::forbid_descriptors(scene.fanout.pid());
    let mut waiting: Vec<_> = (0..40).map(|_| Reader::connect(addr, 1024)).collect();
    scene
        .fanout
        .wait_for_line("accept paused error=\"Too many open files");
    assert_eq!(counter(&scene, "accepted"), 41);
    assert_tries_are_few(&scene, &mut witness);

    // Twice, twenty go, and twenty of those who wait come in. No event tells of them: they were there before.
    for round in 0..2 {
        all_reset(leavers.drain(..20));
        scene
            .fanout
            .wait_for_stat("accepted", 41 + (round + 1) * 20);
        let next = scene.feed.next();
        scene.step(&mut witness, 3);
        let mut newcomers: Vec<_> = waiting.drain(..20).collect();
        all_expect(&mut newcomers, next..next + 3);
        all_expect(&mut leavers[..], next..next + 3);
        leavers.extend(newcomers);
    }
    assert_eq!(counter(&scene, "accepted"), 81, "nobody else was there");

    // With a descriptor to spare it finds out that nobody waits, and the next one is let in at once.
    all_reset(leavers.drain(..2));
    scene.fanout.wait_for_stat("clients", 39);
    let mut newcomer = scene.fanout.join_many(1).swap_remove(0);
    let next = scene.feed.next();
    scene.step(&mut witness, 1);
    newcomer.expect(next..next + 1);
    let tries = counter(&scene, "accept_errors");
    witness.expect_silence(Duration::from_millis(1_200));
    assert_eq!(counter(&scene, "accept_errors"), tries, "still paused");
}

/// While nobody can be let in, it tries four times in the first second and a half and then once a second, says so once
/// and does nothing else.
#[track_caller]
fn assert_tries_are_few(scene: &Scene, witness: &mut Reader) {
    let (started, tries, turns) = (
        Instant::now(),
        counter(scene, "accept_errors"),
        counter(scene, "turns"),
    );
    witness.expect_silence(Duration::from_secs(2));
    let turns = counter(scene, "turns") - turns;
    let tries = counter(scene, "accept_errors") - tries;
    let most = 5 + started.elapsed().as_secs();
    assert!((1..=most).contains(&tries), "{tries} tries, {most} allowed");
    // One for each try, and those that the questions cost.
    assert!(turns <= 2 * most + 6, "{turns} turns for {tries} tries");
    let paused = scene.fanout.lines().matching("accept paused");
    assert_eq!(paused.len(), 1, "{paused:?}");
}

/// Case 7.
#[test]
fn a_thousand_that_reset_before_they_are_accepted_leave_nothing_behind() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let addr = scene.fanout.addr();
    let descriptors = system::descriptors(scene.fanout.pid());
    for round in 1..=10 {
        // While the program stands still, nobody is accepted.
        scene.fanout.stop();
        for _ in 0..100 {
            Reader::connect(addr, 1024).reset();
        }
        scene.feed.send(5);
        scene.fanout.signal(Signal::CONT);
        // No frame is needed for them to be gone.
        scene.fanout.wait_for_stat("left_closed", round * 100);
        witness.read_to(scene.feed.next() - 1);
    }
    let stats = scene.fanout.stats();
    let numbers = ["accepted", "clients", "accept_errors", "left_error"];
    assert_eq!(
        numbers.map(|key| line::number(&stats, key)),
        [1_001, 1, 0, 0],
        "{stats}"
    );
    assert_eq!(system::descriptors(scene.fanout.pid()), descriptors);
    let warnings = scene.fanout.lines().matching("WARN");
    let is_summary = |line: &String| line.contains("client lines suppressed");
    assert!(warnings.iter().all(is_summary), "{warnings:#?}");
}

/// Case 8.
#[test]
fn five_thousand_that_connect_at_once_while_frames_flow_miss_none() {
    const AT_REST: usize = 4_000;
    const MOVING: usize = 1_000;
    if system::longest_accept_queue() < 4_096 {
        tools::skipped("net.core.somaxconn is below 4096");
        return;
    }
    let mut scene = Scene::with_frame_size(64, "");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 10);
    let addr = scene.fanout.addr();
    // While it stands still, the accept queue is all there is, and nobody is turned away from it.
    scene.fanout.stop();
    let mut crowd: Vec<_> = (0..AT_REST).map(|_| Reader::connect(addr, 64)).collect();
    let give_up = Instant::now() + DEADLINE;
    while system::accept_queue(addr) != AT_REST {
        assert!(Instant::now() < give_up, "some were turned away");
    }
    scene.feed.send(10);
    scene.fanout.signal(Signal::CONT);
    // The others come as it is busy with letting these in, with frames in between.
    for number in 0..MOVING {
        crowd.push(Reader::connect(addr, 64));
        if number % 20 == 0 {
            scene.feed.send(1);
        }
    }
    scene
        .fanout
        .wait_for_stat("clients", (AT_REST + MOVING + 1) as u64);
    scene.feed.send(10);
    let last = scene.feed.next() - 1;
    for client in &mut crowd {
        client.read_to(last);
        assert!(client.frames() >= 10);
    }
    witness.read_to(last);
    assert_eq!(witness.frames(), last + 1);
    assert_eq!(counter(&scene, "accept_errors"), 0);
}

/// Case 10, and the fault table's ten thousand.
#[test]
fn ten_thousand_that_come_and_go_are_all_accounted_for_and_leave_nothing_behind() {
    const WARMING_UP: u64 = 1_000;
    const ALL: u64 = 10_000;
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let descriptors = system::descriptors(scene.fanout.pid());
    come_and_go(&mut scene, &mut witness, WARMING_UP);
    let before = system::resident_bytes(scene.fanout.pid());
    come_and_go(&mut scene, &mut witness, ALL - WARMING_UP);
    let grown = system::resident_bytes(scene.fanout.pid()).saturating_sub(before);
    assert!(grown <= 1 << 20, "{grown} bytes more after {ALL} clients");
    let stats = scene.fanout.stats();
    let numbers = ["accepted", "left_closed", "left_error", "accept_errors"];
    assert_eq!(
        numbers.map(|key| line::number(&stats, key)),
        [ALL + 1, ALL, 0, 0],
        "{stats}"
    );
    assert_eq!(system::descriptors(scene.fanout.pid()), descriptors);
    assert_eq!(witness.frames(), scene.feed.next(), "from the first frame");
}

/// Clients come and go, one half with a reset, one in four with a frame; then until nobody but the witness is left.
fn come_and_go(scene: &mut Scene, witness: &mut Reader, count: u64) {
    for number in 0..count {
        let mut client = Reader::connect(scene.fanout.addr(), 1024);
        // No more of them wait to be accepted than a turn accepts.
        if number % 50 == 0 {
            scene.step(witness, 1);
        }
        if number % 4 == 0 {
            scene.step(witness, 1);
            while !is_ready(&client, PollFlags::IN, Duration::from_millis(5)) {
                scene.step(witness, 1);
            }
            client.next();
        }
        if number % 2 == 0 {
            client.reset();
        }
    }
    let give_up = Instant::now() + DEADLINE;
    while counter(scene, "clients") > 1 {
        scene.step(witness, 1);
        assert!(
            Instant::now() < give_up,
            "some who have left are still there"
        );
    }
}
