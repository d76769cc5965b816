//! The connections to the admin endpoint: a quota of their own, and who makes room when it is used
//! up.
//!
//! Layer: admin. Owns three rules: there are never more than [`MAX_CONNECTIONS`]; a slot is freed in
//! [`Connections::reap`] and nowhere else, so no event of a batch can meet the next occupant; a
//! newcomer gets in, whoever is there already. Knows neither poll nor clock, nor what is answered.
//!
//! A thousand idle connections cannot keep a scrape out: each newcomer puts out the oldest that is
//! silent, and nobody counts as silent before it has been read from. So a scrape whose request has
//! arrived when it is accepted is answered in the same turn, whatever the others do; one whose
//! request is still under way stays until it is the oldest of those that are silent.

use std::io::{Read, Write};
use std::time::Duration;

use super::connection::Connection;
use super::head::Request;
use super::limits::MAX_CONNECTIONS;
use super::origin::Hosts;
use super::response::Response;
use crate::relay::departure::Ending;

/// All connections to the admin endpoint.
#[derive(Debug)]
pub struct Connections<S> {
    slots: [Option<Occupant<S>>; MAX_CONNECTIONS],
    hosts: Hosts,
    next_serial: u64,
}

#[derive(Debug)]
struct Occupant<S> {
    connection: Connection<S>,
    /// The lower, the older.
    serial: u64,
}

/// A place for a connection. Stays the same connection's until that is reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(usize);

impl Slot {
    /// The slot with this index; nothing from [`MAX_CONNECTIONS`] on.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        (index < MAX_CONNECTIONS).then_some(Self(index))
    }

    /// Below [`MAX_CONNECTIONS`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

impl<S: Read + Write> Connections<S> {
    /// No connections yet. Those to come are answered in the name of these hosts.
    #[must_use]
    pub fn new(hosts: Hosts) -> Self {
        Self {
            slots: std::array::from_fn(|_| None),
            hosts,
            next_serial: 0,
        }
    }

    /// Gives a newcomer the vacant slot.
    ///
    /// # Errors
    /// Gives the socket back when all are taken.
    pub fn seat(&mut self, socket: S, now: Duration) -> Result<Slot, S> {
        let Some(slot) = self.vacant_slot() else {
            return Err(socket);
        };
        self.slots[slot.0] = Some(Occupant {
            connection: Connection::new(socket, now),
            serial: self.next_serial,
        });
        self.next_serial += 1;
        Ok(slot)
    }

    /// Sees to it that a slot is vacant after the next [`Connections::reap`], if it can, and says
    /// whether it could. The oldest that has its answer goes first, then the oldest that is silent,
    /// then the oldest that is being answered. When all others are asking, or may have sent
    /// something that has not been read, nobody goes: the newcomer waits for the next turn, when
    /// they have been read from and answered.
    pub fn make_room(&mut self) -> bool {
        let is_leaving = |occupant: &Occupant<S>| occupant.connection.is_done();
        if self.vacant_slot().is_some() || self.occupants().any(is_leaving) {
            return true;
        }
        let occupants = self.slots.iter_mut().flatten();
        let goes = occupants
            .filter_map(|occupant| Some((occupant.connection.claim()?, occupant)))
            .min_by_key(|(claim, occupant)| (*claim, occupant.serial));
        let Some((_, occupant)) = goes else {
            return false;
        };
        occupant.connection.put_out();
        true
    }

    /// Notes what an event says, and moves no bytes. That the other side has ended, or that the
    /// socket has failed, is to be noted as both. An event for a vacant slot is stale and means
    /// nothing.
    pub fn note(&mut self, slot: Slot, readable: bool, writable: bool) {
        if let Some(occupant) = &mut self.slots[slot.0] {
            occupant.connection.note(readable, writable);
        }
    }

    /// Does what is due, then moves the bytes of everybody who has some to be moved.
    pub fn advance(&mut self, now: Duration) {
        for occupant in self.slots.iter_mut().flatten() {
            occupant.connection.advance(&self.hosts, now);
        }
    }

    /// What is asked for and is wanted, by the oldest connection first. Each request is given once, and is
    /// to be answered before the next [`Connections::reap`].
    pub fn next_asked(&mut self, is_wanted: impl Fn(&Request) -> bool) -> Option<(Slot, Request)> {
        let slots = self.slots.iter_mut().enumerate();
        let occupants = slots.filter_map(|(index, slot)| Some((index, slot.as_mut()?)));
        let (index, occupant) = occupants
            .filter(|(_, occupant)| occupant.connection.question().is_some_and(&is_wanted))
            .min_by_key(|(_, occupant)| occupant.serial)?;
        let request = occupant.connection.take_request()?;
        Some((Slot(index), request))
    }

    /// Answers what was asked from this slot, as far as the kernel takes it at once.
    pub fn answer(&mut self, slot: Slot, response: Response, now: Duration) {
        if let Some(occupant) = &mut self.slots[slot.0] {
            occupant.connection.answer(response, now);
        }
    }

    /// A socket that has been given its answer: the caller shuts down its sending side. To be
    /// called until it gives none.
    pub fn next_to_shut_down(&mut self) -> Option<&mut S> {
        let occupants = self.slots.iter_mut().flatten();
        let mut sockets =
            occupants.filter_map(|occupant| occupant.connection.socket_to_shut_down());
        sockets.next()
    }

    /// Takes out the connections that are done, to be closed in the manner that goes with each. To
    /// be called when no event of the batch is left to be noted: at the end of a turn, or after
    /// [`Connections::make_room`] when accepting comes after all noting.
    pub fn reap(&mut self) -> Vec<(S, Ending)> {
        let is_done = |occupant: &mut Occupant<S>| occupant.connection.is_done();
        let done = self
            .slots
            .iter_mut()
            .filter_map(|slot| slot.take_if(is_done));
        let parts = done.filter_map(|occupant| occupant.connection.into_parts().ok());
        parts.collect()
    }
}

impl<S> Connections<S> {
    /// The slot that the next newcomer will take, if one is vacant.
    #[must_use]
    pub fn vacant_slot(&self) -> Option<Slot> {
        self.slots.iter().position(Option::is_none).map(Slot)
    }

    /// When [`Connections::advance`] is to be called even if no event comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines = self.occupants();
        deadlines
            .filter_map(|occupant| occupant.connection.deadline())
            .min()
    }

    /// There is something to do that no event will announce, beside answering.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.occupants()
            .any(|occupant| occupant.connection.has_work())
    }

    /// Somebody waits for an answer to such a request.
    pub fn is_asked(&self, is_such: impl Fn(&Request) -> bool) -> bool {
        let mut questions = self
            .occupants()
            .filter_map(|occupant| occupant.connection.question());
        questions.any(is_such)
    }

    /// Slots taken, by those that are to be reaped as well.
    #[must_use]
    pub fn len(&self) -> usize {
        self.occupants().count()
    }

    /// No slot is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn occupants(&self) -> impl Iterator<Item = &Occupant<S>> {
        self.slots.iter().flatten()
    }
}
