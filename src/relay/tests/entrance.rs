//! The entrance: from which listener to accept, and what a failure costs.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::super::admission::{Admission, AdmissionLimits, Refusal};
use super::super::client::{Card, Tally};
use super::super::clients::Parted;
use super::super::departure::{Departure, Reason};
use super::super::entrance::{Entrance, Gate, Outlook, Round};
use super::super::limits::{ACCEPT_FAILURES_IN_A_ROW, ACCEPT_RETRY, ACCEPTS_PER_TURN};
use super::super::policy::SlowPolicy;
use super::MS;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// So many gates with a listener each, and room for `max_clients`.
fn entrance(count: u16, max_clients: usize) -> Entrance {
    let gates = (0..count).map(|listener| Gate {
        listener,
        policy: SlowPolicy::Skip,
        replay: u64::from(listener),
        acceptable: false,
    });
    let limits = AdmissionLimits {
        max_clients: Some(max_clients),
        max_by_descriptors: 100,
        max_by_listener: vec![None; count.into()],
        ..AdmissionLimits::default()
    };
    Entrance::new(gates.collect(), Admission::new(limits))
}

/// One gate, at which somebody waits.
pub(super) fn waiting() -> Entrance {
    let mut entrance = entrance(1, 100);
    entrance.note(0);
    entrance
}

fn would_block() -> io::Error {
    ErrorKind::WouldBlock.into()
}

/// `ECONNABORTED`: that connection is lost.
fn aborted() -> io::Error {
    ErrorKind::ConnectionAborted.into()
}

/// `EMFILE`: no descriptor is left.
fn exhausted() -> io::Error {
    io::Error::from_raw_os_error(24)
}

#[test]
fn each_gate_at_which_somebody_waits_is_called_64_times_a_turn_and_no_other() {
    let mut entrance = entrance(4, 100);
    assert!(!entrance.has_work(MS(0)));
    for place in [1, 2, 9] {
        entrance.note(place);
    }
    assert!(entrance.has_work(MS(0)));
    for _ in 0..2 {
        let mut round = Round::default();
        let mut calls = [0; 4];
        while let Some(place) = entrance.next(&mut round, MS(0)) {
            calls[place] += 1;
            assert!(calls[place] <= ACCEPTS_PER_TURN, "it has an end");
            assert_eq!(entrance.accepted(&mut round), Outlook::Unchanged);
        }
        assert_eq!(calls, [0, ACCEPTS_PER_TURN, ACCEPTS_PER_TURN, 0]);
    }
}

#[test]
fn a_gate_where_nobody_waits_any_more_is_left_alone_until_an_event() {
    let mut entrance = entrance(2, 100);
    entrance.note(0);
    entrance.note(1);
    let mut round = Round::default();
    assert_eq!(entrance.next(&mut round, MS(0)), Some(0));
    let outlook = entrance.failed(&mut round, &would_block(), MS(0));
    assert_eq!(outlook, Outlook::Unchanged);
    assert_eq!(entrance.next(&mut round, MS(0)), Some(1));
    assert!(entrance.has_work(MS(0)));
    entrance.failed(&mut round, &would_block(), MS(0));
    assert_eq!(entrance.next(&mut round, MS(0)), None);
    assert!(!entrance.has_work(MS(0)));
    entrance.note(0);
    assert_eq!(entrance.next(&mut Round::default(), MS(0)), Some(0));
}

#[test]
fn the_sixteenth_lost_connection_in_a_row_pauses_and_one_good_one_starts_the_count_again() {
    let mut entrance = waiting();
    let mut round = Round::default();
    for failures in [ACCEPT_FAILURES_IN_A_ROW - 1, ACCEPT_FAILURES_IN_A_ROW] {
        for number in 1..=failures {
            assert_eq!(entrance.next(&mut round, MS(0)), Some(0));
            let outlook = entrance.failed(&mut round, &aborted(), MS(0));
            let is_last = number == ACCEPT_FAILURES_IN_A_ROW;
            assert_eq!(outlook == Outlook::Paused, is_last, "failure {number}");
        }
        if failures < ACCEPT_FAILURES_IN_A_ROW {
            assert_eq!(entrance.next(&mut round, MS(0)), Some(0));
            assert_eq!(entrance.accepted(&mut round), Outlook::Unchanged);
        }
    }
    assert_eq!(entrance.next(&mut round, MS(0)), None);
    assert_eq!(entrance.deadline(), Some(ACCEPT_RETRY.0));
}

#[test]
fn without_descriptors_accepting_pauses_and_both_changes_are_told_once() {
    let mut entrance = waiting();
    assert_eq!(entrance.deadline(), None);
    let mut now = MS(0);
    for outlook in [Outlook::Paused, Outlook::Unchanged, Outlook::Unchanged] {
        let mut round = Round::default();
        assert!(entrance.has_work(now));
        assert_eq!(entrance.next(&mut round, now), Some(0));
        assert_eq!(entrance.failed(&mut round, &exhausted(), now), outlook);
        assert!(!entrance.has_work(now), "it does not spin");
        assert_eq!(entrance.next(&mut round, now), None);
        now = entrance.deadline().expect("it is tried again");
    }
    let mut round = Round::default();
    assert_eq!(entrance.next(&mut round, now), Some(0));
    assert_eq!(entrance.accepted(&mut round), Outlook::Resumed);
    assert_eq!(entrance.accepted(&mut round), Outlook::Unchanged);
    assert_eq!(entrance.deadline(), None);
}

#[test]
fn a_pause_also_ends_when_nobody_waits_and_leaves_nothing_to_do() {
    let mut entrance = waiting();
    entrance.failed(&mut Round::default(), &exhausted(), MS(0));
    let outlook = entrance.failed(&mut Round::default(), &would_block(), MS(100));
    assert_eq!(outlook, Outlook::Resumed);
    assert!(!entrance.has_work(MS(100)));
    assert_eq!(entrance.deadline(), None);
}

#[test]
fn a_listener_that_is_broken_is_told_at_once() {
    let outlook = waiting().failed(
        &mut Round::default(),
        &io::Error::from_raw_os_error(9),
        MS(0),
    );
    assert_eq!(outlook, Outlook::Broken);
}

#[test]
fn a_seat_is_free_again_after_who_had_it_was_turned_away_or_has_left() {
    let mut entrance = entrance(2, 1);
    assert_eq!(entrance.admit(0, Some(HOST)), Ok(()));
    assert_eq!(entrance.admit(1, Some(HOST)), Err(Refusal::MaxClients));
    entrance.turn_away(0, Some(HOST));
    assert_eq!(entrance.admit(1, Some(HOST)), Ok(()));
    let (card, replay) = entrance.card(1, SocketAddr::new(HOST, 7).into(), MS(5));
    assert_eq!((card.listener, card.joined_at, replay), (1, MS(5), 1));
    entrance.note(0);
    entrance.failed(&mut Round::default(), &exhausted(), MS(10));
    entrance.leave(&parted(card), MS(20));
    assert!(entrance.has_work(MS(20)), "its descriptor is free, too");
    assert_eq!(entrance.admit(0, Some(HOST)), Ok(()));
}

fn parted(card: Card) -> Parted<()> {
    Parted {
        socket: (),
        card,
        tally: Tally::default(),
        departure: Departure::by_fin(Reason::Closed),
    }
}

#[test]
fn a_closed_entrance_lets_nobody_in_and_is_never_due() {
    let mut entrance = waiting();
    entrance.failed(&mut Round::default(), &exhausted(), MS(0));
    entrance.close();
    entrance.note(0);
    assert!(!entrance.has_work(MS(1_000_000)));
    assert_eq!(entrance.next(&mut Round::default(), MS(1_000_000)), None);
    assert_eq!(entrance.deadline(), None);
}
