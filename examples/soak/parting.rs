//! How clients leave: by themselves, thrown out, or at the end of a stream. And who is still there.

use std::io;

use crate::client::{Client, Phase};
use crate::clock::monotonic_ns;
use crate::crowd::{Alarm, Crowd, Mood};
use crate::kind::{Expulsion, Kind};
use crate::ledger::Ledger;

impl Crowd {
    /// What this client is called where it is complained about.
    pub(crate) fn name(&self, place: usize) -> String {
        let at = &self.places[place];
        format!("{:?} client {place} ({})", at.kind, at.policy.name()).to_lowercase()
    }

    /// A client leaves by itself, with a reset.
    pub(crate) fn leave(&mut self, place: usize) {
        if let Some(client) = self.retire(place) {
            self.ledger.left_by_themselves += 1;
            client.leave();
        }
    }

    /// The server has reset a client.
    pub(crate) fn be_thrown_out(&mut self, place: usize, error: &io::Error) {
        let (name, kind) = (self.name(place), self.places[place].kind);
        let Some(client) = self.retire(place) else {
            return;
        };
        match kind.expulsion() {
            Some(Expulsion::Behind) => self.ledger.thrown_out_behind += 1,
            Some(Expulsion::Flood) => self.ledger.thrown_out_flooding += 1,
            None => {
                self.ledger.wronged += 1;
                let frames = client.stream.frames;
                self.broken.add(format!(
                    "{name}: thrown out for nothing after {frames} frames: {error}"
                ));
            }
        }
    }

    /// The server has ended a stream. Only a drain does that, and only at a frame boundary.
    pub(crate) fn end(&mut self, place: usize) {
        let name = self.name(place);
        let Some(client) = self.retire(place) else {
            return;
        };
        self.ledger.ended += 1;
        let frames = client.stream.frames;
        if self.mood != Mood::Draining {
            self.broken
                .add(format!("{name}: ended by the server after {frames} frames"));
        }
        let bytes = client.stream.partial_bytes();
        if bytes > 0 {
            self.broken
                .add(format!("{name}: ended {bytes} bytes into a frame"));
        }
        self.ends.extend(client.stream.next());
    }

    /// A connection could not be made: the accept queue has room for everybody.
    pub(crate) fn fail_to_connect(&mut self, place: usize, error: &io::Error) {
        let name = self.name(place);
        self.broken.add(format!("{name}: cannot connect: {error}"));
        self.ledger.failed_connects += 1;
        self.places[place].client = None;
        self.come_back(place);
    }

    /// Takes a client away, and lets another one come for it after a moment.
    fn retire(&mut self, place: usize) -> Option<Client> {
        let client = self.places[place].client.take()?;
        let offered = self.shared.books().offered;
        self.ledger.add(&client, offered);
        self.come_back(place);
        Some(client)
    }

    fn come_back(&mut self, place: usize) {
        let pause_ms = match self.places[place].kind {
            // They are thrown out at once: a second later they would be all that the server does.
            Kind::Flooding => self.generator.u64(1_000..4_000),
            _ => self.generator.u64(200..1_500),
        };
        let due_ns = monotonic_ns() + pause_ms * 1_000_000;
        self.timers.set(due_ns, Alarm::Connect(place));
    }

    /// Lets nobody come or go, and wakes everybody up, so that the books can be compared.
    pub(crate) fn come_to_rest(&mut self) {
        self.mood = Mood::AtRest;
        for place in 0..self.places.len() {
            self.wake(place);
        }
    }

    /// Lets everybody go on.
    pub(crate) fn stir(&mut self, mood: Mood) {
        self.mood = mood;
        for place in 0..self.places.len() {
            self.flood(place);
        }
    }

    /// Lets the unruly go for good.
    pub(crate) fn dismiss(&mut self) {
        for place in 0..self.places.len() {
            if !self.places[place].kind.stays() {
                self.leave(place);
            }
        }
    }

    /// A byte from everybody who does not read: whose connection is dead hears of it now.
    pub(crate) fn poke(&mut self) {
        for place in 0..self.places.len() {
            if matches!(self.places[place].kind, Kind::Stuck | Kind::Trickling) {
                self.say(place, 1);
            }
        }
    }

    /// The ledger as of now, those that are still connected included.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = self.ledger;
        let offered = self.shared.books().offered;
        for client in self.places.iter().filter_map(|at| at.client.as_ref()) {
            ledger.add(client, offered);
            ledger.open += u64::from(client.phase != Phase::Connecting);
        }
        ledger
    }

    /// Somebody who is not as far as everybody has to be when the upstream rests before this frame.
    pub(crate) fn straggler(&self, next: u64) -> Option<String> {
        let is_late = |place: &usize| {
            let at = &self.places[*place];
            let Some(client) = &at.client else {
                // Whose stream was broken has been complained about, and does not come back now.
                return at.kind.stays() && self.broken.count == 0;
            };
            let is_behind = client.stream.partial_bytes() > 0
                || client.stream.next().is_some_and(|own| own != next);
            client.phase == Phase::Connecting
                || (is_behind && (at.kind.stays() || at.kind.reads_at_once()))
        };
        let place = (0..self.places.len()).find(is_late)?;
        let name = self.name(place);
        Some(match &self.places[place].client {
            None => format!("{name} is not connected"),
            Some(client) if client.phase == Phase::Connecting => format!("{name} is connecting"),
            Some(client) => format!(
                "{name} stands before frame {} with {} bytes of it, and everybody has to stand before {next}",
                client.stream.next().unwrap_or(0),
                client.stream.partial_bytes()
            ),
        })
    }
}
