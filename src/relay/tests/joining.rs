//! Joining: where a stream starts, with neither gap nor repeat at the seam.

use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::fake::Calls;
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};
use super::{MS, frames};

#[test]
fn a_newcomer_gets_the_last_frames_and_then_every_frame_once() {
    for replay in 0..=5 {
        for history in 0..10 {
            for partial in 0..8 {
                let mut rig = Rig::new(Shape {
                    replays: true,
                    ..SHAPE
                });
                rig.send(history);
                rig.upstream.send(partial);
                rig.settle();
                let id = rig.join_with(Disconnect, replay, usize::MAX);
                rig.settle();
                rig.upstream.send(5 * 8 - partial);
                rig.settle();
                let history = history as u64;
                let first = history - replay.min(4).min(history);
                let what = format!("replay {replay} after {history} and {partial} bytes");
                assert_eq!(rig.taken(id), frames(first..history + 5, 8), "{what}");
            }
        }
    }
}

#[test]
fn frames_that_are_held_back_count_as_past_for_a_newcomer() {
    for replay in 0..=4 {
        for held in 0..4 {
            for partial in [0, 3] {
                let mut rig = Rig::new(Shape {
                    linger: MS(20),
                    replays: true,
                    ..SHAPE
                });
                rig.feed(6);
                rig.now += MS(20);
                rig.turn();
                rig.upstream.send(held * 8 + partial);
                rig.turn();
                assert_eq!(rig.relay.log.published(), 48);
                let id = rig.join_with(Disconnect, replay, usize::MAX);
                rig.settle();
                rig.upstream.send(24 - partial);
                rig.settle();
                rig.now += MS(20);
                rig.turn();
                rig.settle();
                let complete = 6 + held as u64;
                let expected = frames(complete - replay..complete + 3, 8);
                assert_eq!(rig.taken(id), expected, "replay {replay} held {held}");
            }
        }
    }
}

#[test]
fn the_seam_holds_in_the_middle_of_a_fan_out() {
    let mut budgets = ONE_WRITE;
    budgets.write_bytes = 3;
    for replay in 0..=4 {
        for turns in 0..30 {
            let mut rig = Rig::new(Shape { budgets, ..SHAPE });
            let others = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
            rig.send(40);
            for _ in 0..turns {
                rig.turn();
            }
            let complete = rig.relay.log.complete() / 8;
            let id = rig.join_with(Disconnect, replay, usize::MAX);
            rig.settle();
            let first = complete - replay.min(complete);
            // Of a replay as long as the backlog, some may be overwritten before its turn comes;
            // of what was completed after it joined, never.
            let unreplayed = rig.client(id).tally.unreplayed;
            assert!(unreplayed <= replay.min(complete));
            assert_eq!(rig.taken(id), frames(first + unreplayed..40, 8));
            for other in others {
                assert_eq!(rig.taken(other), frames(0..40, 8));
            }
        }
    }
}

#[test]
fn a_newcomer_starts_right_whatever_the_policy_of_a_stuck_neighbour() {
    for policy in [Disconnect, Skip, Wait] {
        let mut rig = Rig::new(SHAPE);
        let stuck = rig.join(policy, 3);
        for _ in 0..4 {
            rig.feed(1);
        }
        let id = rig.join_with(Disconnect, 4, usize::MAX);
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..4, 8));
        rig.send(9);
        rig.settle();
        if policy == Wait {
            rig.socket(stuck).grant(usize::MAX);
            rig.settle();
        }
        assert_eq!(rig.taken(id), frames(0..13, 8), "{policy}");
    }
}

#[test]
fn a_newcomer_that_has_nothing_to_be_given_costs_no_call() {
    let mut rig = Rig::new(SHAPE);
    rig.feed(3);
    let id = rig.join(Disconnect, usize::MAX);
    assert!(!rig.relay.has_work());
    rig.turn();
    assert_eq!(rig.socket(id).calls, Calls::default());
    assert_eq!(rig.relay.stats().accepted, 1);
}

#[test]
fn newcomers_that_come_and_go_do_not_hold_the_upstream() {
    let mut rig = Rig::new(SHAPE);
    let witness = rig.join(Disconnect, usize::MAX);
    rig.feed(10);
    for number in 10..40 {
        // As many frames as may be replayed, and gone before its turn comes.
        let id = rig.join_with(Disconnect, 4, usize::MAX);
        rig.send(1);
        assert!(rig.relay.has_room(), "nobody has been offered anything yet");
        rig.relay.take_in(&mut rig.upstream, rig.now);
        assert_eq!(rig.relay.log.complete(), (number + 1) * 8);
        rig.socket(id)
            .break_off(std::io::ErrorKind::ConnectionReset);
        rig.settle();
    }
    assert_eq!(rig.taken(witness), frames(0..40, 8));
}

#[test]
fn a_replaying_client_that_is_waited_for_holds_the_log_from_its_first_offer_on() {
    let mut rig = Rig::new(Shape {
        window: 24,
        replays: true,
        ..SHAPE
    });
    rig.feed(3);
    let id = rig.join_with(Wait, 3, 0);
    rig.turn();
    rig.send(10);
    rig.settle();
    assert_eq!(rig.lag(id), 4, "the backlog limit, counted from its replay");
    assert_eq!(rig.relay.log.received(), 4 * 8);
}
