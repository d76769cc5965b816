//! A relay, an upstream and a clock, and the turn in the order in which the reactor takes it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fastrand::Rng;

use super::super::client::{Card, Client, ClientId, Tally};
use super::super::clients::{Newcomer, Parted};
use super::super::departure::Reason;
use super::super::frame_log::Position;
use super::super::intake::{Intake, IntakeEnd};
use super::super::limits::Budgets;
use super::super::policy::SlowPolicy;
use super::super::{Relay, RelaySettings};
use super::MS;
use super::fake::{FakeSocket, FakeUpstream};

/// What a rig is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) frame_size: usize,
    pub(super) backlog_frames: u64,
    pub(super) window: usize,
    pub(super) linger: Duration,
    pub(super) stall_timeout: Option<Duration>,
    pub(super) budgets: Budgets,
    /// Newcomers may be given frames of the past, so the log never rewinds.
    pub(super) replays: bool,
}

/// Frames of 8 bytes, a backlog of 4, a window of 8 frames.
pub(super) const SHAPE: Shape = Shape {
    frame_size: 8,
    backlog_frames: 4,
    window: 64,
    linger: Duration::ZERO,
    stall_timeout: None,
    budgets: Budgets {
        read_bytes: 1024,
        write_bytes: 1024,
        slice_bytes: 1024 * 1024,
        write_charge_bytes: 1,
        hear_bytes: 1024,
        hear_slice_bytes: 1024 * 1024,
        partings: 1000,
    },
    replays: false,
};

/// One write a turn.
pub(super) const ONE_WRITE: Budgets = Budgets {
    slice_bytes: 1,
    ..SHAPE.budgets
};

pub(super) struct Rig {
    pub(super) relay: Relay<FakeSocket>,
    pub(super) upstream: FakeUpstream,
    pub(super) now: Duration,
    /// What the last reading of the upstream came to.
    pub(super) intake: Option<Intake>,
    /// Who has left.
    pub(super) left: Vec<Parted<FakeSocket>>,
    /// Serial numbers of those whose sending side was to be shut down.
    pub(super) emptied: Vec<u64>,
    /// Serial numbers of those who went on after a refusal for the first time.
    pub(super) resumed: Vec<u64>,
    /// Shuffles the events of a turn.
    pub(super) shuffle: Option<Rng>,
    /// Where streams start, by serial number.
    pub(super) starts: HashMap<u64, Position>,
    /// Frames that those who left had not been given.
    pub(super) abandoned: u64,
}

impl Rig {
    pub(super) fn new(shape: Shape) -> Self {
        let relay = Relay::new(&RelaySettings {
            frame_size: shape.frame_size,
            window_bytes: shape.window,
            backlog_frames: shape.backlog_frames,
            replay_frames: u64::from(shape.replays),
            linger: shape.linger,
            stall_timeout: shape.stall_timeout,
            departures_kept: 0,
            history_seconds: 10,
            budgets: shape.budgets,
        });
        Self {
            relay: relay.expect("a small log"),
            upstream: FakeUpstream {
                frame_size: shape.frame_size,
                ..FakeUpstream::default()
            },
            now: MS(1000),
            intake: None,
            left: Vec::new(),
            emptied: Vec::new(),
            resumed: Vec::new(),
            shuffle: None,
            starts: HashMap::new(),
            abandoned: 0,
        }
    }

    /// A client joins whose kernel takes `room` bytes, and is given `replay` frames of the past.
    pub(super) fn join_with(&mut self, policy: SlowPolicy, replay: u64, room: usize) -> ClientId {
        let id = self.relay.vacant_seat();
        let start = self.relay.start_of_last(replay);
        let serial = self.relay.seat(Newcomer {
            socket: FakeSocket::with_room(room),
            card: Card {
                serial: 0,
                addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into(),
                listener: 0,
                policy,
                joined_at: self.now,
            },
            start,
        });
        self.starts.insert(serial, start);
        id
    }

    /// A client joins whose kernel takes `room` bytes.
    pub(super) fn join(&mut self, policy: SlowPolicy, room: usize) -> ClientId {
        self.join_with(policy, 0, room)
    }

    /// The upstream sends so many frames, and the relay comes to rest.
    pub(super) fn feed(&mut self, frames: usize) {
        self.send(frames);
        self.settle();
    }

    /// The upstream sends so many frames.
    pub(super) fn send(&mut self, frames: usize) {
        self.upstream.send(frames * self.upstream.frame_size);
    }

    /// The upstream is closed, and everybody begins to be let go.
    pub(super) fn drain(&mut self, reason: Reason) {
        self.upstream.is_ready = false;
        self.relay.drain(reason, self.now);
    }

    /// One turn.
    pub(super) fn turn(&mut self) {
        self.note_events();
        self.turn_without_events();
    }

    /// A turn whose poll was taken before anything that is pending happened.
    pub(super) fn turn_without_events(&mut self) {
        self.relay.check_deadlines(self.now);
        if self.upstream.is_ready {
            let intake = self.relay.take_in(&mut self.upstream, self.now);
            self.upstream.is_ready = matches!(intake.end, IntakeEnd::BudgetSpent | IntakeEnd::Held);
            self.intake = Some(intake);
        }
        self.relay.publish_due(self.now);
        self.relay.give_out(self.now);
        while let Some(client) = self.relay.next_emptied() {
            client.socket.is_shut = true;
            let serial = client.card.serial;
            self.emptied.push(serial);
        }
        while let Some(client) = self.relay.next_resumed() {
            self.resumed.push(client.card.serial);
        }
        for parted in self.relay.reap() {
            self.part(parted);
        }
        self.audit();
    }

    /// Reaps all who have departed, however small the budget of a turn.
    pub(super) fn reap_everybody(&mut self) {
        while self.relay.has_departed() {
            for parted in self.relay.reap() {
                self.part(parted);
            }
            self.audit();
        }
    }

    fn note_events(&mut self) {
        let mut events = Vec::new();
        for (key, client) in &mut self.relay.clients.slab {
            let (readable, writable) = client.socket.poll();
            if readable || writable {
                events.push((ClientId::new(key), readable, writable));
            }
        }
        if let Some(rng) = &mut self.shuffle {
            rng.shuffle(&mut events);
        }
        for (id, readable, writable) in events {
            self.relay.note(id, readable, writable);
        }
    }

    /// Where a client's stream starts: where it was to, or where the log still began when its turn
    /// came.
    pub(super) fn start_of(&self, card: &Card, tally: &Tally) -> Position {
        self.starts[&card.serial] + tally.unreplayed * self.frame_size()
    }

    fn part(&mut self, parted: Parted<FakeSocket>) {
        let start = self.start_of(&parted.card, &parted.tally);
        let appended = self.relay.log.published().saturating_sub(start) / self.frame_size();
        let tally = parted.tally;
        self.abandoned += appended - tally.frames - tally.skipped;
        self.left.push(parted);
    }

    /// Turns until there is nothing to do.
    pub(super) fn settle(&mut self) {
        for _ in 0..MOST_TURNS {
            if !self.has_something_to_do() {
                return;
            }
            self.turn();
        }
        panic!("no rest after {MOST_TURNS} turns");
    }

    pub(super) fn has_something_to_do(&mut self) -> bool {
        let has_event = |client: &Client<FakeSocket>| client.socket.has_event();
        self.relay.has_work()
            || self
                .relay
                .clients
                .slab
                .iter()
                .any(|(_, client)| has_event(client))
            || (self.upstream.is_ready && self.relay.has_room())
    }

    pub(super) fn socket(&mut self, id: ClientId) -> &mut FakeSocket {
        &mut self.relay.clients.slab[id.key()].socket
    }

    pub(super) fn client(&self, id: ClientId) -> &Client<FakeSocket> {
        &self.relay.clients.slab[id.key()]
    }

    pub(super) fn is_seated(&self, id: ClientId) -> bool {
        self.relay.clients.slab.contains(id.key())
    }

    pub(super) fn taken(&self, id: ClientId) -> &[u8] {
        &self.client(id).socket.taken
    }

    pub(super) fn lag(&self, id: ClientId) -> u64 {
        self.client(id).backlog.lag_frames(&self.relay.log)
    }

    pub(super) fn frame_size(&self) -> u64 {
        self.relay.log.frame_size()
    }
}

/// More than any run here needs.
const MOST_TURNS: usize = 100_000;
