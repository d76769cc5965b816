//! The reception: who is let in next, who is answered next, and when to come round again.
//!
//! Layer: admin. Owns two promises: the endpoint has a small share of the loop's time, whoever asks and how
//! often; and nobody makes the loop spin by waiting for what only time brings. Knows nothing of what is
//! answered, nor of sockets: it says from which listener to accept, and is told what came of it.
//!
//! ```text
//!   a costly answer       ├── took d ──┤───────── rest: 9 d ─────────┤ the next costly one
//!   a plain one           answered in the same turn, rest or not
//!   all connections ask   nobody can make room: no accept until one is answered or gone
//! ```

use std::io::{self, Read, Write};
use std::time::Duration;

use super::connections::{Connections, Slot};
use super::head::Request;
use super::limits::{
    ACCEPTS_PER_TURN, COSTLY_ANSWERS_PER_TURN, PLAIN_ANSWERS_PER_TURN, REST_FACTOR,
};
use super::origin::Hosts;
use super::response::Response;
use crate::relay::admission::{Admission, AdmissionLimits};
use crate::relay::departure::Ending;
use crate::relay::entrance::{Entrance, Gate, Outlook, Round};
use crate::relay::policy::SlowPolicy;

/// Everybody who asks, and those who are about to.
pub struct Reception<S> {
    entrance: Entrance,
    connections: Connections<S>,
    /// Everybody who is connected waits for an answer, so nobody can make room for a newcomer.
    is_crowded: bool,
    /// No costly answer before this.
    rest_until: Duration,
}

/// What may still be done in this turn.
#[derive(Debug)]
pub struct Allowance {
    accepts: usize,
    costly: usize,
    plain: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            accepts: ACCEPTS_PER_TURN,
            costly: COSTLY_ANSWERS_PER_TURN,
            plain: PLAIN_ANSWERS_PER_TURN,
        }
    }
}

impl<S: Read + Write> Reception<S> {
    /// Nobody yet, at so many listeners. Those to come are answered in the name of these hosts.
    #[must_use]
    pub fn new(listeners: usize, hosts: Hosts) -> Self {
        let gate = || Gate {
            listener: 0,
            // Nobody here is given frames.
            policy: SlowPolicy::Disconnect,
            replay: 0,
            acceptable: false,
        };
        let gates = std::iter::repeat_with(gate).take(listeners).collect();
        Self {
            entrance: Entrance::new(gates, Admission::new(AdmissionLimits::default())),
            connections: Connections::new(hosts),
            is_crowded: false,
            rest_until: Duration::ZERO,
        }
    }

    /// Notes that a connection may be waiting at this listener.
    pub fn note_listener(&mut self, place: usize) {
        self.entrance.note(place);
    }

    /// Notes what an event says of a connection, and moves no bytes.
    pub fn note(&mut self, slot: Slot, readable: bool, writable: bool) {
        self.connections.note(slot, readable, writable);
    }

    /// Does what is due, then moves the bytes of everybody who has some to be moved.
    pub fn advance(&mut self, now: Duration) {
        self.connections.advance(now);
    }

    /// Where to call `accept` next, if anywhere. Whoever has to make room is to be reaped first.
    pub fn next_place(
        &mut self,
        round: &mut Round,
        allowance: &mut Allowance,
        now: Duration,
    ) -> Option<usize> {
        if self.is_crowded || allowance.accepts == 0 || !self.entrance.has_work(now) {
            return None;
        }
        self.is_crowded = !self.connections.make_room();
        if self.is_crowded {
            return None;
        }
        allowance.accepts -= 1;
        self.entrance.next(round, now)
    }

    /// `accept` gave a connection. There is a vacant slot.
    pub fn accepted(&mut self, round: &mut Round) -> Outlook {
        self.entrance.accepted(round)
    }

    /// `accept` failed, or there was nobody to accept.
    pub fn failed(&mut self, round: &mut Round, error: &io::Error, now: Duration) -> Outlook {
        self.entrance.failed(round, error, now)
    }

    /// Nobody is let in any more.
    pub fn close(&mut self) {
        self.entrance.close();
    }

    /// The slot that the next newcomer will take, if one is vacant.
    #[must_use]
    pub fn vacant_slot(&self) -> Option<Slot> {
        self.connections.vacant_slot()
    }

    /// Gives a newcomer the vacant slot.
    ///
    /// # Errors
    /// Gives the socket back when all are taken.
    pub fn seat(&mut self, socket: S, now: Duration) -> Result<Slot, S> {
        self.connections.seat(socket, now)
    }

    /// What is to be answered next, as far as that is allowed in this turn: what takes no time first, then
    /// the oldest.
    pub fn next_asked(
        &mut self,
        allowance: &mut Allowance,
        now: Duration,
    ) -> Option<(Slot, Request)> {
        if allowance.plain > 0
            && let Some(asked) = self.connections.next_asked(|request| !is_costly(request))
        {
            allowance.plain -= 1;
            return Some(asked);
        }
        if allowance.costly == 0 || now < self.rest_until {
            return None;
        }
        let asked = self.connections.next_asked(is_costly)?;
        allowance.costly -= 1;
        Some(asked)
    }

    /// Answers what was asked from this slot. To find the answer took from `begun` to `done`.
    pub fn answer(
        &mut self,
        slot: Slot,
        request: &Request,
        response: Response,
        begun: Duration,
        done: Duration,
    ) {
        self.connections.answer(slot, response, begun);
        self.is_crowded = false;
        if is_costly(request) {
            let taken = done.saturating_sub(begun);
            self.rest_until = done.saturating_add(taken * REST_FACTOR);
        }
    }

    /// A socket that has been given its answer: the caller shuts down its sending side. To be called
    /// until it gives none.
    pub fn next_to_shut_down(&mut self) -> Option<&mut S> {
        self.connections.next_to_shut_down()
    }

    /// Takes out the connections that are done, to be closed in the manner that goes with each.
    pub fn reap(&mut self) -> Vec<(S, Ending)> {
        let done = self.connections.reap();
        if !done.is_empty() {
            self.is_crowded = false;
        }
        done
    }

    /// Nobody is there and nobody comes: all that there is to be said of most turns.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.connections.is_empty() && !self.entrance.is_awaited()
    }

    /// When to come round again even if no event does; `now` if there is something to do.
    #[must_use]
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        if self.is_quiet() {
            return None;
        }
        if self.has_work(now) {
            return Some(now);
        }
        let is_waited_for = self.connections.is_asked(is_costly);
        let deadlines = [
            self.connections.deadline(),
            self.entrance.deadline(),
            is_waited_for.then_some(self.rest_until),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn has_work(&self, now: Duration) -> bool {
        let can_answer = |request: &Request| !is_costly(request) || self.rest_until <= now;
        (self.entrance.has_work(now) && !self.is_crowded)
            || self.connections.has_work()
            || self.connections.is_asked(can_answer)
    }
}

/// The answer is found by looking at clients, at departures or at all counters: it takes longer than to
/// take the request. All others, refusals and health above all, do not wait for these.
fn is_costly(request: &Request) -> bool {
    matches!(
        request.path.as_str(),
        "/metrics" | "/status.json" | "/clients.json" | "/departed.json"
    )
}
