//! The reception: whose turn it is, how long the endpoint rests, and that nobody makes the loop spin.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::fake::FakeSocket;
use crate::admin::limits::{
    ACCEPTS_PER_TURN, CONNECTION_TIMEOUT, MAX_CONNECTIONS, PLAIN_ANSWERS_PER_TURN, REST_FACTOR,
};
use crate::admin::origin::Hosts;
use crate::admin::reception::{Allowance, Reception};
use crate::admin::response::Response;
use crate::relay::entrance::{Outlook, Round};

const START: Duration = Duration::from_secs(3);
const MS: fn(u64) -> Duration = Duration::from_millis;

fn nobody() -> Reception<FakeSocket> {
    Reception::new(1, Hosts::default())
}

fn asking(path: &str) -> FakeSocket {
    FakeSocket::saying(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// Those who ask for these paths are connected, and have been read from.
fn asked(paths: &[&str]) -> Reception<FakeSocket> {
    let mut reception = nobody();
    for path in paths {
        reception
            .seat(asking(path), START)
            .expect("a slot is vacant");
    }
    reception.advance(START);
    reception
}

/// Answers what may be answered in one turn, each in so much time, and says what that was.
fn answer_turn(
    reception: &mut Reception<FakeSocket>,
    taken: Duration,
    now: Duration,
) -> Vec<String> {
    let mut allowance = Allowance::default();
    let mut answered = Vec::new();
    while let Some((slot, request)) = reception.next_asked(&mut allowance, now) {
        let response = Response::json("1");
        reception.answer(slot, &request, response, now, now + taken);
        answered.push(request.path);
    }
    answered
}

#[test]
fn nobody_there_is_nothing_to_do() {
    let mut reception = nobody();
    assert!(reception.is_quiet());
    assert_eq!(reception.deadline(START), None);
    reception.note_listener(0);
    assert!(!reception.is_quiet());
    assert_eq!(
        reception.deadline(START),
        Some(START),
        "somebody is to be accepted"
    );
}

#[test]
fn one_costly_answer_a_turn_and_then_a_rest_of_nine_times_as_long() {
    let mut reception = asked(&["/metrics", "/clients.json", "/status.json"]);
    assert_eq!(reception.deadline(START), Some(START));
    assert_eq!(answer_turn(&mut reception, MS(2), START), ["/metrics"]);
    let rest_over = START + MS(2) + MS(2) * REST_FACTOR;
    assert_eq!(REST_FACTOR, 9, "a tenth of the time");
    // The answered one has its end to be seen to; then there is nothing but the rest to be waited for.
    reception.next_to_shut_down();
    assert_eq!(reception.deadline(START + MS(2)), Some(rest_over));
    let almost = rest_over.checked_sub(MS(1)).expect("it is later than that");
    assert_eq!(answer_turn(&mut reception, MS(2), almost), [""; 0]);
    assert_eq!(reception.deadline(rest_over), Some(rest_over));
    assert_eq!(
        answer_turn(&mut reception, MS(2), rest_over),
        ["/clients.json"]
    );
}

#[test]
fn what_takes_no_time_is_answered_first_and_does_not_wait_for_the_rest() {
    let plain = ["/healthz", "/readyz", "/", "/nowhere", "/healthz"];
    let mut paths = vec!["/clients.json", "/metrics"];
    paths.extend(plain);
    let mut reception = asked(&paths);
    let mut expected = plain[..PLAIN_ANSWERS_PER_TURN].to_vec();
    expected.push("/clients.json");
    assert_eq!(answer_turn(&mut reception, MS(2), START), expected);
    // The next turn is due at once, for the one that is left of them.
    let now = START + MS(2);
    assert_eq!(reception.deadline(now), Some(now));
    assert_eq!(answer_turn(&mut reception, MS(2), now), ["/healthz"]);
    assert_eq!(answer_turn(&mut reception, MS(2), now), [""; 0], "it rests");
}

#[test]
fn a_plain_answer_is_followed_by_no_rest() {
    let mut reception = asked(&["/healthz", "/metrics"]);
    let answered = answer_turn(&mut reception, MS(500), START);
    assert_eq!(answered, ["/healthz", "/metrics"]);
}

#[test]
fn when_all_wait_for_an_answer_a_newcomer_waits_without_a_spin() {
    let mut reception = asked(&["/departed.json"; MAX_CONNECTIONS]);
    assert_eq!(answer_turn(&mut reception, MS(100), START).len(), 1);
    // The one that was answered makes room, and its place is taken by another one who asks.
    reception.note_listener(0);
    let (mut round, mut allowance) = (Round::default(), Allowance::default());
    let now = START + MS(100);
    assert_eq!(
        reception.next_place(&mut round, &mut allowance, now),
        Some(0)
    );
    assert_eq!(reception.reap().len(), 1);
    assert_eq!(reception.accepted(&mut round), Outlook::Unchanged);
    reception
        .seat(asking("/departed.json"), now)
        .expect("there is room");
    reception.advance(now);
    assert_eq!(reception.next_place(&mut round, &mut allowance, now), None);
    // Somebody waits to be accepted, and all wait for the rest to be over: nothing is done before.
    let rest_over = START + MS(100) * (REST_FACTOR + 1);
    assert_eq!(reception.deadline(now), Some(rest_over));
    // Once somebody has been answered, there is room again.
    assert_eq!(answer_turn(&mut reception, MS(1), rest_over).len(), 1);
    let mut allowance = Allowance::default();
    let mut round = Round::default();
    assert_eq!(
        reception.next_place(&mut round, &mut allowance, rest_over),
        Some(0)
    );
}

#[test]
fn those_who_wait_too_long_make_room_when_their_time_is_up() {
    let mut reception = asked(&["/departed.json"; MAX_CONNECTIONS]);
    // A rest that is longer than anybody may take.
    assert_eq!(
        answer_turn(&mut reception, Duration::from_secs(60), START).len(),
        1
    );
    reception.next_to_shut_down();
    reception.note_listener(0);
    let (mut round, mut allowance) = (Round::default(), Allowance::default());
    let next = reception.next_place(&mut round, &mut allowance, START);
    assert_eq!((next, reception.reap().len()), (Some(0), 1));
    reception
        .seat(asking("/metrics"), START)
        .expect("there is room");
    reception.advance(START);
    assert_eq!(
        reception.next_place(&mut round, &mut allowance, START),
        None
    );
    let up = START + CONNECTION_TIMEOUT;
    assert_eq!(reception.deadline(START), Some(up));
    reception.advance(up);
    assert_eq!(reception.reap().len(), MAX_CONNECTIONS);
    assert_eq!(
        reception.next_place(&mut round, &mut allowance, up),
        Some(0)
    );
}

#[test]
fn a_turn_accepts_so_many_and_goes_on_in_the_next() {
    let mut reception = nobody();
    reception.note_listener(0);
    let (mut round, mut allowance) = (Round::default(), Allowance::default());
    let mut accepted = 0;
    while reception
        .next_place(&mut round, &mut allowance, START)
        .is_some()
    {
        reception.reap();
        reception.accepted(&mut round);
        // They say nothing, so each makes room for another one.
        reception
            .seat(FakeSocket::default(), START)
            .expect("there is room");
        reception.advance(START);
        accepted += 1;
    }
    assert_eq!(accepted, ACCEPTS_PER_TURN);
    assert_eq!(reception.deadline(START), Some(START), "there may be more");
}

#[test]
fn a_lost_connection_is_no_reason_to_pause_and_no_descriptors_is() {
    let mut reception = nobody();
    reception.note_listener(0);
    let (mut round, mut allowance) = (Round::default(), Allowance::default());
    assert!(
        reception
            .next_place(&mut round, &mut allowance, START)
            .is_some()
    );
    let aborted = io::Error::from(ErrorKind::ConnectionAborted);
    assert_eq!(
        reception.failed(&mut round, &aborted, START),
        Outlook::Unchanged
    );
    assert!(
        reception
            .next_place(&mut round, &mut allowance, START)
            .is_some()
    );
    let exhausted = io::Error::from_raw_os_error(24);
    assert_eq!(
        reception.failed(&mut round, &exhausted, START),
        Outlook::Paused
    );
    let retry = START + MS(100);
    assert_eq!(reception.deadline(START), Some(retry));
    assert_eq!(
        reception.next_place(&mut round, &mut allowance, START),
        None
    );
    assert_eq!(reception.deadline(retry), Some(retry));
    assert!(
        reception
            .next_place(&mut round, &mut allowance, retry)
            .is_some()
    );
    assert_eq!(reception.accepted(&mut round), Outlook::Resumed);
    reception.close();
    assert!(reception.is_quiet(), "a closed one waits for nobody");
}
