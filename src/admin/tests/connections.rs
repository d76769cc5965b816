//! The quota: sixteen at a time, who makes room, and that no event meets the wrong connection.

use std::collections::VecDeque;
use std::time::Duration;

use super::fake::{FakeSocket, Room};
use crate::admin::connections::{Connections, Slot};
use crate::admin::limits::{CONNECTION_TIMEOUT, FINISH_TIMEOUT, MAX_CONNECTIONS};
use crate::admin::origin::Hosts;
use crate::admin::response::Response;
use crate::relay::departure::Ending;

const START: Duration = Duration::from_secs(3);

fn milliseconds(count: u64) -> Duration {
    START + Duration::from_millis(count)
}

fn none() -> Connections<FakeSocket> {
    Connections::new(Hosts::default())
}

fn asking(path: &str) -> FakeSocket {
    FakeSocket::saying(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// A kernel that takes no more than the first bytes of an answer.
fn full(mut socket: FakeSocket) -> FakeSocket {
    socket.rooms = [Room::Bytes(9), Room::WouldBlock].into();
    socket
}

fn named(name: usize, socket: FakeSocket) -> FakeSocket {
    FakeSocket { name, ..socket }
}

#[track_caller]
fn seat(connections: &mut Connections<FakeSocket>, socket: FakeSocket, now: Duration) -> Slot {
    connections.seat(socket, now).expect("a slot is vacant")
}

fn answer_all(connections: &mut Connections<FakeSocket>, now: Duration) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some((slot, request)) = connections.next_asked(|_| true) {
        asked.push(request.path);
        connections.answer(slot, Response::json("1"), now);
    }
    asked
}

fn names(parts: Vec<(FakeSocket, Ending)>) -> Vec<(usize, Ending)> {
    let names = parts
        .into_iter()
        .map(|(socket, ending)| (socket.name, ending));
    names.collect()
}

#[test]
fn the_seventeenth_finds_no_vacant_slot() {
    let mut connections = none();
    assert!(connections.is_empty());
    for index in 0..MAX_CONNECTIONS {
        assert_eq!(connections.vacant_slot().map(Slot::index), Some(index));
        seat(&mut connections, FakeSocket::default(), START);
    }
    assert_eq!((connections.len(), connections.vacant_slot()), (16, None));
    let socket = connections.seat(named(17, FakeSocket::default()), START);
    assert_eq!(socket.expect_err("it is given back").name, 17);
    assert_eq!(Slot::new(15).map(Slot::index), Some(15));
    assert_eq!(Slot::new(16), None);
}

#[test]
fn questions_come_oldest_first_and_each_is_answered_where_it_was_asked() {
    let mut connections = none();
    let low = seat(&mut connections, FakeSocket::saying("\0"), START);
    let old = seat(&mut connections, asking("/old"), START);
    connections.advance(START);
    // The one in the lower slot, refused at once, makes place for somebody younger.
    connections.advance(START + FINISH_TIMEOUT);
    assert_eq!(connections.reap().len(), 1);
    let young = seat(&mut connections, asking("/young"), START);
    assert_eq!(young, low);
    connections.advance(START);
    let (first, request) = connections.next_asked(|_| true).expect("two ask");
    assert_eq!((first, &*request.path), (old, "/old"));
    let (second, request) = connections.next_asked(|_| true).expect("one more asks");
    assert_eq!((second, &*request.path), (young, "/young"));
    assert!(connections.next_asked(|_| true).is_none());
    connections.answer(young, Response::json("[1]"), START);
    let socket = connections.next_to_shut_down().expect("it is answered");
    assert!(socket.heard().ends_with("[1]"));
    assert!(connections.next_to_shut_down().is_none());
}

#[test]
fn an_event_for_a_vacant_slot_is_stale_and_a_slot_is_freed_by_reaping_alone() {
    let mut connections = none();
    let slot = seat(&mut connections, FakeSocket::default(), START);
    connections.advance(START + CONNECTION_TIMEOUT);
    assert!(connections.has_work(), "it is to be reaped");
    assert_ne!(connections.vacant_slot(), Some(slot));
    assert_ne!(seat(&mut connections, FakeSocket::default(), START), slot);
    // Of the same batch: it means nothing to those who are done.
    connections.note(slot, true, true);
    connections.advance(START);
    let parts = connections.reap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].0.code(), Some(408));
    connections.note(slot, true, true);
    connections.answer(slot, Response::json("1"), START);
    assert_eq!(connections.vacant_slot(), Some(slot));
    assert_eq!(connections.len(), 1);
}

#[test]
fn who_is_answered_makes_room_first_then_the_silent_then_who_is_being_answered() {
    let mut connections = none();
    let mut name = 0;
    let mut enter = |connections: &mut Connections<FakeSocket>, socket: FakeSocket| {
        name += 1;
        seat(connections, named(name, socket), START);
    };
    enter(&mut connections, full(asking("/")));
    enter(&mut connections, FakeSocket::default());
    enter(&mut connections, asking("/"));
    enter(&mut connections, full(asking("/")));
    enter(&mut connections, FakeSocket::saying("GET"));
    enter(&mut connections, asking("/"));
    for _ in 6..MAX_CONNECTIONS {
        enter(&mut connections, full(asking("/")));
    }
    connections.advance(START);
    answer_all(&mut connections, START);
    let mut gone = Vec::new();
    for newcomer in 100..106 {
        assert!(connections.make_room());
        assert!(connections.make_room(), "room for one is enough");
        let parted = names(connections.reap());
        assert_eq!(parted.len(), 1);
        gone.extend(parted);
        // They ask, and nobody has got round to answering them.
        seat(&mut connections, named(newcomer, asking("/")), START);
        connections.advance(START);
    }
    let expected = [
        (3, Ending::Fin),
        (6, Ending::Fin),
        (2, Ending::Reset),
        (5, Ending::Reset),
        (1, Ending::Reset),
        (4, Ending::Reset),
    ];
    assert_eq!(gone, expected);
}

#[test]
fn nobody_is_put_out_who_asks_or_has_not_been_read_from() {
    let mut connections = none();
    for _ in 0..MAX_CONNECTIONS {
        seat(&mut connections, asking("/"), START);
    }
    assert!(!connections.make_room(), "they may have said something");
    connections.advance(START);
    assert!(!connections.make_room(), "they have asked");
    assert_eq!(answer_all(&mut connections, START).len(), MAX_CONNECTIONS);
    assert!(connections.make_room());
}

#[test]
fn a_thousand_idle_connections_do_not_keep_a_scrape_out() {
    let mut waiting: VecDeque<_> = (0..1000).map(|_| FakeSocket::default()).collect();
    waiting.insert(700, asking("/metrics"));
    let mut connections = none();
    let mut answered = Vec::new();
    let mut turns = 0;
    while !waiting.is_empty() {
        turns += 1;
        // One turn: accept, move bytes, answer, reap.
        while !waiting.is_empty() && connections.make_room() {
            connections.reap();
            let socket = waiting.pop_front().expect("somebody waits");
            seat(&mut connections, socket, START);
        }
        connections.advance(START);
        answered.extend(answer_all(&mut connections, START));
        connections.reap();
        assert!(turns < 1000, "it takes too long");
    }
    assert_eq!(answered, ["/metrics"]);
    assert!(turns <= 1001usize.div_ceil(MAX_CONNECTIONS) + 1, "{turns}");
}

#[test]
fn the_next_deadline_is_the_earliest_and_none_when_nobody_is_there() {
    let mut connections = none();
    assert_eq!(
        (connections.deadline(), connections.has_work()),
        (None, false)
    );
    seat(&mut connections, FakeSocket::default(), milliseconds(0));
    seat(&mut connections, asking("/"), milliseconds(300));
    assert!(connections.has_work(), "they have not been read from");
    connections.advance(milliseconds(400));
    let first = milliseconds(0) + CONNECTION_TIMEOUT;
    assert_eq!(connections.deadline(), Some(first));
    answer_all(&mut connections, milliseconds(400));
    let answered = milliseconds(400) + FINISH_TIMEOUT;
    assert_eq!(connections.deadline(), Some(answered));
    assert!(connections.next_to_shut_down().is_some());
    assert!(!connections.has_work());
    connections.advance(first);
    assert_eq!(
        (connections.deadline(), connections.reap().len()),
        (None, 2)
    );
}
