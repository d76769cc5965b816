//! What does not matter (the order of events, the budgets) and what does (whose turn it is).

use std::io::ErrorKind;

use fastrand::Rng;

use super::super::client::ClientId;
use super::super::departure::Reason;
use super::super::limits::Budgets;
use super::super::policy::SlowPolicy::{self, Disconnect, Skip, Wait};
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};
use super::{frames, seeds};

/// What one client got in the end: serial number, bytes, frames skipped, why it left.
type Outcome = (u64, Vec<u8>, u64, Option<Reason>);

fn outcomes(rig: &Rig) -> Vec<Outcome> {
    let seated = rig.relay.clients.slab.iter().map(|(_, client)| client);
    let seated = seated.map(|client| (client.card.serial, &client.socket, client.tally, None));
    let left = rig.left.iter().map(|parted| {
        let reason = Some(parted.departure.reason);
        (parted.card.serial, &parted.socket, parted.tally, reason)
    });
    let mut outcomes: Vec<_> = seated
        .chain(left)
        .map(|(serial, socket, tally, reason)| {
            (serial, socket.taken.clone(), tally.skipped, reason)
        })
        .collect();
    outcomes.sort_by_key(|outcome| outcome.0);
    outcomes
}

/// Twelve clients of all policies get frames and room by turns, as `seed` says, while the events
/// of each turn come in the order that `shuffle` says.
fn run_shuffled(seed: u64, shuffle: u64) -> Vec<Outcome> {
    let mut rng = Rng::with_seed(seed);
    let mut rig = Rig::new(SHAPE);
    rig.shuffle = Some(Rng::with_seed(shuffle));
    let ids: Vec<ClientId> = (0..12)
        .map(|number| {
            let policy = [Disconnect, Skip, Wait, Skip][number % 4];
            rig.join(policy, rng.usize(0..40))
        })
        .collect();
    for _ in 0..25 {
        rig.upstream.send(rng.usize(0..20));
        for &id in &ids {
            let (room, words) = (rng.usize(0..25), rng.usize(0..5));
            let breaks = rng.u8(..) == 0;
            if !rig.is_seated(id) {
                continue;
            }
            rig.socket(id).grant(room);
            rig.socket(id).say(words);
            if breaks {
                rig.socket(id).break_off(ErrorKind::ConnectionReset);
            }
        }
        rig.turn();
    }
    outcomes(&rig)
}

#[test]
fn the_order_of_events_in_a_batch_changes_nothing() {
    for seed in seeds(20) {
        let expected = run_shuffled(seed, 0);
        for shuffle in 1..5 {
            assert!(run_shuffled(seed, shuffle) == expected, "shuffle {shuffle}");
        }
    }
}

fn run_with(budgets: Budgets, seed: u64) -> Vec<Outcome> {
    let mut rng = Rng::with_seed(seed);
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let policies = [Disconnect, Skip, Wait];
    let mut ids: Vec<ClientId> = policies.map(|policy| rig.join(policy, usize::MAX)).into();
    ids.push(rig.join(Wait, 5));
    for step in 0..8 {
        rig.upstream.send(rng.usize(1..40));
        let words = rng.usize(0..9);
        rig.socket(ids[1]).say(words);
        rig.socket(ids[3]).grant(rng.usize(0..30));
        rig.settle();
        if step == 4 {
            rig.join_with(Disconnect, 0, usize::MAX);
        }
    }
    rig.socket(ids[3]).grant(usize::MAX);
    rig.settle();
    rig.assert_everybody_has_everything();
    outcomes(&rig)
}

#[test]
fn budgets_change_when_bytes_move_and_never_which() {
    for seed in seeds(10) {
        let expected = run_with(Budgets::default(), seed);
        assert!(run_with(Budgets::smallest(), seed) == expected);
        assert!(run_with(ONE_WRITE, seed) == expected);
    }
}

#[test]
fn a_frame_that_arrives_during_a_fan_out_joins_it_for_those_still_to_come() {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        ..SHAPE
    });
    let ids = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
    rig.send(1);
    rig.turn();
    rig.send(1);
    rig.settle();
    let mut writes = ids.map(|id| rig.socket(id).calls.writes);
    writes.sort_unstable();
    assert_eq!(writes, [1, 1, 2], "only the first needs a second write");
    for id in ids {
        assert_eq!(rig.taken(id), frames(0..2, 8));
    }
}

#[test]
fn a_fan_out_is_not_outrun_by_more_than_the_window() {
    for window in [8, 16, 20, 64] {
        let mut rig = Rig::new(Shape {
            budgets: ONE_WRITE,
            backlog_frames: 100,
            window,
            ..SHAPE
        });
        let ids = [0; 5].map(|_| rig.join(Disconnect, usize::MAX));
        for step in 0..300 {
            // Now a dribble that a lap collects, now a burst that fills the window.
            rig.send(if step % 9 == 8 { 20 } else { 1 });
            rig.turn();
            let least = ids.map(|id| rig.client(id).backlog.position());
            let least = least.into_iter().min().unwrap_or(0);
            let ahead = rig.relay.log.received() - least;
            assert!(ahead <= window as u64, "{ahead} bytes ahead");
        }
        rig.settle();
        rig.assert_everybody_has_everything();
    }
}

#[test]
fn where_the_log_must_be_kept_from_is_looked_for_only_when_that_is_in_the_way() {
    let mut rig = Rig::new(Shape {
        backlog_frames: 16,
        ..SHAPE
    });
    rig.feed(12);
    // The window ends at 96 + 64; a backlog from 32 on ends there, too.
    for (floor, looked_for) in [(32, 32), (24, 96)] {
        rig.relay.clients.floor = floor;
        assert!(rig.relay.has_room());
        assert_eq!(rig.relay.clients.floor, looked_for);
    }
}

/// In which order the clients are served one frame, with one write a turn.
fn order_of_service(rig: &mut Rig, ids: &[ClientId]) -> Vec<usize> {
    let mut order = Vec::new();
    rig.send(1);
    while rig.has_something_to_do() {
        let before: Vec<_> = ids.iter().map(|&id| rig.taken(id).len()).collect();
        rig.turn();
        let grown = (0..ids.len()).filter(|&place| rig.taken(ids[place]).len() > before[place]);
        order.extend(grown);
    }
    assert_eq!(order.len(), ids.len(), "one write each");
    order
}

#[test]
fn over_a_thousand_frames_each_client_is_first_about_equally_often_and_last_too() {
    for count in [2, 3, 7] {
        let mut rig = Rig::new(Shape {
            budgets: ONE_WRITE,
            ..SHAPE
        });
        let ids: Vec<_> = (0..count)
            .map(|_| rig.join(Disconnect, usize::MAX))
            .collect();
        let (mut first, mut last) = (vec![0; count], vec![0; count]);
        for _ in 0..1000 {
            let order = order_of_service(&mut rig, &ids);
            first[order[0]] += 1;
            last[order[count - 1]] += 1;
        }
        for times in first.into_iter().chain(last) {
            assert!(
                (1000 / count..=1000 / count + 1).contains(&times),
                "{times}"
            );
        }
    }
}

/// Two clients, one of which leaves just as the slice is spent on the other.
fn leave_at_the_end_of_a_slice(leaver: usize, policy: SlowPolicy) -> (Rig, ClientId) {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        backlog_frames: 100,
        window: 16,
        ..SHAPE
    });
    let ids = [0; 2].map(|_| rig.join(policy, usize::MAX));
    rig.send(10);
    rig.socket(ids[leaver])
        .break_off(ErrorKind::ConnectionReset);
    rig.settle();
    assert!(!rig.is_seated(ids[leaver]));
    (rig, ids[1 - leaver])
}

#[test]
fn the_upstream_is_read_on_when_the_last_of_a_fan_out_leaves_before_its_turn() {
    for policy in [Disconnect, Skip, Wait] {
        for leaver in 0..2 {
            let (mut rig, stayer) = leave_at_the_end_of_a_slice(leaver, policy);
            assert!(rig.relay.has_room(), "nobody needs what the log keeps");
            assert_eq!(rig.taken(stayer), frames(0..10, 8));
        }
    }
}
