//! Who is slow: a client whose kernel refuses while it lags by more than the mark, and nobody
//! else.

use super::super::client::ClientId;
use super::super::departure::{Ending, Reason};
use super::super::intake::IntakeEnd;
use super::super::limits::{LAST_OFFERS_PER_TURN, PROBED_AFTER};
use super::super::policy::SlowPolicy::{self, Disconnect, Skip, Wait};
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};
use super::{MS, frames};

/// A client whose kernel has taken nothing and that lags by so many frames, come one by one.
fn lagging(policy: SlowPolicy, lag: u64) -> (Rig, ClientId) {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(policy, 0);
    for _ in 0..lag {
        rig.feed(1);
    }
    (rig, id)
}

#[test]
fn it_is_told_once_in_its_life_that_a_client_went_on_after_a_long_refusal() {
    let mut rig = Rig::new(SHAPE);
    let (slow, stuck) = (rig.join(Skip, 3), rig.join(Skip, 3));
    let fast = rig.join(Disconnect, usize::MAX);
    rig.feed(1);
    rig.now += PROBED_AFTER.saturating_sub(MS(1));
    rig.socket(slow).grant(1);
    rig.settle();
    assert!(rig.resumed.is_empty(), "that was a moment");
    rig.now += PROBED_AFTER;
    rig.feed(1);
    assert!(rig.resumed.is_empty(), "it has taken nothing since");
    let serial = rig.client(slow).card.serial;
    for _ in 0..3 {
        rig.socket(slow).grant(20);
        rig.feed(2);
        assert_eq!(rig.resumed, [serial]);
        rig.now += PROBED_AFTER;
    }
    assert!(rig.is_seated(stuck) && rig.is_seated(fast));
}

#[test]
fn a_client_may_lag_up_to_the_mark_under_every_policy() {
    for policy in [Disconnect, Skip, Wait] {
        for lag in [3, 4] {
            let (mut rig, id) = lagging(policy, lag);
            assert_eq!(rig.lag(id), lag, "{policy}");
            assert_eq!(rig.client(id).tally.skipped, 0);
            rig.socket(id).grant(usize::MAX);
            rig.settle();
            assert_eq!(rig.taken(id), frames(0..lag, 8), "{policy}");
        }
    }
}

#[test]
fn one_frame_beyond_the_mark_disconnects_with_a_reset() {
    let (mut rig, id) = lagging(Disconnect, 4);
    let other = rig.join_with(Disconnect, 4, usize::MAX);
    rig.turn();
    rig.feed(1);
    assert!(!rig.is_seated(id));
    let departure = &rig.left[0].departure;
    let manner = (departure.reason, departure.ending);
    assert_eq!(manner, (Reason::Slow, Ending::Reset));
    assert_eq!(rig.relay.stats().abandoned, 5);
    assert_eq!(rig.taken(other), frames(0..5, 8));
}

#[test]
fn one_frame_beyond_the_mark_skips_to_the_newest_frame() {
    let (mut rig, id) = lagging(Skip, 4);
    rig.feed(1);
    assert_eq!((rig.lag(id), rig.client(id).tally.skipped), (1, 4));
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    assert_eq!(rig.taken(id), frames(4..5, 8));
}

#[test]
fn at_the_mark_a_waiting_client_holds_the_upstream_until_it_has_taken_a_frame() {
    let (mut rig, id) = lagging(Wait, 3);
    assert!(rig.relay.has_room());
    rig.feed(1);
    assert!(!rig.relay.has_room());
    rig.feed(10);
    assert_eq!((rig.lag(id), rig.upstream.available), (4, 80));
    rig.turn();
    let intake = rig.intake.as_ref().unwrap();
    assert!(matches!(intake.end, IntakeEnd::Held));
    assert_eq!(intake.bytes, 0);

    rig.socket(id).grant(7);
    rig.turn();
    assert!(!rig.relay.has_room(), "no whole frame is free yet");
    rig.socket(id).grant(1);
    rig.turn();
    assert!(rig.relay.has_room());
    rig.settle();
    assert_eq!((rig.lag(id), rig.upstream.available), (4, 72));

    rig.socket(id).grant(usize::MAX);
    rig.settle();
    assert_eq!(rig.taken(id), frames(0..14, 8));
}

#[test]
fn a_waiting_client_that_leaves_sets_the_upstream_free() {
    let (mut rig, id) = lagging(Wait, 4);
    let other = rig.join(Disconnect, usize::MAX);
    rig.feed(10);
    assert_eq!(rig.upstream.available, 80);
    rig.socket(id)
        .break_off(std::io::ErrorKind::ConnectionReset);
    rig.settle();
    assert!(!rig.is_seated(id));
    assert_eq!(rig.taken(other), frames(4..14, 8));
}

#[test]
fn a_burst_onto_a_refusing_client_acts_at_once() {
    for (policy, skipped) in [(Disconnect, 0), (Skip, 4)] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(policy, 0);
        rig.feed(1);
        rig.send(4);
        rig.turn();
        assert_eq!(rig.is_seated(id), policy == Skip);
        assert_eq!(rig.relay.stats().skipped, skipped);
    }
}

#[test]
fn the_last_offer_before_the_policy_acts_counts() {
    for policy in [Disconnect, Skip] {
        // The kernel has taken a frame since the events of the turn were taken.
        let (mut rig, id) = lagging(policy, 4);
        rig.socket(id).grant(8);
        rig.send(1);
        rig.turn_without_events();
        assert_eq!((rig.lag(id), rig.client(id).tally.skipped), (4, 0));
        rig.socket(id).grant(usize::MAX);
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..5, 8));
    }
    // One byte less than a frame is not enough.
    let (mut rig, id) = lagging(Disconnect, 4);
    rig.socket(id).grant(7);
    rig.send(1);
    rig.turn_without_events();
    assert!(!rig.is_seated(id));
    assert_eq!(rig.left[0].socket.taken, frames(0..1, 8)[..7]);
}

#[test]
fn a_turn_has_so_many_last_offers_and_without_one_the_policy_acts_at_once() {
    const LEFT_OUT: usize = 3;
    for policy in [Disconnect, Skip] {
        let mut rig = Rig::new(SHAPE);
        let ids = [0; LAST_OFFERS_PER_TURN + LEFT_OUT].map(|_| rig.join(policy, 0));
        for _ in 0..4 {
            rig.feed(1);
        }
        // Every kernel would take everything, and nobody knows yet.
        for id in ids {
            rig.socket(id).grant(usize::MAX);
        }
        rig.send(1);
        rig.turn_without_events();
        rig.settle();
        let is_whole = |id: &&ClientId| rig.is_seated(**id) && rig.taken(**id).len() == 5 * 8;
        assert_eq!(ids.iter().filter(is_whole).count(), LAST_OFFERS_PER_TURN);
        let left = if policy == Disconnect { LEFT_OUT } else { 0 };
        assert_eq!(rig.left.len(), left, "{policy}");
        let skipped = if policy == Skip {
            4 * LEFT_OUT as u64
        } else {
            0
        };
        assert_eq!(rig.relay.stats().skipped, skipped, "{policy}");
    }
}

#[test]
fn a_last_offer_that_meets_an_open_kernel_makes_the_client_ready() {
    let mut budgets = SHAPE.budgets;
    budgets.write_bytes = 3;
    for policy in [Disconnect, Skip] {
        let mut rig = Rig::new(Shape { budgets, ..SHAPE });
        let id = rig.join(policy, 0);
        for _ in 0..4 {
            rig.feed(1);
        }
        rig.socket(id).grant(usize::MAX);
        rig.send(10);
        rig.turn_without_events();
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..14, 8), "{policy}");
    }
}

#[test]
fn a_burst_of_any_size_does_not_make_a_ready_client_slow() {
    for policy in [Disconnect, Skip] {
        for backlog_frames in 1..4 {
            let mut rig = Rig::new(Shape {
                backlog_frames,
                ..SHAPE
            });
            let ids = [0; 3].map(|_| rig.join(policy, usize::MAX));
            rig.feed(500);
            for id in ids {
                assert_eq!(rig.taken(id), frames(0..500, 8), "backlog {backlog_frames}");
            }
        }
    }
}

#[test]
fn a_client_that_fanout_has_not_got_round_to_is_not_slow() {
    let mut budgets = ONE_WRITE;
    budgets.write_bytes = 6;
    for policy in [Disconnect, Skip] {
        for backlog_frames in [1, 2, 5] {
            let mut rig = Rig::new(Shape {
                backlog_frames,
                budgets,
                ..SHAPE
            });
            let ids = [0; 7].map(|_| rig.join(policy, usize::MAX));
            rig.feed(60);
            for id in ids {
                assert_eq!(rig.taken(id), frames(0..60, 8), "backlog {backlog_frames}");
            }
        }
    }
}

#[test]
fn a_client_that_catches_up_is_not_slow_while_it_does() {
    let mut budgets = SHAPE.budgets;
    budgets.write_bytes = 2;
    for policy in [Disconnect, Skip] {
        let mut rig = Rig::new(Shape { budgets, ..SHAPE });
        let id = rig.join(policy, 0);
        let quick = rig.join(policy, usize::MAX);
        for _ in 0..4 {
            rig.feed(1);
        }
        rig.socket(id).grant(usize::MAX);
        rig.feed(50);
        for id in [id, quick] {
            assert_eq!(rig.taken(id), frames(0..54, 8), "{policy}");
        }
    }
}

#[test]
fn a_newcomer_with_a_whole_backlog_to_replay_is_not_slow() {
    let mut budgets = ONE_WRITE;
    budgets.write_bytes = 3;
    for policy in [Disconnect, Skip, Wait] {
        for partial in [0, 5] {
            let mut rig = Rig::new(Shape {
                budgets,
                replays: true,
                ..SHAPE
            });
            rig.feed(10);
            rig.upstream.send(partial);
            rig.settle();
            let id = rig.join_with(policy, 4, usize::MAX);
            // From its first offer on, the log is kept for it.
            rig.turn();
            rig.upstream.send(50 * 8 - partial);
            rig.settle();
            assert_eq!(rig.taken(id), frames(6..60, 8), "{policy}");
        }
    }
}
