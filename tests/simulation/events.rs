//! Events: what a poll reports, and in which order.

use std::collections::VecDeque;

use fanout::relay::client::ClientId;

use crate::weather::Kind;
use crate::world::World;

/// One event, and for whom it was meant when it was taken from the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Client {
        seat: ClientId,
        socket: u64,
        readable: bool,
        writable: bool,
    },
    Upstream {
        readable: bool,
    },
    Listener(usize),
}

impl World {
    /// Something would end the server's sleep.
    pub(crate) fn has_event(&mut self) -> bool {
        let upstream = self.core.upstream.socket();
        upstream.is_some_and(|socket| socket.has_event())
            || self
                .listeners
                .iter()
                .any(crate::gates::SimListener::has_event)
            || self
                .core
                .relay
                .clients()
                .iter()
                .any(|(_, client)| client.socket.has_event())
    }

    /// Takes the events of one poll from the kernel. In strange weather some stay behind for the next one.
    pub(crate) fn poll(&mut self) {
        let mut events = Vec::new();
        if self
            .core
            .upstream
            .socket()
            .is_some_and(|socket| socket.has_event())
            && !self.strikes(Kind::StrangeEvent)
            && let Some(socket) = self.core.upstream.socket()
        {
            let readable = socket.take_event();
            events.push(Event::Upstream { readable });
        }
        for place in 0..self.listeners.len() {
            if self.listeners[place].has_event() && !self.strikes(Kind::StrangeEvent) {
                self.listeners[place].take_event();
                events.push(Event::Listener(place));
            }
        }
        self.poll_clients(&mut events);
        if self.strikes(Kind::StrangeEvent) {
            self.invent_event(&mut events);
        }
        if self.weather.has(Kind::StrangeEvent) {
            self.dice.shuffle(&mut events);
        }
        self.events = VecDeque::from(events);
    }

    fn poll_clients(&mut self, events: &mut Vec<Event>) {
        let ready = self.core.relay.clients().iter();
        let ready = ready.filter(|(_, client)| client.socket.has_event());
        let seats: Vec<ClientId> = ready.map(|(seat, _)| seat).collect();
        for seat in seats {
            if self.strikes(Kind::StrangeEvent) {
                continue;
            }
            let Some(client) = self.core.relay.client_mut(seat) else {
                continue;
            };
            let socket = client.socket.id;
            let (readable, writable) = client.socket.take_event();
            let event = |readable, writable| Event::Client {
                seat,
                socket,
                readable,
                writable,
            };
            if self.orders.splits_events && readable && writable {
                events.push(event(true, false));
                events.push(event(false, true));
            } else {
                events.push(event(readable, writable));
            }
        }
    }

    /// An event that means nothing: for somebody at random, or for nobody.
    fn invent_event(&mut self, events: &mut Vec<Event>) {
        let seat = ClientId::new(self.dice.below(12));
        let (readable, writable) = (self.dice.below(2) == 0, self.dice.below(2) == 0);
        let socket = self
            .core
            .relay
            .client_mut(seat)
            .map_or(0, |client| client.socket.id);
        events.push(match self.dice.below(4) {
            0 => Event::Upstream { readable },
            1 => Event::Listener(self.dice.below(4)),
            _ => Event::Client {
                seat,
                socket,
                readable,
                writable,
            },
        });
    }
}
