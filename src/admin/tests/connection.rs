//! One connection, from the first byte to the last, on every way that there is.

use std::io::ErrorKind;

use super::fake::{Bite, FakeSocket, Room};
use super::scene::{HEAD, START, Scene, TURNS, answer_bytes};
use crate::admin::limits::{CALLS_PER_TURN, DISCARD_BYTES, FINISH_TIMEOUT, HEAD_BYTES};
use crate::admin::response::Response;
use crate::relay::departure::Ending;

#[test]
fn a_request_is_asked_answered_and_ended_with_the_other_side() {
    let mut scene = Scene::saying(HEAD);
    scene.advance();
    assert_eq!(scene.ask(), ("/a".to_owned(), "b".to_owned()));
    assert!(scene.connection.take_request().is_none(), "given once");
    assert!(scene.connection.socket_to_shut_down().is_none());

    let response = Response::json("[1,2]");
    scene.answer(response.clone());
    let socket = scene.connection.socket_to_shut_down().expect("it has all");
    assert_eq!(socket.taken, answer_bytes(&response));
    socket.input.push_back(Bite::End);
    assert!(
        scene.connection.socket_to_shut_down().is_none(),
        "said once"
    );
    assert!(!scene.connection.has_work());

    scene.turn();
    assert_eq!(scene.end().1, Ending::Fin);
}

#[test]
fn a_half_close_behind_the_request_does_not_cost_the_answer() {
    let mut socket = FakeSocket::saying(HEAD);
    socket.input.push_back(Bite::End);
    let (socket, ending) = Scene::with(socket).run(&Response::json("1"));
    assert_eq!((socket.code(), ending), (Some(200), Ending::Fin));
}

#[test]
fn a_refusal_is_answered_without_asking() {
    for (head, code) in [
        ("\x16\x03\x01", 400),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET / HTTP/2.0", 505),
    ] {
        let mut scene = Scene::saying(head);
        scene.advance();
        assert!(scene.connection.take_request().is_none());
        let socket = scene.connection.socket_to_shut_down().expect("answered");
        assert_eq!(socket.code(), Some(code));
    }
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let mut scene = Scene::saying("HEAD / HTTP/1.1\r\n\r\n");
    scene.advance();
    let socket = scene.connection.socket_to_shut_down().expect("answered");
    assert!(socket.heard().ends_with("\r\n\r\n"), "{}", socket.heard());
    assert_eq!(socket.code(), Some(400));
}

#[test]
fn byte_by_byte_with_would_blocks_and_interrupts_is_the_same_as_all_at_once() {
    let response = Response::html("<p>page</p>".repeat(50));
    for head in [HEAD, "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/3.0\r\n\r\n"] {
        let mut whole = FakeSocket::saying(head);
        whole.input.push_back(Bite::End);
        let (whole, ending) = Scene::with(whole).run(&response);
        assert_eq!(ending, Ending::Fin);

        let mut slow = FakeSocket::default();
        for byte in head.bytes() {
            slow.input
                .extend([Bite::WouldBlock, Bite::Interrupted, Bite::Bytes(vec![byte])]);
        }
        slow.input.push_back(Bite::End);
        for _ in 0..whole.taken.len() {
            slow.rooms
                .extend([Room::WouldBlock, Room::Interrupted, Room::Bytes(1)]);
        }
        let (slow, ending) = Scene::with(slow).run(&response);
        assert_eq!((slow.heard(), ending), (whole.heard(), Ending::Fin));
    }
}

#[test]
fn nobody_sleeps_on_a_bit_that_is_set() {
    let mut socket = FakeSocket::default();
    for byte in HEAD.bytes() {
        socket.say([byte]);
    }
    socket.rooms = [Room::Bytes(1); 2 * CALLS_PER_TURN].into();
    let mut scene = Scene::with(socket);
    // No event comes: what a spent budget has left has to be known.
    for _ in 0..TURNS {
        if !scene.connection.has_work() {
            break;
        }
        scene.advance();
        if scene.connection.take_request().is_some() {
            scene.answer(Response::json("1"));
        }
        scene.connection.socket_to_shut_down();
    }
    assert!(!scene.connection.is_done(), "its end is waited for");
    scene.connection.put_out();
    let (socket, ending) = scene.end();
    assert_eq!(ending, Ending::Fin);
    assert_eq!(socket.taken, answer_bytes(&Response::json("1")));
}

#[test]
fn one_turn_makes_a_bounded_number_of_calls() {
    let dribble = |bite: Bite| FakeSocket {
        input: vec![bite; 10 * CALLS_PER_TURN].into(),
        ..FakeSocket::default()
    };
    for bite in [Bite::Bytes(vec![b'G']), Bite::Interrupted] {
        let mut scene = Scene::with(dribble(bite));
        scene.advance();
        scene.connection.put_out();
        assert_eq!(scene.end().0.calls, CALLS_PER_TURN);
    }
    let mut socket = FakeSocket::saying(HEAD);
    socket.rooms = vec![Room::Interrupted; 10 * CALLS_PER_TURN].into();
    let mut scene = Scene::with(socket);
    scene.advance();
    scene.answer(Response::json("1"));
    assert!(scene.connection.has_work());
    scene.connection.put_out();
    assert_eq!(scene.end().0.calls, 1 + CALLS_PER_TURN);
}

#[test]
fn no_more_than_8_kib_are_asked_for_before_the_answer() {
    let mut socket = FakeSocket::saying("GET / HTTP/1.1\r\n");
    socket.say("a: b\r\n".repeat(60));
    socket.say("x".repeat(3 * HEAD_BYTES));
    socket.rooms = [Room::WouldBlock].into();
    let mut scene = Scene::with(socket);
    scene.advance();
    scene.connection.put_out();
    let (socket, _) = scene.end();
    assert_eq!(socket.given_bytes, HEAD_BYTES);
    assert_eq!(socket.wanted_bytes, HEAD_BYTES);
}

#[test]
fn what_follows_the_head_is_thrown_away_up_to_64_kib() {
    let following = |bytes: usize| {
        let mut scene = Scene::saying(HEAD.to_owned() + &"GET ".repeat(bytes / 4));
        scene.advance();
        assert!(scene.connection.take_request().is_some());
        scene.answer(Response::json("1"));
        for _ in 0..4 {
            scene.advance();
        }
        scene.connection
    };
    let connection = following(DISCARD_BYTES);
    assert!(!connection.is_done(), "its end is waited for");
    let (socket, ending) = following(4 * DISCARD_BYTES).into_parts().expect("enough");
    assert_eq!(ending, Ending::Fin);
    assert!(socket.given_bytes < 2 * DISCARD_BYTES);
}

#[test]
fn who_leaves_before_the_head_is_complete_is_let_go_in_silence() {
    for (bite, ending) in [
        (Bite::End, Ending::Fin),
        (Bite::Fails(ErrorKind::ConnectionReset), Ending::Reset),
    ] {
        for said in ["", "GET / HT"] {
            let mut socket = FakeSocket::default();
            if !said.is_empty() {
                socket.say(said);
            }
            socket.input.push_back(bite.clone());
            let mut scene = Scene::with(socket);
            scene.advance();
            let (socket, how) = scene.end();
            assert_eq!((&*socket.heard(), how), ("", ending));
        }
    }
}

#[test]
fn who_leaves_in_the_middle_of_the_answer_is_let_go() {
    let mut socket = FakeSocket::saying(HEAD);
    socket.rooms = [Room::Bytes(9), Room::Fails(ErrorKind::BrokenPipe)].into();
    let mut scene = Scene::with(socket);
    scene.advance();
    scene.answer(Response::json("1"));
    assert_eq!(scene.end().1, Ending::Reset);
    let mut socket = FakeSocket::saying(HEAD);
    socket.rooms = [Room::Bytes(0)].into();
    let (_, ending) = Scene::with(socket).run(&Response::json("1"));
    assert_eq!(ending, Ending::Reset);
}

#[test]
fn a_reset_after_the_answer_is_an_end_like_any_other() {
    let mut socket = FakeSocket::saying(HEAD);
    socket
        .input
        .push_back(Bite::Fails(ErrorKind::ConnectionReset));
    let (_, ending) = Scene::with(socket).run(&Response::json("1"));
    assert_eq!(ending, Ending::Fin);
}

#[test]
fn an_event_that_comes_early_is_remembered_until_there_is_a_use_for_it() {
    let mut socket = FakeSocket::saying(HEAD);
    socket.input.push_back(Bite::WouldBlock);
    socket.rooms = [Room::Bytes(9), Room::WouldBlock].into();
    let mut scene = Scene::with(socket);
    scene.advance();
    assert!(scene.connection.take_request().is_some());
    scene.answer(Response::json("1"));
    // The end of the input is announced while the answer is still being written.
    scene.connection.note(true, false);
    scene.advance();
    assert!(!scene.connection.is_done() && !scene.connection.has_work());
    scene.connection.note(false, true);
    scene.advance();
    assert_eq!(scene.connection.deadline(), Some(START + FINISH_TIMEOUT));
    let socket = scene.connection.socket_to_shut_down().expect("it has all");
    assert!(socket.input.is_empty(), "it was looked what has come");
}

#[test]
fn after_the_answer_there_is_work_until_it_is_shut_down_and_its_input_is_read() {
    let mut scene = Scene::saying(HEAD);
    scene.advance();
    assert!(scene.connection.take_request().is_some());
    scene.answer(Response::json("1"));
    assert!(scene.connection.has_work(), "it is to be shut down");
    assert!(scene.connection.socket_to_shut_down().is_some());
    assert!(!scene.connection.has_work());
    scene.connection.note(true, false);
    assert!(scene.connection.has_work(), "something has come");
    scene.advance();
    assert!(!scene.connection.has_work());
}
