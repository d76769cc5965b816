//! Seats: a key belongs to one client until it is reaped, and nothing of it to the next.

use super::super::client::{Client, ClientId};
use super::super::departure::Reason;
use super::super::policy::SlowPolicy::{Disconnect, Wait};
use super::fake::Calls;
use super::frames;
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};

/// A rig with three clients that all stand in both queues and have all departed.
fn departed_while_queued() -> (Rig, [ClientId; 3]) {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        ..SHAPE
    });
    let ids = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
    rig.send(2);
    rig.relay.take_in(&mut rig.upstream, rig.now);
    for id in ids {
        rig.socket(id).say(10);
        rig.relay.note(id, true, true);
    }
    rig.relay.cut_drain();
    (rig, ids)
}

fn reap_all(rig: &mut Rig) -> usize {
    let mut count = 0;
    for parted in rig.relay.reap() {
        assert_eq!(parted.departure.reason, Reason::Drain);
        rig.abandoned += 2;
        rig.left.push(parted);
        count += 1;
    }
    count
}

#[test]
fn a_key_is_not_given_again_before_its_client_is_reaped() {
    let (mut rig, ids) = departed_while_queued();
    assert!(!ids.contains(&rig.relay.vacant_seat()));
    let newcomer = rig.join(Disconnect, usize::MAX);
    assert!(!ids.contains(&newcomer));
    assert_eq!(reap_all(&mut rig), 3);
    assert!(ids.contains(&rig.relay.vacant_seat()));
    assert_eq!(rig.client(newcomer).place, 0, "the roster has closed up");
    rig.audit();
}

#[test]
fn queue_entries_of_the_departed_do_not_reach_the_next_occupants() {
    let (mut rig, ids) = departed_while_queued();
    reap_all(&mut rig);
    let next = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
    assert!(next.iter().all(|id| ids.contains(id)));
    assert!(!rig.relay.has_work());
    rig.audit();
    rig.turn();
    for id in next {
        assert_eq!(rig.socket(id).calls, Calls::default());
    }
    rig.feed(3);
    for id in next {
        assert_eq!(rig.taken(id), frames(2..5, 8));
        assert_eq!(rig.socket(id).calls.writes, 1, "queued once");
        assert_eq!(
            rig.socket(id).calls.reads,
            0,
            "what was said before is not heard"
        );
    }
}

#[test]
fn events_for_the_departed_and_for_vacant_seats_mean_nothing() {
    let (mut rig, ids) = departed_while_queued();
    for id in ids {
        rig.relay.note(id, true, true);
    }
    reap_all(&mut rig);
    for id in ids {
        rig.relay.note(id, true, true);
    }
    rig.relay.note(ClientId::new(1000), true, true);
    assert!(!rig.relay.has_work());
    rig.turn();
    assert!(
        rig.left
            .iter()
            .all(|parted| parted.socket.calls == Calls::default())
    );
}

#[test]
fn an_event_of_the_past_does_not_harm_the_next_occupant() {
    let (mut rig, _) = departed_while_queued();
    reap_all(&mut rig);
    let id = rig.join(Disconnect, 0);
    rig.relay.note(id, true, true);
    rig.feed(1);
    assert!(rig.is_seated(id));
    rig.relay.note(id, true, true);
    rig.settle();
    assert_eq!(rig.lag(id), 1);
    rig.socket(id).grant(8);
    rig.settle();
    assert_eq!(rig.taken(id), frames(2..3, 8));
}

#[test]
fn an_emptied_client_that_departs_is_not_given_to_be_shut_down() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.drain(Reason::Drain);
    rig.relay.cut_drain();
    assert!(rig.relay.next_emptied().is_none());
    rig.turn();
    let next = rig.join(Disconnect, usize::MAX);
    assert_eq!(id, next);
    assert!(rig.relay.next_emptied().is_none());
    assert!(!rig.socket(next).is_shut);
}

#[test]
fn an_entry_of_an_emptied_client_does_not_reach_the_next_occupant() {
    let mut rig = Rig::new(SHAPE);
    let id = rig.join(Disconnect, usize::MAX);
    rig.drain(Reason::Drain);
    rig.relay.cut_drain();
    assert_eq!(rig.relay.reap().len(), 1);
    assert!(!rig.relay.has_work());
    let next = rig.join(Disconnect, usize::MAX);
    assert_eq!(id, next);
    assert!(rig.relay.next_emptied().is_none());
}

#[test]
fn serial_numbers_are_never_given_twice() {
    let mut rig = Rig::new(SHAPE);
    for serial in 1..50 {
        let id = rig.join(Wait, 0);
        assert_eq!(rig.client(id).card.serial, serial);
        rig.socket(id)
            .break_off(std::io::ErrorKind::ConnectionReset);
        rig.settle();
        assert!(!rig.is_seated(id));
    }
}

#[test]
fn the_roster_closes_up_whoever_leaves() {
    for leaver in 0..5 {
        let mut rig = Rig::new(SHAPE);
        let ids = [0; 5].map(|_| rig.join(Disconnect, usize::MAX));
        rig.feed(1);
        rig.socket(ids[leaver])
            .break_off(std::io::ErrorKind::TimedOut);
        rig.feed(4);
        for id in ids.iter().filter(|id| **id != ids[leaver]) {
            assert_eq!(rig.taken(*id), frames(0..5, 8));
        }
    }
}

/// As large as the socket that a client has in the program: a descriptor and its family, and in debug builds
/// which poll it is registered with. A smaller one would make the sum too small.
type StandIn = [usize; if cfg!(debug_assertions) { 3 } else { 1 }];

#[test]
fn a_client_costs_at_most_256_bytes_with_its_places_in_roster_and_queues() {
    let client = size_of::<Client<StandIn>>();
    assert!(client <= 200, "{client}");
    // The roster and the four queues; a growing Vec or VecDeque may hold twice as much as it needs.
    let places = 5 * 2 * size_of::<ClientId>();
    assert!(client + places <= 256, "{client} + {places}");
}

#[test]
fn a_mass_departure_is_reaped_a_budget_a_turn_and_nobody_sleeps_before_its_end() {
    let mut budgets = SHAPE.budgets;
    budgets.partings = 3;
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    for _ in 0..8 {
        rig.join(Disconnect, 0);
    }
    rig.feed(2);
    rig.drain(Reason::Drain);
    rig.relay.cut_drain();
    for left in [5, 2, 0] {
        assert!(rig.relay.has_work());
        reap_all(&mut rig);
        assert_eq!(rig.relay.clients().len(), left);
    }
    assert!(!rig.relay.has_work());
}

#[test]
fn no_table_grows_for_clients_for_whom_room_was_reserved() {
    let mut rig = Rig::new(SHAPE);
    rig.relay.reserve(100);
    let clients = &rig.relay.clients;
    let tables = [
        clients.slab.capacity(),
        clients.roster.capacity(),
        clients.sending.capacity(),
        clients.talking.capacity(),
    ];
    assert!(tables.iter().all(|&room| room >= 100), "{tables:?}");
}
