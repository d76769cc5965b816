//! The server's turn, in the order in which the reactor takes it, over made-up calls to the kernel.

use std::time::Duration;

use fanout::relay::clients::Newcomer;
use fanout::relay::departure::Reason;
use fanout::relay::endpoint::Endpoint;
use fanout::relay::entrance::Round;
use fanout::relay::phase::Order;

use crate::client::SimSocket;
use crate::events::Event;
use crate::weather::{Kind, MS};
use crate::world::World;

/// How a sleep ends.
enum Sleep {
    /// By an event, or because its time is up.
    Woken,
    /// By a signal, or because the process was stopped.
    Interrupted,
    /// Nobody has woken the server, and it has nothing to wake up for.
    On,
}

impl World {
    /// One turn: sleep, note, take in, give out, part.
    pub(crate) fn turn(&mut self) {
        self.books.begin_turn();
        let was_stopped = std::mem::take(&mut self.has_continued);
        let read = self.keeper.read(self.elapsed, was_stopped);
        self.core.relay.settle(read);
        let patience = self.core.patience(None, read);
        self.books.check_for_spin(patience, &self.core);
        self.books.punctuality.check_patience(patience);
        match self.sleep(patience) {
            Sleep::Woken => self.wake(patience, false),
            Sleep::Interrupted => self.wake(patience, true),
            Sleep::On => {}
        }
    }

    /// A turn without anything happening in its sleep, which lasts until something is due, or until `end` if nothing
    /// is: then there is no turn.
    pub(crate) fn turn_without_acts(&mut self, end: Duration) {
        let read = self.keeper.read(self.elapsed, false);
        self.core.relay.settle(read);
        let patience = self.core.patience(None, read);
        self.books.punctuality.check_patience(patience);
        if patience != Some(Duration::ZERO) && !self.has_event() {
            let due = patience.map(|patience| self.elapsed + patience);
            self.elapsed = due.map_or(end, |due| due.min(end));
            if due.is_none_or(|due| due > end) {
                self.keeper.wake(self.elapsed, patience, false, false);
                return;
            }
        }
        self.books.begin_turn();
        self.books.check_for_spin(patience, &self.core);
        self.wake(patience, false);
    }

    fn wake(&mut self, patience: Option<Duration>, is_interrupted: bool) {
        let was_stopped = std::mem::take(&mut self.has_continued);
        let now = self
            .keeper
            .wake(self.elapsed, patience, is_interrupted, was_stopped);
        self.turns += 1;
        self.core.relay.begin_turn(now);
        self.trace
            .say(|| format!("{now:?} turn {} after {patience:?}", self.turns));

        self.poll();
        while let Some(event) = self.events.pop_front() {
            self.note(event);
        }
        self.obey(now);
        self.accept(now);
        self.audit();
        self.advance_upstream(now);
        self.audit();
        self.core.relay.publish_due(now);
        self.audit();
        let outcome = self.core.heed_upstream_end(now);
        if outcome.is_some() {
            self.begin_drain(now);
        }
        self.audit();
        self.core.relay.give_out(now);
        self.audit();
        self.core.check_deadlines(now);
        self.audit();
        self.part(now);
        self.audit();
        self.audit_turn(now);
        self.audit_deadlines(now);
        self.steps += 6;
        // Work takes time.
        self.elapsed += Duration::from_micros(self.dice.below(3) as u64 * 200);
    }

    /// Things happen while the server sleeps, until one of them wakes it or the time is up.
    fn sleep(&mut self, patience: Option<Duration>) -> Sleep {
        let end = patience.map(|patience| self.elapsed + patience);
        for _ in 0..40 {
            for _ in 0..self.dice.below(5) {
                self.act();
            }
            if patience == Some(Duration::ZERO) || self.has_event() {
                return Sleep::Woken;
            }
            if self.strikes(Kind::Stop) {
                self.stop_process(end);
                return Sleep::Interrupted;
            }
            let pause = MS(self.dice.pick(&[0, 1, 3, 10, 40, 150]));
            match end {
                Some(end) if self.elapsed + pause >= end => {
                    // No poll is punctual.
                    let lateness = Duration::from_micros(self.dice.below(2000) as u64);
                    self.elapsed = end + lateness;
                    return Sleep::Woken;
                }
                _ => self.elapsed += pause,
            }
        }
        match end {
            Some(end) => {
                self.elapsed = self.elapsed.max(end);
                Sleep::Woken
            }
            None => Sleep::On,
        }
    }

    /// The process is stopped for a while. A poll reports that as an interruption, and, if signals are watched, a
    /// handler sets a flag. A stop that neither sets it nor outlasts the sleep cannot be told from sleep.
    fn stop_process(&mut self, end: Option<Duration>) {
        let lost = MS(self.dice.pick(&[5, 700, 70_000, 3_600_000]));
        self.elapsed += lost;
        self.has_continued = self.dice.below(2) == 0;
        if self.has_continued || end.is_some_and(|end| self.elapsed > end) {
            self.stopped += lost;
        }
        self.trace.say(|| format!("stopped for {lost:?}"));
    }

    fn note(&mut self, event: Event) {
        self.step();
        self.trace.say(|| format!("  {event:?}"));
        match event {
            Event::Client {
                seat,
                socket,
                readable,
                writable,
            } => {
                let occupant = self
                    .core
                    .relay
                    .client_mut(seat)
                    .map_or(0, |client| client.socket.id);
                assert_eq!(
                    occupant, socket,
                    "an event reaches the next occupant of a key"
                );
                self.core.relay.note(seat, readable, writable);
            }
            Event::Upstream { readable } => self.core.upstream.note(readable),
            Event::Listener(place) => self.core.entrance.note(place),
        }
    }

    fn accept(&mut self, now: Duration) {
        let mut round = Round::default();
        while let Some(place) = self.core.entrance.next(&mut round, now) {
            self.step();
            let drops = self.orders.drops_on_exhaustion;
            match self.listeners[place].accept(self.is_exhausted, drops) {
                Ok((socket, addr)) => {
                    let outlook = self.core.entrance.accepted(&mut round);
                    self.books.punctuality.note_outlook(outlook);
                    let is_paused = self.books.punctuality.is_paused;
                    assert!(!is_paused, "somebody is accepted, and it counts as paused");
                    self.welcome(place, socket, addr, now);
                }
                Err(error) => {
                    let outlook = self.core.fail_accept(&mut round, &error, now);
                    self.books.punctuality.note_outlook(outlook);
                    self.books.note_accept_failure(&error, &self.core, now);
                }
            }
        }
    }

    fn welcome(&mut self, place: usize, mut socket: SimSocket, addr: Endpoint, now: Duration) {
        let ip = addr.ip();
        if let Err(refusal) = self.core.admit(place, ip) {
            self.trace
                .say(|| format!("  {} refused: {refusal}", socket.id));
            self.books.note_refusal(refusal, &addr, &self.core);
            return;
        }
        if self.strikes(Kind::RegistrationFailure) {
            // The kernel has no memory for a registration.
            let error = std::io::Error::from_raw_os_error(12);
            self.core.turn_away(place, ip, &error);
            self.books.accept_errors += 1;
            return;
        }
        let (card, replay) = self.core.entrance.card(place, addr, now);
        let start = self.core.relay.start_of_last(replay);
        self.books.check_start(start, replay, &self.core);
        self.books.take_seat(
            &mut socket,
            start,
            replay,
            card.policy,
            (now, self.fair_time()),
        );
        self.books.nameless_seated += u64::from(ip.is_none());
        let seat = self.core.relay.vacant_seat();
        self.trace
            .say(|| format!("  {} seated {seat:?} {card:?} from {start}", socket.id));
        self.core.relay.seat(Newcomer {
            socket,
            card,
            start,
        });
    }

    /// A signal, once in a while: everybody is to be let go, whatever else goes wrong.
    fn obey(&mut self, now: Duration) {
        let is_told = self.weather.has(Kind::Stop) && self.dice.below(4000) == 0;
        let wish = if is_told { Order::Drain } else { Order::None };
        if self.core.heed(0, wish) == Order::Drain {
            self.trace.say(|| "told to drain".to_owned());
            self.core.drain(Reason::Drain, now);
            self.begin_drain(now);
        }
    }

    pub(crate) fn part(&mut self, now: Duration) {
        // As few as it likes: what is left over is work for the next turn.
        for _ in 0..self.dice.between(1, 4) {
            let Some(client) = self.core.relay.next_emptied() else {
                break;
            };
            assert!(
                client.socket.stream.is_at_boundary(),
                "an end in the middle of a frame"
            );
            assert!(!client.socket.is_shut, "shut down twice");
            client.socket.is_shut = true;
        }
        for _ in 0..self.dice.between(1, 4) {
            let Some(client) = self.core.relay.next_resumed() else {
                break;
            };
            let is_first = !std::mem::replace(&mut client.socket.has_resumed, true);
            assert!(is_first, "told of twice");
            assert!(client.socket.refused_in > 0, "it has never lagged");
        }
        let published = self.core.relay.log().published();
        for parted in self.core.reap(now) {
            let reason = parted.departure.reason;
            self.trace
                .say(|| format!("  {} left: {reason}", parted.socket.id));
            let time = (now, self.elapsed.saturating_sub(self.stopped));
            self.books.part(&parted, published, &self.orders, time);
        }
    }

    /// Nobody can connect any more, and everybody is to be gone in time.
    pub(crate) fn begin_drain(&mut self, now: Duration) {
        let due = &mut self.books.punctuality;
        due.drain_until = Some(now + self.orders.drain_timeout);
        due.is_paused = false;
        for listener in &mut self.listeners {
            listener.close();
        }
    }
}
