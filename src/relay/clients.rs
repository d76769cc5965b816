//! The clients: a slab of them, and the queues of those with something to do.
//!
//! Layer: relay. Owns two rules: a client stands in a queue exactly while its readiness bit says so,
//! so nobody sleeps on a set bit; one client's failure makes that client depart and nobody else.
//! Knows neither poll nor clock.
//!
//! What is done with them is in `fan_out.rs` (publish, give out), `hearing.rs` (their input),
//! `lifecycle.rs` (deadlines, drain) and `parting.rs` (their end).

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::time::Duration;

use slab::Slab;

use super::backlog::Backlog;
use super::client::{Card, Client, ClientId, Life, Pace, Tally};
use super::deadlines::Deadlines;
use super::departure::Departure;
use super::frame_log::{FrameLog, Position};
use super::lap::Lap;
use super::limits::Budgets;
use super::measures::Measures;
use super::stats::Stats;

pub use super::parting::Parted;

/// All connected clients.
pub struct Clients<S> {
    pub(super) slab: Slab<Client<S>>,
    /// Every client once, densely, so that a walk costs as much as there are clients now and not
    /// as many as there were once.
    pub(super) roster: Vec<ClientId>,
    /// Clients with a backlog whose kernel may take bytes, in the order of their turn.
    pub(super) sending: VecDeque<ClientId>,
    /// Clients whose input may hold something.
    pub(super) talking: VecDeque<ClientId>,
    /// Clients whose backlog was emptied for good: their sending side is to be shut down.
    pub(super) emptied: VecDeque<ClientId>,
    /// Clients that went on after a refusal for the first time, of which the caller is to be told.
    pub(super) resumed: VecDeque<ClientId>,
    /// Clients to be reaped at the end of this turn, or of the next ones if they are many.
    pub(super) departed: VecDeque<ClientId>,
    pub(super) lap: Lap,
    /// No client that holds the log needs a byte before this.
    pub(super) floor: Position,
    /// Index in the roster of the client that is served first after the next publication.
    pub(super) first: usize,
    pub(super) deadlines: Deadlines,
    pub(super) budgets: Budgets,
    pub(super) stats: Stats,
    pub(super) measures: Measures,
    /// Bytes of all clients' remnants.
    pub(super) remnant_bytes: usize,
    /// Where input goes to be forgotten.
    pub(super) scratch: Box<[u8]>,
    next_serial: u64,
}

/// Where a client comes from and what is agreed with it.
pub struct Newcomer<S> {
    /// Its socket, registered under the key of [`Clients::vacant_seat`].
    pub socket: S,
    /// Its particulars; the serial number is filled in when it takes its seat.
    pub card: Card,
    /// Where its stream starts: a frame boundary that the log keeps.
    pub start: Position,
}

impl<S: Read + Write> Clients<S> {
    /// Nobody yet. A client whose kernel takes no byte for `stall_timeout` is thrown out.
    #[must_use]
    pub fn new(stall_timeout: Option<Duration>, budgets: Budgets) -> Self {
        Self {
            slab: Slab::new(),
            roster: Vec::new(),
            sending: VecDeque::new(),
            talking: VecDeque::new(),
            emptied: VecDeque::new(),
            resumed: VecDeque::new(),
            departed: VecDeque::new(),
            lap: Lap::default(),
            floor: 0,
            first: 0,
            deadlines: Deadlines::new(stall_timeout),
            budgets,
            stats: Stats::default(),
            measures: Measures::new(),
            remnant_bytes: 0,
            scratch: vec![0; budgets.hear_bytes].into_boxed_slice(),
            next_serial: 1,
        }
    }

    /// Reserves room for so many clients.
    pub fn reserve(&mut self, clients: usize) {
        self.slab.reserve(clients);
        self.roster.reserve(clients);
        self.sending.reserve(clients);
        self.talking.reserve(clients);
    }

    /// The seat that the next newcomer will take: the key to register its socket under.
    #[must_use]
    pub fn vacant_seat(&self) -> ClientId {
        ClientId::new(self.slab.vacant_key())
    }

    /// Gives a newcomer the vacant seat, and says under which serial number.
    ///
    /// A fresh connection counts as writable at once, so that nobody is taken for slow before the
    /// first event.
    pub fn seat(&mut self, newcomer: Newcomer<S>, log: &FrameLog) -> u64 {
        let id = self.vacant_seat();
        let serial = self.next_serial;
        self.next_serial += 1;
        self.slab.insert(Client {
            socket: newcomer.socket,
            card: Card {
                serial,
                ..newcomer.card
            },
            tally: Tally::default(),
            backlog: Backlog::starting_at(newcomer.start),
            life: Life::Joining {
                since: log.complete(),
            },
            readable: false,
            writable: true,
            pace: Pace::Unbroken,
            progress_at: newcomer.card.joined_at,
            place: self.roster.len(),
        });
        self.roster.push(id);
        self.stats.accepted += 1;
        self.stats.clients += 1;
        if newcomer.start < log.published() {
            self.enqueue(id, log);
        }
        serial
    }

    /// Notes what an event says, and moves no bytes. An event for a vacant seat is stale and means
    /// nothing.
    pub fn note(&mut self, id: ClientId, readable: bool, writable: bool, log: &FrameLog) {
        let Some(client) = self.slab.get_mut(id.key()) else {
            return;
        };
        if client.has_departed() {
            return;
        }
        if readable && !client.readable {
            client.readable = true;
            self.talking.push_back(id);
        }
        if writable && !client.writable {
            self.stats.lagging -= u64::from(client.is_lagging());
            client.writable = true;
            // A refusal leaves a backlog, so whoever was not writable has something to be sent.
            self.enqueue(id, log);
        }
    }

    /// Puts a client that has a backlog and a willing kernel at the end of the queue.
    pub(super) fn enqueue(&mut self, id: ClientId, log: &FrameLog) {
        self.lower_floor(id, log);
        self.sending.push_back(id);
    }

    /// The log must keep what this client has not been given, if it holds the log.
    pub(super) fn lower_floor(&mut self, id: ClientId, log: &FrameLog) {
        if let Some(hold) = self.slab[id.key()].hold() {
            self.floor = self.floor.min(log.frame_start(hold));
        }
    }

    /// A client is about to be offered its first bytes: from now on it holds the log. What is no
    /// longer kept of its replay by now, it is not given.
    pub(super) fn begin(&mut self, id: ClientId, log: &FrameLog) {
        let client = &mut self.slab[id.key()];
        if let Life::Joining { since } = client.life {
            client.life = Life::Live;
            let kept = log.start_of_last(u64::MAX);
            client.tally.unreplayed += client.backlog.give_up_before(kept.min(since), log);
            self.lower_floor(id, log);
        }
    }

    /// Marks a client as gone. It keeps its key until [`Clients::reap`].
    pub(super) fn depart(&mut self, id: ClientId, departure: Departure) {
        let client = &mut self.slab[id.key()];
        if !client.has_departed() {
            self.stats.lagging -= u64::from(client.is_lagging());
            client.life = Life::Departed(departure);
            self.departed.push_back(id);
        }
    }

    /// Everybody has been given everything that is published: the log need keep nothing for them.
    #[must_use]
    pub fn have_everything(&self, log: &FrameLog) -> bool {
        let has_everything = |id: &ClientId| {
            let client = &self.slab[id.key()];
            !client.is_receiving() || client.backlog.is_empty(log)
        };
        self.sending.is_empty() && self.roster.iter().all(has_everything)
    }

    /// There is something to do that no event will announce.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !(self.sending.is_empty()
            && self.talking.is_empty()
            && self.emptied.is_empty()
            && self.resumed.is_empty()
            && self.departed.is_empty())
    }

    /// Somebody is to be reaped.
    #[must_use]
    pub fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    /// Everybody who is seated, departed ones included until they are reaped, in no order to rely on.
    pub fn iter(&self) -> impl Iterator<Item = (ClientId, &Client<S>)> {
        self.roster.iter().map(|&id| (id, &self.slab[id.key()]))
    }

    /// Clients seated, departed ones included until they are reaped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Nobody is seated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roster.is_empty()
    }
}
