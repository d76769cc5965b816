//! Lingering: complete frames are held back to be sent several at once, but never too long.

use super::super::client::ClientId;
use super::super::limits::Budgets;
use super::super::policy::SlowPolicy::{Disconnect, Wait};
use super::rig::{Rig, SHAPE, Shape};
use super::{MS, frames};

fn lingering() -> Rig {
    Rig::new(Shape {
        linger: MS(20),
        ..SHAPE
    })
}

#[test]
fn frames_are_held_until_the_oldest_is_due_and_then_go_out_with_one_write() {
    let mut rig = lingering();
    let id = rig.join(Disconnect, usize::MAX);
    let begun = rig.now;
    for _ in 0..3 {
        rig.feed(1);
        assert_eq!(rig.relay.next_deadline(), Some(begun + MS(20)));
        assert!(rig.taken(id).is_empty());
        rig.now += MS(5);
    }
    rig.now = begun + MS(19);
    rig.turn();
    assert!(rig.taken(id).is_empty());
    rig.now = begun + MS(20);
    rig.turn();
    assert_eq!(rig.taken(id), frames(0..3, 8));
    assert_eq!(rig.socket(id).calls.writes, 1);
    assert_eq!(rig.relay.next_deadline(), None);
}

#[test]
fn the_next_frame_is_held_for_a_time_of_its_own() {
    let mut rig = lingering();
    let id = rig.join(Disconnect, usize::MAX);
    rig.feed(1);
    rig.now += MS(30);
    rig.turn();
    rig.now += MS(7);
    rig.feed(1);
    assert_eq!(rig.relay.next_deadline(), Some(rig.now + MS(20)));
    assert_eq!(rig.taken(id), frames(0..1, 8));
}

#[test]
fn a_partial_frame_is_not_due_until_it_is_complete() {
    let mut rig = lingering();
    let id = rig.join(Disconnect, usize::MAX);
    rig.upstream.send(7);
    rig.settle();
    assert_eq!(rig.relay.next_deadline(), None);
    rig.now += MS(100);
    rig.upstream.send(1);
    rig.settle();
    assert_eq!(rig.relay.next_deadline(), Some(rig.now + MS(20)));
    rig.now += MS(20);
    rig.turn();
    assert_eq!(rig.taken(id), frames(0..1, 8));
}

#[test]
fn frames_are_published_early_when_there_is_no_room_for_more() {
    // A ready client makes the limit the backlog (4 frames), the window alone 2 and a half.
    for (window, published) in [(64, 4), (20, 2)] {
        let mut rig = Rig::new(Shape {
            linger: MS(20),
            window,
            ..SHAPE
        });
        let id = rig.join(Disconnect, usize::MAX);
        rig.send(6);
        rig.turn();
        assert_eq!(rig.taken(id), frames(0..published, 8), "window {window}");
        rig.settle();
        assert_eq!(rig.upstream.available, 0);
        rig.now += MS(20);
        rig.turn();
        assert_eq!(rig.taken(id), frames(0..6, 8));
    }
}

#[test]
fn held_frames_and_a_waiting_client_do_not_block_each_other() {
    let mut rig = lingering();
    let id = rig.join(Wait, 0);
    rig.feed(10);
    assert_eq!((rig.lag(id), rig.upstream.available), (4, 48));
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    rig.now += MS(20);
    rig.turn();
    rig.settle();
    assert_eq!(rig.taken(id), frames(0..10, 8));
}

/// A client whose kernel refuses and that lags by the mark, while two more frames are held back
/// and the window has room for one.
fn lagging_behind_held_frames() -> (Rig, ClientId) {
    let mut rig = Rig::new(Shape {
        linger: MS(20),
        window: 24,
        ..SHAPE
    });
    let id = rig.join(Disconnect, 0);
    rig.feed(4);
    rig.now += MS(20);
    rig.turn();
    rig.feed(2);
    assert_eq!(rig.lag(id), 4);
    assert_eq!(rig.relay.log.complete() - rig.relay.log.published(), 16);
    (rig, id)
}

#[test]
fn held_frames_that_push_a_client_beyond_the_mark_make_its_policy_act() {
    let (mut rig, id) = lagging_behind_held_frames();
    rig.now += MS(20);
    rig.turn();
    assert!(!rig.is_seated(id));
}

#[test]
fn held_frames_are_not_overwritten_under_a_client_that_took_one_byte_of_many() {
    // The edge comes in the turn that publishes: the client counts as willing then, and its
    // kernel refuses again before it is back within the mark.
    let (mut rig, id) = lagging_behind_held_frames();
    rig.now += MS(20);
    rig.socket(id).grant(1);
    rig.turn();
    rig.feed(20);
    rig.now += MS(20);
    rig.turn();
    assert!(!rig.is_seated(id));
}

#[test]
fn without_linger_a_frame_goes_out_in_the_turn_that_completes_it() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.send(1);
    rig.turn();
    assert_eq!(rig.taken(id), frames(0..1, 8));
    assert_eq!(rig.relay.next_deadline(), None);
}

#[test]
fn an_upstream_may_wait_while_frames_are_held_back_and_few_come_meanwhile() {
    let mut rig = Rig::new(Shape {
        frame_size: 1024,
        window: 128 * 1024,
        backlog_frames: 128,
        linger: MS(20),
        budgets: Budgets::default(),
        ..SHAPE
    });
    rig.join(Disconnect, usize::MAX);
    let mut hold = |frames, expected| {
        rig.feed(frames);
        assert_eq!(rig.relay.can_wait(rig.now), expected, "{frames} frames");
        rig.now += MS(20);
        assert!(!rig.relay.can_wait(rig.now), "they are due");
        rig.turn();
        assert!(!rig.relay.can_wait(rig.now), "nothing is held back");
    };
    // How many come in a hold is known from the one before.
    hold(1, false);
    hold(32, true);
    hold(33, true);
    hold(1, false);
    hold(1, true);
}

#[test]
fn a_lost_upstream_does_not_count_for_the_next_hold() {
    let mut rig = lingering();
    rig.feed(1);
    rig.upstream.send(5);
    rig.settle();
    rig.now += MS(20);
    rig.turn();
    rig.relay.discard_partial();
    rig.upstream.position = rig.relay.log.complete();
    rig.feed(1);
    assert!(rig.relay.can_wait(rig.now));
    rig.now += MS(20);
    rig.turn();
    rig.feed(1);
    assert!(rig.relay.can_wait(rig.now));
}
