//! The drain: everybody is given the whole backlog, then an end.

use std::io::ErrorKind;

use super::super::client::ClientId;
use super::super::departure::{Ending, Reason};
use super::super::limits::{Budgets, FINISH_TIMEOUT};
use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};
use super::{MS, frames, just_before};

const REASONS: [Reason; 2] = [Reason::Drain, Reason::UpstreamEnd];

fn manner(rig: &Rig, place: usize) -> (Reason, Ending) {
    let departure = &rig.left[place].departure;
    (departure.reason, departure.ending)
}

/// A client that has everything and one that lags by two frames and a half.
fn draining(reason: Reason) -> (Rig, ClientId, ClientId) {
    let mut rig = Rig::new(SHAPE);
    let ready = rig.join(Disconnect, usize::MAX);
    let behind = rig.join(Wait, 4);
    rig.feed(3);
    rig.upstream.send(5);
    rig.settle();
    rig.drain(reason);
    rig.settle();
    (rig, ready, behind)
}

#[test]
fn everybody_is_given_the_whole_backlog_and_no_partial_frame_and_then_an_end() {
    for reason in REASONS {
        let (mut rig, ready, behind) = draining(reason);
        assert_eq!(rig.relay.stats().discarded_bytes, 5);
        assert_eq!(rig.emptied, [1]);
        assert!(rig.socket(ready).is_shut && !rig.socket(behind).is_shut);
        rig.socket(behind).grant(19);
        rig.settle();
        assert_eq!(rig.emptied, [1]);
        rig.socket(behind).grant(1);
        rig.settle();
        assert_eq!(rig.emptied, [1, 2]);
        for id in [ready, behind] {
            assert!(rig.is_seated(id), "its own end is waited for");
            assert_eq!(rig.taken(id), frames(0..3, 8));
            rig.socket(id).end_input();
        }
        rig.settle();
        assert_eq!(rig.left.len(), 2);
        for place in 0..2 {
            assert_eq!(manner(&rig, place), (reason, Ending::Fin));
        }
        assert_eq!(rig.emptied, [1, 2], "each exactly once");
    }
}

#[test]
fn frames_held_back_by_linger_are_part_of_what_is_given_in_a_drain() {
    for budgets in [SHAPE.budgets, ONE_WRITE] {
        let mut rig = Rig::new(Shape {
            linger: MS(1000),
            budgets,
            ..SHAPE
        });
        let early = [0; 3].map(|_| rig.join(Skip, usize::MAX));
        rig.upstream.send(3 * 8 + 2);
        rig.turn();
        let late = rig.join(Skip, usize::MAX);
        rig.drain(Reason::Drain);
        rig.settle();
        for id in early {
            assert_eq!(rig.taken(id), frames(0..3, 8));
        }
        assert!(rig.taken(late).is_empty());
        let mut emptied = rig.emptied.clone();
        emptied.sort_unstable();
        assert_eq!(emptied, [1, 2, 3, 4]);
        let deadline = rig.relay.next_deadline();
        assert_eq!(deadline, Some(rig.now + FINISH_TIMEOUT));
    }
}

#[test]
fn a_client_that_ended_its_side_long_ago_leaves_as_soon_as_it_has_everything() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, 3);
    rig.feed(2);
    rig.socket(id).end_input();
    rig.settle();
    rig.drain(Reason::Drain);
    rig.settle();
    assert!(rig.is_seated(id));
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    assert_eq!(manner(&rig, 0), (Reason::Drain, Ending::Fin));
    assert_eq!(rig.left[0].socket.taken, frames(0..2, 8));
    assert!(rig.left[0].socket.is_shut);
}

#[test]
fn a_client_that_never_ends_its_side_is_let_go_after_two_seconds() {
    for reason in REASONS {
        let (mut rig, ready, behind) = draining(reason);
        let first = rig.now + FINISH_TIMEOUT;
        assert_eq!(FINISH_TIMEOUT, MS(2000));
        rig.now += MS(500);
        rig.socket(behind).grant(usize::MAX);
        rig.settle();
        assert_eq!(rig.relay.next_deadline(), Some(first));
        rig.now = just_before(first);
        rig.turn();
        assert_eq!(rig.left.len(), 0);
        rig.now = first;
        rig.turn();
        assert!(!rig.is_seated(ready) && rig.is_seated(behind));
        assert_eq!(rig.relay.next_deadline(), Some(first + MS(500)));
        rig.now = first + MS(500);
        rig.turn();
        assert!(!rig.is_seated(behind));
        assert_eq!(manner(&rig, 0), (reason, Ending::Fin));
        assert_eq!(manner(&rig, 1), (reason, Ending::Fin));
        assert_eq!(rig.relay.next_deadline(), None);
    }
}

#[test]
fn a_finishing_client_is_still_heard_and_a_reset_then_is_its_end() {
    let (mut rig, ready, _) = draining(Reason::Drain);
    rig.socket(ready).say(100);
    rig.settle();
    assert!(rig.is_seated(ready));
    assert_eq!(rig.client(ready).tally.heard_bytes, 100);
    rig.socket(ready).break_off(ErrorKind::ConnectionReset);
    rig.settle();
    assert_eq!(manner(&rig, 0), (Reason::Drain, Ending::Fin));
}

#[test]
fn a_draining_client_that_breaks_off_is_a_departure_of_its_own() {
    let (mut rig, _, behind) = draining(Reason::Drain);
    rig.socket(behind).break_off(ErrorKind::ConnectionReset);
    rig.settle();
    assert_eq!(manner(&rig, 0), (Reason::Closed, Ending::Fin));
    assert_eq!(rig.emptied, [1], "there is nothing to shut down");
}

#[test]
fn when_the_drain_time_is_up_who_is_behind_is_reset_and_who_is_not_is_let_go() {
    for reason in REASONS {
        let (mut rig, ready, behind) = draining(reason);
        rig.relay.cut_drain();
        rig.settle();
        assert!(!rig.is_seated(ready) && !rig.is_seated(behind));
        assert_eq!(manner(&rig, 0), (reason, Ending::Fin));
        assert_eq!(manner(&rig, 1), (reason, Ending::Reset));
        assert_eq!(rig.relay.stats().departed(reason), 2);
        assert_eq!(rig.relay.stats().abandoned, 3);
        assert!(!rig.relay.has_work());
        assert!(rig.relay.clients().is_empty());
    }
}

#[test]
fn a_drain_of_nobody_is_over_at_once() {
    let mut rig = Rig::new(SHAPE);
    rig.drain(Reason::Drain);
    assert!(!rig.relay.has_work());
    assert!(rig.relay.next_emptied().is_none());
    assert_eq!(rig.relay.next_deadline(), None);
}

#[test]
fn a_draining_client_still_stalls() {
    let mut rig = Rig::new(Shape {
        stall_timeout: Some(MS(3000)),
        ..SHAPE
    });
    let id = rig.join(Disconnect, 0);
    rig.feed(1);
    rig.drain(Reason::Drain);
    rig.now += MS(3000);
    rig.turn();
    assert!(!rig.is_seated(id));
    assert_eq!(manner(&rig, 0), (Reason::Stalled, Ending::Reset));
}

#[test]
fn who_waits_to_be_reaped_when_the_time_is_up_has_left_for_its_own_reason() {
    let budgets = Budgets {
        partings: 1,
        ..SHAPE.budgets
    };
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let ids = [0; 4].map(|_| rig.join(Wait, 0));
    rig.feed(2);
    rig.drain(Reason::Drain);
    for id in &ids[..3] {
        rig.socket(*id).break_off(ErrorKind::ConnectionReset);
    }
    rig.turn();
    assert_eq!(rig.left.len(), 1, "two have departed and are not reaped");
    rig.relay.cut_drain();
    rig.reap_everybody();
    let stats = rig.relay.stats();
    let (closed, cut) = (
        stats.departed(Reason::Closed),
        stats.departed(Reason::Drain),
    );
    assert_eq!((closed, cut, rig.left.len()), (3, 1, 4));
}
