//! Reading the upstream: however its bytes are cut, whole frames come out.

use std::io::ErrorKind;

use super::super::intake::IntakeEnd;
use super::super::limits::{INTERRUPTS, READS_PER_TURN};
use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::fake::Intaking;
use super::frames;
use super::rig::{Rig, SHAPE, Shape};

#[test]
fn three_frames_arrive_alike_however_the_reads_cut_them() {
    let length = 24;
    for first in 1..length {
        for second in first..length {
            let mut rig = Rig::new(SHAPE);
            let id = rig.join(Disconnect, usize::MAX);
            for piece in [first, second - first, length - second] {
                rig.upstream.send(piece);
                rig.settle();
                let whole = rig.taken(id).len() / 8 * 8;
                assert_eq!(rig.taken(id).len(), whole, "no part of a frame is given");
            }
            assert_eq!(
                rig.taken(id),
                frames(0..3, 8),
                "cut at {first} and {second}"
            );
        }
    }
}

#[test]
fn reads_of_every_length_within_one_turn_give_the_same_frames() {
    for length in 1..=30 {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Disconnect, usize::MAX);
        rig.upstream.script = vec![Intaking::Bytes(length); 40].into();
        rig.feed(4);
        assert_eq!(rig.taken(id), frames(0..4, 8), "reads of {length}");
    }
}

#[test]
fn an_upstream_that_dribbles_single_bytes_is_read_64_times_a_turn() {
    let mut rig = Rig::new(Shape {
        window: 1024,
        backlog_frames: 100,
        ..SHAPE
    });
    let id = rig.join(Disconnect, usize::MAX);
    rig.upstream.script = vec![Intaking::Bytes(1); 100 * 8].into();
    rig.send(20);
    rig.turn();
    let intake = rig.intake.as_ref().unwrap();
    assert!(matches!(intake.end, IntakeEnd::BudgetSpent));
    assert_eq!((intake.bytes, intake.frames), (READS_PER_TURN as u64, 8));
    assert_eq!(rig.taken(id), frames(0..8, 8));
    rig.settle();
    assert_eq!(rig.taken(id), frames(0..20, 8));
}

#[test]
fn an_interrupted_read_is_made_again_and_an_endless_one_ends_with_the_budget() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.upstream.script = vec![Intaking::Interrupted; INTERRUPTS - 1].into();
    rig.send(1);
    rig.turn();
    assert_eq!(rig.taken(id), frames(0..1, 8));

    rig.upstream.script = vec![Intaking::Interrupted; INTERRUPTS].into();
    rig.send(1);
    rig.turn();
    let intake = rig.intake.as_ref().unwrap();
    assert!(matches!(intake.end, IntakeEnd::BudgetSpent));
    rig.settle();
    assert_eq!(rig.taken(id), frames(0..2, 8));
}

#[test]
fn bytes_before_the_end_or_a_failure_are_not_lost() {
    for last in [
        Intaking::Ended,
        Intaking::Failed(ErrorKind::ConnectionReset),
    ] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Disconnect, usize::MAX);
        rig.upstream.script = [Intaking::Bytes(20), last].into();
        rig.send(3);
        rig.turn();
        let intake = rig.intake.as_ref().unwrap();
        assert_eq!((intake.bytes, intake.frames), (20, 2));
        match last {
            Intaking::Ended => assert!(matches!(intake.end, IntakeEnd::Ended)),
            _ => assert!(matches!(&intake.end, IntakeEnd::Failed(error)
                if error.kind() == ErrorKind::ConnectionReset)),
        }
        assert_eq!(rig.taken(id), frames(0..2, 8));
    }
}

#[test]
fn an_upstream_that_has_nothing_more_is_drained_and_not_lost() {
    let mut rig = Rig::new(SHAPE);
    for frames in [1, 0] {
        rig.send(frames);
        rig.turn();
        let intake = rig.intake.as_ref().unwrap();
        assert!(matches!(intake.end, IntakeEnd::Drained), "{intake:?}");
    }
}

#[test]
fn a_frame_cut_off_by_a_lost_upstream_is_given_to_nobody_and_counted() {
    for cut in 0..8 {
        let mut rig = Rig::new(SHAPE);
        let before = rig.join(Disconnect, usize::MAX);
        rig.feed(2);
        rig.upstream.send(cut);
        rig.settle();
        let inside = rig.join_with(Disconnect, 1, usize::MAX);
        assert_eq!(rig.relay.discard_partial(), cut as u64);
        rig.upstream.position = 16;
        rig.feed(2);
        assert_eq!(rig.taken(before), frames(0..4, 8));
        assert_eq!(rig.taken(inside), frames(1..4, 8));
        assert_eq!(rig.relay.stats().discarded_bytes, cut as u64);
    }
}

#[test]
fn no_read_is_larger_than_its_budget() {
    let mut budgets = SHAPE.budgets;
    budgets.read_bytes = 12;
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let id = rig.join(Disconnect, usize::MAX);
    rig.send(3);
    rig.turn();
    let intake = rig.intake.as_ref().unwrap();
    assert!(matches!(intake.end, IntakeEnd::BudgetSpent));
    assert_eq!((intake.bytes, intake.frames), (12, 1));
    rig.turn();
    assert_eq!(rig.taken(id), frames(0..3, 8));
}

#[test]
fn without_clients_the_upstream_is_read_and_forgotten() {
    let mut rig = Rig::new(SHAPE);
    rig.feed(1000);
    assert_eq!(rig.upstream.available, 0);
    assert_eq!(rig.relay.stats().frames, 1000);
    let id = rig.join(Disconnect, usize::MAX);
    rig.feed(1);
    assert_eq!(rig.taken(id), frames(1000..1001, 8));
}

#[test]
fn a_log_that_everybody_keeps_up_with_starts_over_once_a_window() {
    for replays in [false, true] {
        let mut rig = Rig::new(Shape { replays, ..SHAPE });
        let id = rig.join(Disconnect, usize::MAX);
        let other = rig.join(Wait, usize::MAX);
        for _ in 0..100 {
            rig.feed(3);
            rig.upstream.send(5);
            rig.settle();
            rig.upstream.send(3);
            rig.settle();
        }
        assert_eq!(rig.taken(id), frames(0..400, 8));
        assert_eq!(rig.taken(other), frames(0..400, 8));
        let kept = rig.relay.log.received() - rig.relay.log.retained();
        let capacity = rig.relay.log.capacity() as u64;
        if replays {
            assert_eq!(kept, capacity, "what may be replayed is kept");
        } else {
            assert!(kept < capacity, "{kept} bytes: it never started over");
        }
    }
}

#[test]
fn a_log_does_not_start_over_while_anybody_lags() {
    for policy in [Disconnect, Skip, Wait] {
        let mut rig = Rig::new(SHAPE);
        let quick = rig.join(Disconnect, usize::MAX);
        let slow = rig.join(policy, 100);
        // Twelve and a half of sixteen frames: it lags by as many as it may.
        rig.feed(16);
        assert!(rig.relay.log.is_due_to_rewind());
        rig.upstream.send(3);
        rig.settle();
        let retained = rig.relay.log.retained();
        assert_eq!(retained, 64, "the slow one needs what came after");
        rig.socket(slow).grant(usize::MAX);
        rig.settle();
        rig.upstream.send(5);
        rig.settle();
        rig.feed(16);
        assert!(rig.relay.log.retained() >= 192, "nobody lags any more");
        assert_eq!(rig.taken(quick), frames(0..33, 8));
        assert_eq!(rig.taken(slow), frames(0..33, 8), "{policy:?}");
    }
}

#[test]
fn it_is_found_out_once_a_window_whether_the_log_can_start_over() {
    let mut rig = Rig::new(SHAPE);
    rig.join(Disconnect, usize::MAX);
    let slow = rig.join(Disconnect, 100);
    // At its end it is found out that the slow one lags.
    rig.feed(16);
    rig.socket(slow).grant(usize::MAX);
    let wrapped = |rig: &Rig| rig.relay.log.received() - rig.relay.log.capacity() as u64;
    for _ in 16..24 {
        rig.feed(1);
        let kept_from = wrapped(&rig).max(64);
        assert_eq!(rig.relay.log.retained(), kept_from, "not asked again yet");
    }
    rig.feed(1);
    assert_eq!(rig.relay.log.retained(), 192, "asked and found");
}
