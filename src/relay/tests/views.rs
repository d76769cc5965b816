//! What is only shown: how long the upstream was held, when a frame came, who lags.

use super::super::policy::SlowPolicy;
use super::MS;
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};

/// The upstream waits for a client whose kernel takes `room` bytes.
fn waiting(room: usize) -> (Rig, super::super::client::ClientId) {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(SlowPolicy::Wait, room);
    // A frame more than the backlog of 4 and the window of 8 hold.
    rig.feed(13);
    assert!(rig.relay.is_holding(), "it is left unread");
    (rig, id)
}

#[test]
fn an_upstream_that_is_left_unread_is_held_until_it_is_read_again() {
    let (mut rig, id) = waiting(0);
    let began = rig.now;
    rig.now += MS(30);
    assert_eq!(rig.relay.held(rig.now), MS(30), "the time so far");
    rig.turn();
    rig.now += MS(20);
    rig.socket(id).grant(1000);
    rig.settle();
    assert!(!rig.relay.is_holding(), "it has been read out");
    let held = rig.relay.stats().upstream_held;
    rig.now += MS(500);
    assert_eq!(held, MS(50), "from {began:?} on");
    assert_eq!(rig.relay.held(rig.now), MS(50), "nothing waits any more");
}

#[test]
fn a_drain_ends_the_wait_of_the_upstream_that_it_closes() {
    let (mut rig, _) = waiting(0);
    rig.now += MS(30);
    rig.drain(super::super::departure::Reason::Drain);
    rig.now += MS(500);
    assert_eq!(rig.relay.held(rig.now), MS(30));
    assert!(!rig.relay.is_holding());
}

#[test]
fn the_last_frame_is_dated_and_a_part_of_one_is_not() {
    let mut rig = Rig::new(Shape {
        linger: MS(1000),
        ..SHAPE
    });
    rig.join(SlowPolicy::Disconnect, 1000);
    assert_eq!(rig.relay.stats().last_frame_at, None);
    rig.send(1);
    rig.turn();
    let at = rig.now;
    assert_eq!(
        rig.relay.stats().last_frame_at,
        Some(at),
        "held back or not"
    );
    rig.now += MS(10);
    rig.upstream.send(7);
    rig.turn();
    assert_eq!(rig.relay.stats().last_frame_at, Some(at));
}

#[test]
fn each_publication_tells_of_every_client_how_far_behind_it_was_just_before() {
    let mut rig = Rig::new(SHAPE);
    // Everything; half a frame at first; nothing.
    for room in [1000, 4, 0] {
        rig.join(SlowPolicy::Skip, room);
    }
    let mut expected = [0; 17];
    // Lags just before: 0 0 0, 0 1 1, 0 2 2, 0 3 3; bounds 0, 1, 2, 4.
    for (range, times) in [(0, 3), (1, 2), (2, 2), (3, 2)] {
        rig.feed(1);
        expected[0] += u64::from(range > 0);
        expected[range] += times;
        let lags = rig.relay.measures().lag_frames();
        assert_eq!(lags.counts(), expected);
    }
    let lags = rig.relay.measures().lag_frames();
    assert_eq!((lags.count(), lags.sum()), (12, 12));
}

#[test]
fn a_drain_that_publishes_nothing_tells_nothing_of_lags() {
    let mut rig = Rig::new(SHAPE);
    for room in [4, 1000] {
        rig.join(SlowPolicy::Disconnect, room);
    }
    rig.feed(1);
    rig.drain(super::super::departure::Reason::Drain);
    assert_eq!(rig.relay.measures().lag_frames().count(), 2);
}

#[test]
fn who_lags_is_counted_until_it_is_sent_to_again_or_leaves() {
    let mut rig = Rig::new(SHAPE);
    let ids = [8, 8, 1000].map(|room| rig.join(SlowPolicy::Disconnect, room));
    assert_eq!(rig.relay.stats().lagging, 0);
    rig.feed(2);
    assert_eq!(rig.relay.stats().lagging, 2);
    assert!(rig.client(ids[0]).is_lagging() && !rig.client(ids[2]).is_lagging());
    rig.socket(ids[0]).grant(8);
    rig.settle();
    assert_eq!(rig.relay.stats().lagging, 1, "one has caught up");
    rig.feed(5);
    assert_eq!(rig.left.len(), 2, "the others were slow");
    assert_eq!(rig.relay.stats().lagging, 0);
}

/// What was delivered until now: how many frames, and how long they took together.
fn delivered(rig: &mut Rig) -> (u64, std::time::Duration) {
    rig.relay.settle(rig.now);
    let deliveries = rig.relay.measures().deliveries();
    (deliveries.count(), deliveries.sum())
}

#[test]
fn a_frame_is_delivered_when_the_last_ready_client_has_been_given_it() {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        ..SHAPE
    });
    for room in [1000, 1000, 1000, 0] {
        rig.join(SlowPolicy::Skip, room);
    }
    rig.send(2);
    for _ in 0..4 {
        assert_eq!(delivered(&mut rig).0, 0, "somebody is still to be served");
        rig.turn();
        rig.now += MS(10);
    }
    assert_eq!(delivered(&mut rig), (2, MS(80)));
    rig.send(1);
    rig.turn();
    rig.send(1);
    rig.settle();
    rig.now += MS(1);
    assert_eq!(
        delivered(&mut rig),
        (4, MS(82)),
        "the lagging one delays nobody"
    );
}

#[test]
fn a_frame_that_is_held_back_is_under_way_from_its_last_byte_on() {
    let mut rig = Rig::new(Shape {
        linger: MS(20),
        ..SHAPE
    });
    rig.join(SlowPolicy::Disconnect, 1000);
    rig.send(1);
    rig.turn();
    rig.now += MS(5);
    rig.send(1);
    rig.turn();
    assert_eq!(delivered(&mut rig).0, 0);
    rig.now += MS(15);
    rig.turn();
    assert_eq!(delivered(&mut rig), (2, MS(35)));
}

#[test]
fn what_is_published_while_nobody_is_ready_is_never_delivered() {
    let mut rig = Rig::new(SHAPE);
    rig.feed(2);
    let id = rig.join(SlowPolicy::Skip, 0);
    rig.feed(1);
    rig.now += MS(7);
    let (before, _) = delivered(&mut rig);
    assert_eq!(before, 1, "its kernel had not refused before");
    rig.feed(1);
    assert_eq!(delivered(&mut rig).0, 1, "now it has");
    rig.socket(id).grant(1000);
    rig.settle();
    assert_eq!(
        delivered(&mut rig).0,
        1,
        "a client that catches up counts for nothing"
    );
    rig.feed(1);
    assert_eq!(delivered(&mut rig).0, 2);
}

#[test]
fn each_second_holds_what_flowed_in_its_turns() {
    let mut rig = Rig::new(SHAPE);
    for room in [1000, 1000] {
        rig.join(SlowPolicy::Disconnect, room);
    }
    for frames in [2, 1, 0] {
        rig.relay.begin_turn(rig.now);
        rig.feed(frames);
        rig.now += MS(1000);
    }
    let seconds = rig.relay.history().seconds();
    let seconds = seconds.map(|second| (second.frames, second.delivered, second.clients));
    // The clock of a rig begins at one second, the third one is under way.
    assert_eq!(
        seconds.collect::<Vec<_>>(),
        [(0, 0, 2), (2, 4, 2), (1, 2, 2)]
    );
}

#[test]
fn a_turn_lasts_from_waking_to_falling_asleep() {
    let mut rig = Rig::new(SHAPE);
    rig.relay.settle(rig.now);
    assert_eq!(rig.relay.measures().turns().count(), 0, "there was none");
    rig.relay.begin_turn(rig.now);
    rig.relay.settle(rig.now + MS(3));
    rig.relay.settle(rig.now + MS(9));
    let turns = rig.relay.measures().turns();
    assert_eq!((turns.count(), turns.sum()), (1, MS(3)));
    assert_eq!(rig.relay.stats().turns, 1);
}
