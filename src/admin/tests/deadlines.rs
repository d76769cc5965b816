//! One connection against the clock.

use std::time::Duration;

use super::fake::{FakeSocket, Room};
use super::scene::{HEAD, START, Scene};
use crate::admin::limits::{CONNECTION_TIMEOUT, FINISH_TIMEOUT};
use crate::admin::response::{Response, Status};
use crate::relay::departure::Ending;

#[test]
fn a_slow_head_is_answered_408_when_its_time_is_up_and_not_before() {
    let up = START + CONNECTION_TIMEOUT;
    for said in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut scene = Scene::with(FakeSocket::default());
        if !said.is_empty() {
            scene = Scene::saying(said);
        }
        assert_eq!(scene.connection.deadline(), Some(up));
        scene.advance_at(up.checked_sub(Duration::from_nanos(1)).unwrap());
        assert!(!scene.connection.is_done() && !scene.connection.has_work());
        scene.advance_at(up);
        assert_eq!(scene.connection.deadline(), None);
        let (socket, ending) = scene.end();
        assert_eq!((socket.code(), ending), (Some(408), Ending::Fin));
    }
}

#[test]
fn a_408_that_is_not_taken_at_once_becomes_a_reset() {
    for room in [Room::WouldBlock, Room::Bytes(20), Room::Interrupted] {
        let socket = FakeSocket {
            rooms: [room].into(),
            ..FakeSocket::default()
        };
        let mut scene = Scene::with(socket);
        scene.advance_at(START + CONNECTION_TIMEOUT);
        assert_eq!(scene.end().1, Ending::Reset, "{room:?}");
    }
}

#[test]
fn an_answer_that_is_not_taken_in_time_is_cut_by_a_reset() {
    let mut socket = FakeSocket::saying(HEAD);
    socket.rooms = [Room::Bytes(9), Room::WouldBlock].into();
    let mut scene = Scene::with(socket);
    scene.advance();
    scene.answer(Response::json("1"));
    assert!(!scene.connection.has_work());
    assert_eq!(
        scene.connection.deadline(),
        Some(START + CONNECTION_TIMEOUT)
    );
    scene.advance_at(START + CONNECTION_TIMEOUT);
    let (socket, ending) = scene.end();
    assert_eq!((socket.taken.len(), ending), (9, Ending::Reset));
}

#[test]
fn a_question_that_nobody_answers_ends_too_and_its_answer_comes_too_late() {
    let mut scene = Scene::saying(HEAD);
    scene.advance();
    assert!(scene.connection.is_asking(), "somebody has to take it");
    assert!(!scene.connection.has_work(), "in its own time");
    assert!(scene.connection.take_request().is_some());
    assert!(!scene.connection.is_asking());
    scene.advance_at(START + CONNECTION_TIMEOUT);
    scene.answer(Response::text(Status::Ok, "late"));
    let (socket, ending) = scene.end();
    assert_eq!((&*socket.heard(), ending), ("", Ending::Reset));
}

#[test]
fn after_the_answer_the_end_is_waited_for_a_second_and_never_beyond_the_five() {
    for (asked_at, until) in [
        (START, START + FINISH_TIMEOUT),
        (
            START + Duration::from_millis(4500),
            START + CONNECTION_TIMEOUT,
        ),
    ] {
        let mut scene = Scene::saying(HEAD);
        scene.advance_at(asked_at);
        assert!(scene.connection.take_request().is_some());
        scene.answer(Response::json("1"));
        assert_eq!(scene.connection.deadline(), Some(until));
        scene.advance_at(until.checked_sub(Duration::from_nanos(1)).unwrap());
        assert!(!scene.connection.is_done());
        scene.advance_at(until);
        assert_eq!(scene.end().1, Ending::Fin);
    }
}
