//! Random runs: everything at once, with the books audited after every turn.

use std::io::ErrorKind;

use fastrand::Rng;

use super::super::client::ClientId;
use super::super::departure::{Ending, Reason};
use super::super::limits::Budgets;
use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::audit::assert_stream;
use super::fake::{InputEnd, Intaking, Outcome};
use super::rig::{Rig, SHAPE, Shape};
use super::{MS, seeds};

fn random_shape(rng: &mut Rng) -> Shape {
    let mut budgets = [SHAPE.budgets, Budgets::default(), Budgets::smallest()][rng.usize(0..3)];
    if rng.bool() {
        budgets.slice_bytes = rng.usize(1..60);
        budgets.write_bytes = rng.usize(1..40);
        budgets.read_bytes = rng.usize(1..100);
    }
    Shape {
        frame_size: rng.usize(2..12),
        backlog_frames: rng.u64(1..7),
        window: rng.usize(1..60),
        linger: MS(rng.choice([0, 0, 15]).unwrap_or(0)),
        stall_timeout: rng.choice([None, Some(MS(100))]).flatten(),
        budgets,
        replays: rng.bool(),
    }
}

fn random_client(rig: &Rig, rng: &mut Rng) -> Option<ClientId> {
    rng.choice(&rig.relay.clients.roster).copied()
}

fn join(rig: &mut Rig, rng: &mut Rng) {
    let policy = [Disconnect, Skip, Skip, Wait][rng.usize(0..4)];
    let room = [usize::MAX, rng.usize(0..50)][rng.usize(0..2)];
    rig.join_with(policy, rng.u64(0..8), room);
}

/// Something happens to a client's socket.
fn disturb(rig: &mut Rig, id: ClientId, rng: &mut Rng) {
    let number = rng.usize(0..12);
    match rng.u8(0..16) {
        0..=6 => rig.socket(id).grant(number * 3),
        7 | 8 => rig.socket(id).say(number),
        9 => rig.socket(id).end_input(),
        10 => rig.socket(id).script.push_back(Outcome::Takes(number)),
        11 => rig.socket(id).script.push_back(Outcome::WouldBlock),
        12 => rig.socket(id).script.push_back(Outcome::Interrupted),
        13 => rig.socket(id).script.push_back(Outcome::NoBuffers),
        14 => rig.relay.note(id, rng.bool(), rng.bool()),
        _ if rng.u8(0..3) > 0 => rig.socket(id).grant(usize::MAX),
        _ => {
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::TimedOut];
            rig.socket(id).break_off(kinds[number % 2]);
        }
    }
}

fn disturb_upstream(rig: &mut Rig, rng: &mut Rng) {
    match rng.u8(0..20) {
        0 => {
            // The connection is lost and made again: a frame is begun afresh.
            rig.relay.discard_partial();
            rig.upstream.available = 0;
            rig.upstream.position = rig.relay.log.complete();
        }
        1 => rig.upstream.script.push_back(Intaking::Interrupted),
        2..=4 => rig
            .upstream
            .script
            .push_back(Intaking::Bytes(rng.usize(1..9))),
        5..=8 => rig.upstream.send(rng.usize(1..100)),
        _ => rig.upstream.send(rng.usize(1..20)),
    }
}

fn run(rng: &mut Rng) -> Rig {
    let mut rig = Rig::new(random_shape(rng));
    rig.shuffle = Some(rng.fork());
    for _ in 0..rng.usize(0..6) {
        join(&mut rig, rng);
    }
    for _ in 0..40 {
        disturb_upstream(&mut rig, rng);
        for _ in 0..rng.usize(0..5) {
            if let Some(id) = random_client(&rig, rng) {
                disturb(&mut rig, id, rng);
            }
        }
        if rng.u8(0..8) == 0 {
            join(&mut rig, rng);
        }
        rig.now += MS(rng.u64(0..12));
        rig.turn();
    }
    rig
}

/// Nobody refuses any more, and time passes until nothing is due.
fn let_everything_flow(rig: &mut Rig) {
    for (_, client) in &mut rig.relay.clients.slab {
        client.socket.script.clear();
        client.socket.grant(usize::MAX);
    }
    rig.settle();
    while let Some(deadline) = rig.relay.next_deadline() {
        rig.now = rig.now.max(deadline);
        rig.turn();
        rig.settle();
    }
}

fn assert_streams_of_the_departed(rig: &Rig) {
    for parted in &rig.left {
        let start = rig.start_of(&parted.card, &parted.tally);
        let (size, skipped) = (rig.upstream.frame_size, parted.tally.skipped);
        let numbers = assert_stream(&parted.socket.taken, size, start, skipped);
        assert_eq!(numbers.len() as u64, parted.tally.frames);
        let reason = parted.departure.reason;
        let is_cut = reason.is_expulsion() || reason == Reason::Error;
        assert_eq!(is_cut, parted.departure.ending == Ending::Reset);
    }
}

#[test]
fn whatever_happens_the_books_balance_and_in_the_end_everybody_has_everything() {
    for seed in seeds(500) {
        let mut rig = run(&mut Rng::with_seed(seed));
        let_everything_flow(&mut rig);
        rig.assert_everybody_has_everything();
        assert_streams_of_the_departed(&rig);
        assert!(!rig.relay.has_work());
        for (_, client) in &rig.relay.clients.slab {
            let start = rig.start_of(&client.card, &client.tally);
            let appended = rig.relay.log.complete() - start;
            let given = client.tally.frames + client.tally.skipped;
            assert_eq!(given, appended / rig.frame_size(), "live to the last frame");
        }
    }
}

#[test]
fn whatever_happens_a_drain_gives_everybody_the_whole_backlog_and_ends() {
    for seed in seeds(200) {
        let mut rng = Rng::with_seed(seed ^ 0xd4a1);
        let mut rig = run(&mut rng);
        let before = rig.left.len();
        rig.drain(Reason::Drain);
        for _ in 0..rng.usize(0..20) {
            if let Some(id) = random_client(&rig, &mut rng) {
                disturb(&mut rig, id, &mut rng);
            }
            rig.turn();
        }
        let_everything_flow(&mut rig);
        assert!(
            rig.relay.clients().is_empty(),
            "two seconds and everybody is gone"
        );
        assert_eq!(rig.relay.next_deadline(), None);
        assert_drained(&rig, before);
    }
}

/// Those who left as drained have everything, and those who did not end their side themselves had
/// their sending side shut down, once.
fn assert_drained(rig: &Rig, before: usize) {
    let size = rig.upstream.frame_size;
    let drained = rig.left[before..]
        .iter()
        .filter(|parted| parted.departure.reason == Reason::Drain);
    for parted in drained {
        assert_eq!(parted.departure.ending, Ending::Fin);
        assert_eq!(parted.socket.taken.len() % size, 0, "at a frame boundary");
        let given = parted.tally.frames + parted.tally.skipped;
        let start = rig.start_of(&parted.card, &parted.tally);
        assert_eq!(given, (rig.relay.log.complete() - start) / size as u64);
        let times = rig
            .emptied
            .iter()
            .filter(|serial| **serial == parted.card.serial);
        let times = times.count();
        assert_eq!(times, usize::from(parted.socket.is_shut), "at most once");
        let has_ended = !matches!(parted.socket.input_end, InputEnd::Open);
        assert!(times == 1 || has_ended);
    }
}

#[test]
fn a_drain_that_is_cut_short_leaves_nobody_behind() {
    for seed in seeds(100) {
        let mut rig = run(&mut Rng::with_seed(seed ^ 0x5107));
        rig.drain(Reason::UpstreamEnd);
        rig.turn();
        rig.reap_everybody();
        let behind: Vec<_> = rig
            .relay
            .clients
            .slab
            .iter()
            .filter(|(_, client)| !client.backlog.is_empty(&rig.relay.log))
            .map(|(_, client)| client.card.serial)
            .collect();
        let before = rig.left.len();
        rig.relay.cut_drain();
        rig.reap_everybody();
        assert!(rig.relay.clients().is_empty());
        for parted in &rig.left[before..] {
            let is_reset = parted.departure.ending == Ending::Reset;
            assert_eq!(is_reset, behind.contains(&parted.card.serial));
        }
    }
}
