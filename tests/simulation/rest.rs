//! The end of a run: faults are over, and everything that can be sent must have been sent.

use std::time::Duration;

use fanout::relay::client::ClientId;
use fanout::relay::departure::{Ending, Reason};

use crate::upstream::Link;
use crate::world::World;

/// Turns that coming to rest may take, more than any run here needs.
const MOST_TURNS: u64 = 60_000;

/// Time that everything which is due may take: longer than any deadline.
const LONG: Duration = Duration::from_secs(30);

impl World {
    /// Ends all faults and lets everything flow; then, as the dice say, sends more, and lets everybody go.
    pub(crate) fn come_to_rest(&mut self) {
        self.trace.say(|| "faults are over".to_owned());
        self.weather.clear_up();
        self.is_exhausted = false;
        for listener in &mut self.listeners {
            listener.failures.clear();
        }
        match self.dice.below(16) {
            0 => return self.stop(),
            1..=4 if self.core.phase.is_serving() => return self.drain(),
            _ => {}
        }
        self.flow();
        if self.core.phase.is_serving() {
            self.expect_a_flow();
            self.drain();
        }
        assert!(
            self.core.relay.clients().is_empty(),
            "somebody is left behind"
        );
        assert_eq!(
            self.open_upstreams.get(),
            0,
            "the upstream's place is not free"
        );
    }

    /// The fixpoint: nobody owes anybody anything.
    fn flow(&mut self) {
        let end = self.elapsed + LONG;
        for _ in 0..MOST_TURNS {
            self.help_along();
            self.turn_without_acts(end);
            let is_quiet = !self.has_event()
                && self.core.patience(None, self.keeper.now()) != Some(Duration::ZERO);
            if self.is_over() || (is_quiet && self.elapsed >= end) {
                break;
            }
        }
        assert!(self.elapsed >= end || self.is_over(), "no rest");
        if self.is_over() {
            return;
        }
        assert!(!self.core.relay.has_work(), "work is left over");
        assert!(
            !self.books.punctuality.is_paused,
            "accepting is paused for ever"
        );
        for listener in &self.listeners {
            assert_eq!(
                listener.waiting(),
                0,
                "somebody waits at a listener for ever"
            );
        }
        let log = self.core.relay.log();
        assert_eq!(
            log.published(),
            log.complete(),
            "frames are held back for ever"
        );
        for (_, client) in self.core.relay.clients().iter() {
            let is_served = client.backlog().is_empty(log);
            assert!(
                is_served,
                "{} is owed bytes that could be sent",
                client.socket.id
            );
            assert!(
                client.socket.input == 0,
                "{} is not heard",
                client.socket.id
            );
        }
        let socket = self
            .core
            .upstream
            .socket()
            .filter(|socket| socket.link == Link::Made);
        assert!(
            socket.is_none_or(|socket| socket.is_read_out()),
            "the upstream is left unread"
        );
    }

    /// Clients read, the network delivers, names are found, connections are made.
    fn help_along(&mut self) {
        let seats: Vec<ClientId> = self
            .core
            .relay
            .clients()
            .iter()
            .map(|(seat, _)| seat)
            .collect();
        for seat in seats {
            if let Some(client) = self.core.relay.client_mut(seat) {
                let socket = &mut client.socket;
                socket.is_cut = false;
                socket.write_fault = None;
                socket.read_fault = None;
                socket.deliver();
                socket.read_as_client(usize::MAX);
                if socket.is_shut && !socket.is_input_ended {
                    socket.end_input();
                }
            }
        }
        if let Some(socket) = self.core.upstream.socket() {
            socket.settle(Link::Made);
            socket.most_per_read = None;
            socket.interrupts = 0;
        }
        self.answer_question();
    }

    fn is_connected(&mut self) -> bool {
        self.core
            .upstream
            .socket()
            .is_some_and(|socket| socket.link == Link::Made)
    }

    /// What server A sends now reaches everybody.
    fn expect_a_flow(&mut self) {
        let size = self.orders.frame_size;
        let end = self.elapsed + LONG;
        while self.elapsed < end && !self.is_over() && !self.is_connected() {
            self.help_along();
            self.turn_without_acts(end);
        }
        assert!(
            self.is_connected() || self.is_over(),
            "the upstream is not dialled"
        );
        let before = self.core.relay.stats().frames;
        if let Some(socket) = self.core.upstream.socket() {
            // Finishes the frame under way, and one more.
            let begun = usize::try_from(socket.read).unwrap_or(0) % size;
            for _ in 0..2 * size - begun {
                let Some(socket) = self.core.upstream.socket() else {
                    break;
                };
                socket.send(1);
                self.turn_without_acts(self.elapsed);
            }
        }
        self.flow();
        let is_over = self.is_over() || !self.core.phase.is_serving();
        assert!(
            is_over || self.core.relay.stats().frames > before,
            "frames do not flow any more"
        );
    }

    /// The end, now: whoever is owed something is reset.
    fn stop(&mut self) {
        self.trace.say(|| "stop".to_owned());
        let seated = self.core.relay.clients().len();
        let parted = self.core.stop();
        assert_eq!(parted.len(), seated, "somebody is left behind");
        for parted in parted {
            let is_reset = parted.departure.ending == Ending::Reset;
            let (socket, tally) = (&parted.socket, &parted.tally);
            let published = self.core.relay.log().published();
            let appended = self.books.appended(socket, tally.unreplayed, published);
            let has_everything = appended == tally.frames + tally.skipped;
            let may_end = is_reset || has_everything || socket.is_excused;
            assert!(may_end, "{} sees a clean end", socket.id);
        }
        assert_eq!(
            self.open_upstreams.get(),
            0,
            "the upstream's place is not free"
        );
    }

    /// Everybody is let go: whoever reads receives everything, and whoever does not is reset in time.
    fn drain(&mut self) {
        self.trace.say(|| "drain".to_owned());
        let is_patient = self.dice.below(3) > 0;
        let now = self.keeper.read(self.elapsed, false);
        if is_patient {
            self.help_along();
        }
        self.core.drain(Reason::Drain, now);
        self.begin_drain(now);
        self.part(now);
        self.audit_turn(now);
        assert_eq!(
            self.open_upstreams.get(),
            0,
            "the upstream's place is not free"
        );
        let end = self.elapsed + self.orders.drain_timeout + LONG;
        for _ in 0..MOST_TURNS {
            if self.is_over() || self.elapsed >= end {
                break;
            }
            if is_patient {
                self.help_along();
            }
            self.turn_without_acts(end);
        }
        let outcome = self.core.outcome().expect("a drain has an end");
        let is_late = self.elapsed + LONG >= end;
        let is_complete = self.books.cut_short == 0;
        assert!(
            !is_patient || is_late || is_complete,
            "{outcome:?}, though everybody reads"
        );
        self.audit();
        assert!(
            self.core.relay.clients().is_empty(),
            "somebody is left behind"
        );
    }
}
