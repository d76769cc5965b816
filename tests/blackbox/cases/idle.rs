//! Two thousand clients of every kind, and nothing to do.

use std::time::{Duration, Instant};

use super::counter;
use crate::harness::{DEADLINE, Reader, Scene, all_expect, line, system};

/// Case 50: for longer than the kernel waits before it asks after silent clients.
#[test]
fn two_thousand_idle_clients_cost_not_one_turn() {
    const CLIENTS: usize = 2_000;
    const STUCK: usize = 20;
    let mut scene = Scene::set("--stale-after 0 --stall-timeout 0 --unsent-limit 16KiB");
    let mut witness = scene.fanout.join();
    let mut stuck: Vec<_> = (0..STUCK)
        .map(|_| Reader::connect_small(scene.fanout.addr(), 1024))
        .collect();
    scene.fanout.wait_for_stat("clients", STUCK as u64 + 1);
    // Their windows close, and a backlog remains.
    scene.step(&mut witness, 100);
    let mut idle = scene.fanout.join_many((CLIENTS - STUCK - 1) as u64);
    for client in &idle[..500] {
        client.half_close();
    }
    // Lines that were left out are summed up a second later: the last that is due.
    let give_up = Instant::now() + DEADLINE;
    while lines_about_joining(&scene) < CLIENTS as u64 {
        assert!(Instant::now() < give_up, "not every line was summed up");
    }
    let quiet = wait_until_it_rests(&scene, &mut witness);
    let ticks = system::processor_ticks(scene.fanout.pid());
    witness.expect_silence(Duration::from_secs(17));
    let ticks = system::processor_ticks(scene.fanout.pid()) - ticks;
    let stats = scene.fanout.stats();
    // The turn in which it was asked now, and the answer before, when it went back to sleep.
    assert!(
        line::number(&stats, "turns") - quiet <= 2,
        "{quiet}: {stats}"
    );
    assert_eq!(line::number(&stats, "clients"), CLIENTS as u64, "{stats}");
    // A tenth of a percent of 17 s is 1.7 of a hundredth of a second.
    assert!(ticks <= 2, "{ticks} hundredths of a second");

    scene.step(&mut witness, 1);
    all_expect(&mut stuck, 0..101);
    all_expect(&mut idle, 100..101);
}

/// How many lines about newcomers have been written, or left out and summed up.
fn lines_about_joining(scene: &Scene) -> u64 {
    let suppressed = counter(scene, "lines_suppressed");
    suppressed + scene.fanout.lines().matching("client joined ").len() as u64
}

/// Turns that an answer costs: the signal ends one sleep, and its pipe the next.
const ANSWER: u64 = 2;

/// Asks until an answer is all that has happened since the last one; returns the number of turns then.
#[track_caller]
fn wait_until_it_rests(scene: &Scene, witness: &mut Reader) -> u64 {
    let mut before = line::number(&scene.fanout.stats(), "turns");
    for _ in 0..50 {
        witness.expect_silence(Duration::from_millis(100));
        let turns = line::number(&scene.fanout.stats(), "turns");
        if turns - before <= ANSWER {
            return turns;
        }
        before = turns;
    }
    panic!("it never comes to rest: {before} turns");
}
