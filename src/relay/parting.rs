//! Parting: departed clients are taken out of the slab.
//!
//! Layer: relay. Owns the rule that a slab key is freed in [`Clients::reap`] and nowhere else, so no
//! event of a batch can meet the next occupant of a key. Knows nothing of how a socket is closed.

use std::io::{Read, Write};

use super::client::{Card, ClientId, Life, Tally};
use super::clients::Clients;
use super::departure::Departure;
use super::frame_log::FrameLog;

/// A client that has been taken out of the slab.
#[derive(Debug)]
pub struct Parted<S> {
    /// Its socket, still open.
    pub socket: S,
    /// Its particulars.
    pub card: Card,
    /// What it was given.
    pub tally: Tally,
    /// Why it left and how its connection is to be ended.
    pub departure: Departure,
}

impl<S: Read + Write> Clients<S> {
    /// Takes departed clients out of the slab, as many as one turn's budget permits. To be called
    /// at the end of a turn, when no event of the batch is left to be noted.
    pub fn reap(&mut self, log: &FrameLog) -> Vec<Parted<S>> {
        if self.departed.is_empty() {
            return Vec::new();
        }
        let count = self.departed.len().min(self.budgets.partings);
        let mut parted = Vec::with_capacity(count);
        while parted.len() < count
            && let Some(id) = self.departed.pop_front()
        {
            parted.push(self.unseat(id, log));
        }
        self.purge(log);
        parted
    }

    fn unseat(&mut self, id: ClientId, log: &FrameLog) -> Parted<S> {
        let client = self.slab.remove(id.key());
        self.roster.swap_remove(client.place);
        if let Some(moved) = self.roster.get(client.place) {
            self.slab[moved.key()].place = client.place;
        }
        let Life::Departed(departure) = client.life else {
            unreachable!("only the departed are on the list of the departed");
        };
        self.remnant_bytes -= client.backlog.remnant_bytes();
        self.stats.clients -= 1;
        self.stats.abandoned += client.backlog.lag_frames(log);
        self.stats.count_departure(departure.reason);
        Parted {
            socket: client.socket,
            card: client.card,
            tally: client.tally,
            departure,
        }
    }

    /// Takes the reaped out of the queues, before their keys can be given to somebody else.
    fn purge(&mut self, log: &FrameLog) {
        let slab = &self.slab;
        let is_seated = |id: &ClientId| slab.contains(id.key());
        self.sending.retain(is_seated);
        self.talking.retain(is_seated);
        self.emptied.retain(is_seated);
        self.resumed.retain(is_seated);
        self.lap.rest_if_done(log.published(), self.sending.len());
    }
}
