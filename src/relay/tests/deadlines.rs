//! Deadlines: a write to be tried again, a client that stalls.

use std::time::Duration;

use super::super::client::ClientId;
use super::super::departure::{Ending, Reason};
use super::super::limits::NO_BUFFERS_RETRY;
use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::fake::Outcome;
use super::rig::{Rig, SHAPE, Shape};
use super::{MS, frames, just_before};

const TIMEOUT: Duration = Duration::from_secs(60);

fn stalling() -> Rig {
    Rig::new(Shape {
        stall_timeout: Some(TIMEOUT),
        backlog_frames: 100,
        ..SHAPE
    })
}

/// A rig with a client that has lagged from now on.
fn lagging() -> (Rig, ClientId) {
    let mut rig = stalling();
    let id = rig.join(Disconnect, 0);
    rig.feed(1);
    (rig, id)
}

/// Moves the clock to `at`, by way of every deadline in between as the loop would.
fn pass(rig: &mut Rig, at: Duration) {
    while let Some(deadline) = rig.relay.next_deadline().filter(|&next| next <= at) {
        assert!(deadline >= rig.now, "a deadline in the past would spin");
        rig.now = deadline;
        rig.turn();
        let next = rig.relay.next_deadline();
        assert!(next.is_none_or(|next| next > rig.now), "no deadline spins");
    }
    rig.now = at;
    rig.turn();
}

#[test]
fn a_write_without_buffers_is_tried_again_after_50_ms_without_any_edge() {
    for policy in [Disconnect, Skip, Wait] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(policy, usize::MAX);
        rig.socket(id).script = [Outcome::NoBuffers, Outcome::NoBuffers].into();
        rig.feed(1);
        let first = rig.now + NO_BUFFERS_RETRY;
        assert_eq!(NO_BUFFERS_RETRY, MS(50));
        assert_eq!(rig.relay.next_deadline(), Some(first));
        rig.now = just_before(first);
        rig.turn();
        assert_eq!(rig.socket(id).calls.writes, 1);
        rig.now = first;
        rig.turn();
        assert_eq!(rig.socket(id).calls.writes, 2, "refused once more");
        assert_eq!(rig.relay.next_deadline(), Some(first + NO_BUFFERS_RETRY));
        rig.now += NO_BUFFERS_RETRY;
        rig.turn();
        assert_eq!(rig.taken(id), frames(0..1, 8));
        assert_eq!(rig.relay.next_deadline(), None);
    }
}

#[test]
fn an_offer_in_vain_as_its_time_is_up_gives_a_stalled_client_no_more_time() {
    let (mut rig, id) = lagging();
    let due = rig.now + TIMEOUT;
    // An event calls it willing just when stalled clients are looked for.
    rig.relay.note(id, false, true);
    rig.relay.check_deadlines(due);
    assert!(rig.is_seated(id));
    rig.now = due + MS(1);
    rig.turn();
    rig.turn();
    assert_eq!(rig.left[0].departure.reason, Reason::Stalled);
}

#[test]
fn a_client_that_takes_no_byte_is_reset_at_the_stall_timeout_and_not_before() {
    for policy in [Disconnect, Skip, Wait] {
        let mut rig = stalling();
        let id = rig.join(policy, 3);
        rig.feed(1);
        let due = rig.now + TIMEOUT;
        assert_eq!(rig.relay.next_deadline(), Some(due));
        pass(&mut rig, just_before(due));
        assert!(rig.is_seated(id));
        pass(&mut rig, due);
        let departure = &rig.left[0].departure;
        let manner = (departure.reason, departure.ending);
        assert_eq!(manner, (Reason::Stalled, Ending::Reset), "{policy}");
        assert_eq!(rig.relay.next_deadline(), None);
    }
}

#[test]
fn one_byte_taken_starts_the_stall_timeout_again() {
    let (mut rig, id) = lagging();
    for _ in 0..5 {
        let at = just_before(rig.now + TIMEOUT);
        pass(&mut rig, at);
        rig.socket(id).grant(1);
        rig.turn();
    }
    assert_eq!(rig.taken(id).len(), 5);
    let progress_at = rig.now;
    pass(&mut rig, just_before(progress_at + TIMEOUT));
    assert!(rig.is_seated(id));
    pass(&mut rig, progress_at + TIMEOUT + MS(50));
    assert_eq!(rig.left[0].departure.reason, Reason::Stalled);
}

#[test]
fn new_frames_are_no_progress() {
    let (mut rig, id) = lagging();
    let due = rig.now + TIMEOUT;
    for _ in 0..59 {
        rig.now += MS(1000);
        rig.feed(1);
        rig.relay.note(id, false, true);
        rig.turn();
    }
    assert!(rig.is_seated(id));
    pass(&mut rig, due);
    assert!(!rig.is_seated(id));
}

#[test]
fn a_client_without_a_backlog_never_stalls() {
    let mut rig = stalling();
    let id = rig.join(Disconnect, 8);
    rig.feed(1);
    assert_eq!(rig.relay.next_deadline(), None);
    pass(&mut rig, MS(1_000_000));
    // Its kernel is full by now, which shows only at the next frame: time counts from there.
    rig.feed(1);
    let due = rig.now + TIMEOUT;
    pass(&mut rig, just_before(due));
    assert!(rig.is_seated(id));
    pass(&mut rig, due);
    assert!(!rig.is_seated(id));
}

#[test]
fn a_client_whose_backlog_has_just_begun_does_not_stall_with_one_that_has_lagged_for_long() {
    let mut rig = stalling();
    let id = rig.join(Disconnect, 16);
    rig.feed(1);
    rig.now += MS(1_000_000);
    let long = rig.join(Disconnect, 0);
    rig.feed(1);
    let due = rig.now + TIMEOUT;
    rig.now += MS(30_000);
    rig.feed(1);
    let begun_at = rig.now;
    pass(&mut rig, due);
    assert!(!rig.is_seated(long) && rig.is_seated(id));
    pass(&mut rig, just_before(begun_at + TIMEOUT));
    assert!(rig.is_seated(id));
    pass(&mut rig, begun_at + TIMEOUT);
    assert!(!rig.is_seated(id));
}

#[test]
fn a_client_that_caught_up_in_time_leaves_no_deadline_behind() {
    let (mut rig, id) = lagging();
    let due = rig.now + TIMEOUT;
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    pass(&mut rig, due);
    assert!(rig.is_seated(id));
    assert_eq!(rig.relay.next_deadline(), None);
}

#[test]
fn stalled_clients_are_looked_for_every_50_ms_at_the_most() {
    let (mut rig, first) = lagging();
    let due = rig.now + TIMEOUT;
    rig.now += MS(10);
    let second = rig.join(Disconnect, 0);
    rig.feed(1);
    pass(&mut rig, due);
    assert!(!rig.is_seated(first) && rig.is_seated(second));
    assert_eq!(rig.relay.next_deadline(), Some(due + MS(50)));
    pass(&mut rig, due + MS(50));
    assert!(!rig.is_seated(second));
}

#[test]
fn a_client_that_has_departed_leaves_no_deadline_behind() {
    let (mut rig, first) = lagging();
    let due = rig.now + TIMEOUT;
    rig.now += MS(30_000);
    let second = rig.join(Disconnect, 0);
    rig.feed(1);
    rig.socket(second)
        .break_off(std::io::ErrorKind::ConnectionReset);
    rig.relay.note(second, true, false);
    rig.relay.give_out(due);
    rig.relay.check_deadlines(due);
    assert_eq!(rig.relay.next_deadline(), None);
    rig.turn();
    assert!(!rig.is_seated(first) && !rig.is_seated(second));
}

#[test]
fn a_willing_client_that_fanout_has_not_got_round_to_does_not_stall() {
    let mut budgets = SHAPE.budgets;
    budgets.write_bytes = 1;
    budgets.slice_bytes = 1;
    let mut rig = Rig::new(Shape {
        stall_timeout: Some(TIMEOUT),
        budgets,
        ..SHAPE
    });
    let ids = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
    let stuck = rig.join(Disconnect, 0);
    rig.send(2);
    // One byte goes out every 30 s: each client's turn comes every 90 s.
    while rig.has_something_to_do() {
        rig.now += MS(30_000);
        rig.turn();
    }
    for id in ids {
        assert_eq!(rig.taken(id), frames(0..2, 8));
    }
    assert!(!rig.is_seated(stuck));
}

#[test]
fn each_of_many_stalled_clients_leaves_in_its_own_time() {
    let mut rig = stalling();
    let mut joined = Vec::new();
    for _ in 0..5 {
        rig.now += MS(7000);
        joined.push((rig.join(Wait, 0), rig.now));
        rig.feed(1);
    }
    for (id, at) in joined {
        pass(&mut rig, just_before(at + TIMEOUT));
        assert!(rig.is_seated(id));
        pass(&mut rig, at + TIMEOUT + MS(50));
        assert!(!rig.is_seated(id));
    }
    assert_eq!(rig.relay.next_deadline(), None);
}

#[test]
fn without_a_stall_timeout_a_lagging_client_sets_no_deadline() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, 3);
    rig.feed(3);
    assert_eq!(rig.relay.next_deadline(), None);
    pass(&mut rig, MS(1_000_000_000));
    assert!(rig.is_seated(id));
}
