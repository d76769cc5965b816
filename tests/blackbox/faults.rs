//! Faults that one machine can cause without privileges: too few descriptors, bursts, churn, resets.

use std::time::Instant;

use crate::harness::{DEADLINE, Reader, Scene, all_reset, line};

#[cfg(target_os = "linux")]
mod linux {
    use std::time::{Duration, Instant};

    use crate::harness::system;
    use crate::harness::{DEADLINE, Reader, Scene, all_expect, line};

    #[test]
    fn without_descriptors_accepting_pauses_and_goes_on_after_a_departure() {
        let mut scene = Scene::set("");
        let leaver = scene.fanout.join();
        let mut witness = scene.fanout.join();
        let pid = scene.fanout.pid();
        system::forbid_descriptors(pid);
        let mut waiting = Reader::connect(scene.fanout.addr(), 1024);
        let paused = scene.fanout.wait_for_line("accept paused error=");
        assert_eq!(
            line::Parts::of(&paused)
                .words
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>(),
            ["accept", "paused"]
        );
        scene.step(&mut witness, 10);
        let paused = scene.fanout.lines().matching("accept paused");
        assert_eq!(paused.len(), 1, "{paused:?}");
        let addr = leaver.reset();
        scene.fanout.wait_for_departure(addr);
        waiting = scene.fanout.joined(waiting);
        scene.fanout.wait_for_line("accept resumed");
        let next = scene.feed.next();
        scene.step(&mut witness, 1);
        waiting.expect(next..next + 1);
    }

    #[test]
    fn without_descriptors_accepting_is_tried_again_without_spinning() {
        let mut scene = Scene::set("--stale-after 1h");
        let mut witness = scene.fanout.join();
        let pid = scene.fanout.pid();
        let before = system::forbid_descriptors(pid);
        let waiting = [
            Reader::connect(scene.fanout.addr(), 1024),
            Reader::connect(scene.fanout.addr(), 1024),
        ];
        scene.fanout.wait_for_line("accept paused error=");
        let (ticks, sleeps) = (system::processor_ticks(pid), system::sleeps(pid));
        witness.expect_silence(Duration::from_secs(1));
        let (ticks, sleeps) = (
            system::processor_ticks(pid) - ticks,
            system::sleeps(pid) - sleeps,
        );
        assert!(
            ticks <= 20,
            "{ticks} of 100 ticks used while nothing can be accepted"
        );
        assert!(
            sleeps <= 50,
            "{sleeps} wake-ups in a second while nothing can be accepted"
        );
        // Nothing but time brings the next try now.
        system::allow_descriptors(pid, before);
        let mut waiting = waiting.map(|client| scene.fanout.joined(client));
        scene.fanout.wait_for_line("accept resumed");
        scene.step(&mut witness, 1);
        all_expect(&mut waiting, 0..1);
        assert_eq!(
            scene.fanout.lines().matching("accept paused").len(),
            1,
            "one line, not one per try"
        );
    }

    #[test]
    fn a_client_that_says_nothing_is_asked_after_within_fifteen_seconds() {
        let scene = Scene::set("");
        let clients = [scene.fanout.join(), scene.fanout.join()];
        clients[1].half_close();
        for client in clients {
            let due = system::keepalive_due(scene.fanout.addr(), client.addr());
            assert!(due.is_some_and(|seconds| seconds <= 15.5), "{due:?}");
        }
    }

    #[test]
    fn a_burst_of_connects_waits_in_the_accept_queue() {
        const BURST: u64 = 2_000;
        let mut scene = Scene::set("");
        let mut witness = scene.fanout.join();
        if system::longest_accept_queue() < 4_096 {
            scene.fanout.wait_for_line("WARN*somaxconn");
            return;
        }
        let addr = scene.fanout.addr();
        // While the program is stopped, the accept queue is all there is.
        scene.fanout.stop();
        let mut burst: Vec<_> = (0..BURST).map(|_| Reader::connect(addr, 1024)).collect();
        scene.fanout.signal(rustix::process::Signal::CONT);
        scene.fanout.wait_for_stat("clients", BURST + 1);
        scene.step(&mut witness, 2);
        all_expect(&mut burst, 0..2);
    }

    #[test]
    fn many_connects_and_closes_leave_no_descriptor_behind() {
        let mut scene = Scene::set("");
        let mut witness = scene.fanout.join();
        let before = system::descriptors(scene.fanout.pid());
        super::churn(&mut scene, &mut witness, 2_000);
        // Some may have waited to be accepted when the others had left; frames find them out too.
        let give_up = Instant::now() + DEADLINE;
        while system::descriptors(scene.fanout.pid()) != before {
            scene.step(&mut witness, 1);
            let now = system::descriptors(scene.fanout.pid());
            assert!(Instant::now() < give_up, "{before:?} became {now:?}");
        }
    }
}

#[test]
fn many_connects_and_closes_cost_the_others_nothing() {
    let mut scene = Scene::set("--max-clients 50");
    let mut witness = scene.fanout.join();
    churn(&mut scene, &mut witness, 500);
    scene.step(&mut witness, 10);
}

/// Connects and closes as fast as it goes, with frames in between, until nobody but the witness is left.
fn churn(scene: &mut Scene, witness: &mut Reader, count: u64) {
    let addr = scene.fanout.addr();
    for round in 0..count {
        Reader::pass_by(addr);
        if round % 10 == 0 {
            scene.step(witness, 1);
        }
    }
    let give_up = Instant::now() + DEADLINE;
    while line::number(&scene.fanout.stats(), "clients") > 1 {
        scene.step(witness, 1);
        assert!(
            Instant::now() < give_up,
            "clients that have closed are still there"
        );
    }
}

#[test]
fn a_storm_of_resets_in_the_flow_costs_the_others_nothing() {
    let mut scene = Scene::set("--unsent-limit 16KiB");
    let mut witness = scene.fanout.join();
    let addr = scene.fanout.addr();
    for round in 0..300 {
        let mut storm = [
            Reader::connect(addr, 1024),
            Reader::connect_small(addr, 1024),
        ];
        scene.feed.send(20);
        if round % 2 == 0 {
            // It may not have been accepted when the twenty were published.
            while !storm[0].has_frame() {
                scene.feed.send(1);
            }
            storm[0].next();
        }
        all_reset(storm);
        witness.read_to(scene.feed.next() - 1);
    }
    assert_eq!(witness.frames(), scene.feed.next());
    scene.fanout.wait_for_stat("clients", 1);
}

#[test]
fn clients_that_reset_in_one_go_make_room_for_others_in_the_same_turn() {
    let mut scene = Scene::set("--max-clients 40");
    let addr = scene.fanout.addr();
    for _ in 0..10 {
        let leavers = scene.fanout.join_many(40);
        all_reset(leavers);
        scene.fanout.wait_for_stat("clients", 0);
        let mut fresh = Reader::connect(addr, 1024);
        scene.fanout.wait_for_stat("clients", 1);
        let next = scene.feed.next();
        scene.feed.send(2);
        fresh.expect(next..next + 2);
        fresh.reset();
        scene.fanout.wait_for_stat("clients", 0);
    }
}

#[test]
fn a_stuck_crowd_does_not_hold_up_the_one_that_reads() {
    let mut scene = Scene::set("--backlog 128 --unsent-limit 16KiB");
    let addr = scene.fanout.addr();
    let crowd: Vec<_> = (0..100)
        .map(|_| Reader::connect_small(addr, 1024))
        .collect();
    let mut witness = Reader::connect(addr, 1024);
    scene.fanout.wait_for_stat("clients", 101);
    scene.step(&mut witness, 600);
    scene.fanout.wait_for_stat("clients", 1);
    for mut stuck in crowd {
        stuck.expect_reset();
    }
}
