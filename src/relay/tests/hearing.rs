//! Hearing clients: what they say is thrown away, and how they end is told apart.

use std::io::ErrorKind;

use super::super::departure::{Ending, Reason};
use super::super::limits::{FLOOD_BYTES, INTERRUPTS};
use super::super::policy::SlowPolicy::Disconnect;
use super::fake::InputEnd;
use super::frames;
use super::rig::{Rig, SHAPE, Shape};

const FLOOD: usize = 1024 * 1024;

#[test]
fn a_flood_begins_with_the_first_byte_beyond_one_mebibyte() {
    assert_eq!(FLOOD as u64, FLOOD_BYTES);
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    let other = rig.join(Disconnect, usize::MAX);
    rig.socket(id).say(FLOOD);
    rig.settle();
    assert!(rig.is_seated(id));
    assert_eq!(rig.client(id).tally.heard_bytes, FLOOD_BYTES);
    rig.socket(id).say(1);
    rig.settle();
    let departure = &rig.left[0].departure;
    let manner = (departure.reason, departure.ending);
    assert_eq!(manner, (Reason::Flood, Ending::Reset));
    rig.feed(1);
    assert_eq!(rig.taken(other), frames(0..1, 8));
}

#[test]
fn input_is_read_to_its_end_over_many_turns_and_shared_fairly() {
    let mut budgets = SHAPE.budgets;
    budgets.hear_bytes = 16;
    budgets.hear_slice_bytes = 2 * 2048;
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let ids = [0; 4].map(|_| rig.join(Disconnect, usize::MAX));
    for id in ids {
        rig.socket(id).say(64);
    }
    let mut turns = 0;
    while rig.has_something_to_do() {
        rig.turn();
        turns += 1;
        let heard = ids.map(|id| rig.client(id).tally.heard_bytes);
        let most = heard.iter().max().unwrap();
        let least = heard.iter().min().unwrap();
        assert!(most - least <= 16, "{heard:?}");
    }
    // Four reads each until silence is heard, where the fourth fills its share once more.
    assert_eq!(turns, 10, "two reads a turn");
    assert_eq!(rig.relay.stats().heard_bytes, 4 * 64);
}

#[test]
fn a_read_that_is_interrupted_for_ever_does_not_hold_the_turn() {
    let mut budgets = SHAPE.budgets;
    budgets.hear_slice_bytes = 1;
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let id = rig.join(Disconnect, usize::MAX);
    rig.socket(id).say(10);
    rig.socket(id).interrupts = 5000;
    rig.turn();
    assert_eq!(rig.socket(id).calls.reads, INTERRUPTS);
    rig.settle();
    assert_eq!(rig.client(id).tally.heard_bytes, 10);
}

#[test]
fn a_half_closed_client_goes_on_receiving() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.feed(1);
    rig.socket(id).say(20);
    rig.socket(id).end_input();
    rig.settle();
    assert!(!rig.relay.has_work(), "its end is not read over and over");
    rig.feed(9);
    assert_eq!(rig.taken(id), frames(0..10, 8));
    assert_eq!(rig.client(id).tally.heard_bytes, 20);
}

#[test]
fn a_half_closed_client_that_then_dies_is_seen_by_an_empty_write() {
    for (kind, reason) in [
        (ErrorKind::BrokenPipe, Reason::Closed),
        (ErrorKind::TimedOut, Reason::Error),
    ] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Disconnect, usize::MAX);
        rig.socket(id).end_input();
        rig.settle();
        // Reads go on to say "end of input"; only a write would tell.
        rig.socket(id).broken = Some(kind);
        rig.relay.note(id, true, true);
        rig.turn();
        assert!(!rig.is_seated(id));
        assert_eq!(rig.left[0].departure.reason, reason);
        assert_eq!(rig.left[0].socket.calls.writes, 0, "and only an empty one");
    }
}

#[test]
fn an_empty_write_that_would_block_is_no_failure() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::Interrupted] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Disconnect, usize::MAX);
        rig.socket(id).broken = Some(kind);
        rig.socket(id).end_input();
        rig.settle();
        assert!(rig.is_seated(id));
        rig.socket(id).broken = None;
        rig.feed(1);
        assert_eq!(rig.taken(id), frames(0..1, 8));
    }
}

#[test]
fn a_reset_makes_its_client_leave_and_is_no_error() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, 0);
    let other = rig.join(Disconnect, usize::MAX);
    rig.feed(2);
    rig.socket(id).input_end = InputEnd::Failed(ErrorKind::ConnectionReset);
    rig.socket(id).say(3);
    rig.settle();
    let parted = &rig.left[0];
    assert_eq!(parted.departure.reason, Reason::Closed);
    assert_eq!(parted.departure.ending, Ending::Fin);
    assert_eq!(
        parted.tally.heard_bytes, 3,
        "what came before it is counted"
    );
    assert_eq!(rig.relay.stats().abandoned, 2);
    assert_eq!(rig.taken(other), frames(0..2, 8));
}

#[test]
fn an_event_that_announces_no_input_costs_no_read() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.relay.note(id, false, true);
    rig.relay.note(id, false, false);
    rig.turn();
    assert_eq!(rig.socket(id).calls.reads, 0);
}
