//! What clients, server A, the network and the machine do while nobody looks.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use fanout::relay::client::ClientId;
use fanout::relay::endpoint::Endpoint;

use crate::client::{Fault, SimSocket};
use crate::content::StreamCheck;
use crate::gates::UNIX;
use crate::upstream::Link;
use crate::weather::{Kind, MS};
use crate::world::World;

/// What a kernel may say of a connection.
const FAILURES: [ErrorKind; 5] = [
    ErrorKind::ConnectionReset,
    ErrorKind::TimedOut,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::BrokenPipe,
];

/// What `accept` may say of one connection: `ECONNABORTED`, `EPROTO`, `EPERM`, `EINTR`, `ENETDOWN`, `ETIMEDOUT`, and on
/// macOS nothing at all.
const ACCEPT_FAILURES: [i32; 7] = [103, 71, 1, 4, 100, 110, 0];

/// Connections that are there at once, at the most.
pub(crate) const MOST_CONNECTIONS: usize = 10;

impl World {
    /// One thing happens.
    pub(crate) fn act(&mut self) {
        self.step();
        match self.dice.below(16) {
            0..=7 => self.act_as_client(),
            8..=11 => self.act_as_upstream(),
            12 => self.connect(),
            13 => self.act_as_machine(),
            14 => self.answer_question(),
            _ => self.elapsed += MS(self.dice.pick(&[0, 0, 1, 5])),
        }
    }

    fn act_as_client(&mut self) {
        let seat = ClientId::new(self.dice.below(MOST_CONNECTIONS));
        let Some(client) = self.core.relay.client_mut(seat) else {
            return;
        };
        let (socket, dice, weather) = (&mut client.socket, &mut self.dice, &mut self.weather);
        let size = self.orders.frame_size;
        if weather.strikes(Kind::Hiccup, dice) {
            let fault = dice.pick(&[
                Fault::WouldBlock,
                Fault::Interrupted,
                Fault::Short(1),
                Fault::Short(5),
            ]);
            self.trace
                .say(|| format!("{} next call: {fault:?}", socket.id));
            if dice.below(2) == 0 {
                socket.write_fault = Some(fault);
            } else {
                socket.read_fault = Some(fault);
            }
        } else if weather.strikes(Kind::NoBuffers, dice) {
            socket.write_fault = Some(Fault::NoBuffers);
        } else if weather.strikes(Kind::Failure, dice) {
            let kind = dice.pick(&FAILURES);
            self.trace.say(|| format!("{} fails: {kind}", socket.id));
            match dice.below(3) {
                0 => socket.break_off(kind),
                1 => socket.write_fault = Some(Fault::Fails(kind)),
                _ => socket.read_fault = Some(Fault::Fails(kind)),
            }
        } else if weather.strikes(Kind::Departure, dice) {
            self.trace.say(|| format!("{} goes", socket.id));
            match dice.below(3) {
                0 => socket.break_off(ErrorKind::ConnectionReset),
                1 => socket.close_as_client(),
                _ => socket.end_input(),
            }
        } else if weather.strikes(Kind::Talk, dice) {
            // One that is heard byte by byte takes too many turns.
            let is_flood = self.orders.budgets.hear_bytes >= 512 && dice.below(64) == 0;
            socket.say(if is_flood { 1_100_000 } else { dice.below(40) });
        } else if weather.strikes(Kind::Cut, dice) {
            socket.is_cut = !socket.is_cut;
            socket.deliver();
        } else {
            let bytes = dice.pick(&[1, size, 4 * size, 1000]);
            self.trace.say(|| format!("{} reads {bytes}", socket.id));
            socket.read_as_client(bytes);
        }
    }

    fn act_as_upstream(&mut self) {
        let (dice, weather) = (&mut self.dice, &mut self.weather);
        let Some(socket) = self.core.upstream.socket() else {
            return;
        };
        let is_lost = weather.strikes(Kind::UpstreamLoss, dice);
        if socket.link == Link::Connecting {
            // Connections are made seldom, so this goes wrong more often.
            let is_lost = weather.has(Kind::UpstreamLoss) && dice.below(3) == 0;
            let link = match (is_lost, dice.below(4)) {
                (false, _) => Link::Made,
                (true, 0) => Link::ToItself,
                (true, 1) => Link::Unanswered,
                (true, _) => {
                    Link::Refused(dice.pick(&[ErrorKind::ConnectionRefused, ErrorKind::TimedOut]))
                }
            };
            self.trace.say(|| format!("upstream {link:?}"));
            return socket.settle(link);
        }
        if socket.link != Link::Made {
            return;
        }
        if is_lost {
            self.trace.say(|| "upstream goes".to_owned());
            match dice.below(2) {
                0 => socket.finish(),
                _ => socket.break_off(ErrorKind::ConnectionReset),
            }
        } else if weather.strikes(Kind::Hiccup, dice) {
            socket.most_per_read = dice.pick(&[None, Some(1), Some(7)]);
            socket.interrupts = dice.below(10);
        } else if weather.strikes(Kind::StrangeEvent, dice) {
            socket.startle();
        } else {
            let size = self.orders.frame_size;
            let bytes = dice.pick(&[1, size, size, 3 * size, 20 * size]);
            self.trace.say(|| format!("upstream sends {bytes}"));
            socket.send(bytes);
        }
    }

    fn connect(&mut self) {
        let waiting: usize = self
            .listeners
            .iter()
            .map(crate::gates::SimListener::waiting)
            .sum();
        if !self.core.phase.is_serving()
            || self.core.relay.clients().len() + waiting >= MOST_CONNECTIONS
        {
            return;
        }
        self.connections += 1;
        let place = self.dice.below(self.listeners.len());
        let host = self.dice.below(6) as u128;
        let ip = match self.dice.below(3) {
            0 => IpAddr::V6(Ipv6Addr::from(0xfd00_u128 << 112 | host << 63)),
            1 => IpAddr::V6(Ipv6Addr::from(0xffff_0a00_0000 | host)),
            _ => IpAddr::from([10, 0, 0, u8::try_from(host).unwrap_or(0)]),
        };
        let size = self.orders.frame_size;
        let sizes = (
            self.dice.between(1, 6 * size),
            self.dice.between(1, 12 * size),
        );
        let stream = StreamCheck::new(size, 0, 0, false);
        let socket = SimSocket::new(
            self.connections,
            stream,
            sizes.0,
            sizes.1,
            self.books.turn(),
        );
        let addr = match place {
            UNIX => Endpoint::Unix(Path::new("/run/simulated.sock").into()),
            _ => SocketAddr::new(ip, 5000).into(),
        };
        self.trace
            .say(|| format!("{} connects to {place} from {addr}", socket.id));
        self.listeners[place].arrive(socket, addr);
    }

    fn act_as_machine(&mut self) {
        if self.strikes(Kind::AcceptFailure) {
            let place = self.dice.below(self.listeners.len());
            if self.dice.below(3) == 0 {
                self.is_exhausted = true;
            } else {
                let number = self.dice.pick(&ACCEPT_FAILURES);
                for _ in 0..self.dice.pick(&[1, 2, 20]) {
                    self.listeners[place].failures.push_back(number);
                }
            }
            self.trace
                .say(|| format!("accept fails, no descriptors: {}", self.is_exhausted));
        } else if self.dice.below(3) == 0 {
            self.is_exhausted = false;
        } else if self.strikes(Kind::StrangeEvent) {
            let place = self.dice.below(self.listeners.len());
            self.listeners[place].startle();
        }
    }

    pub(crate) fn answer_question(&mut self) {
        let Some(target) = self.core.upstream.awaited() else {
            return;
        };
        if self.question.take_if(|asked| *asked == target).is_none() {
            return;
        }
        let is_lost = self.weather.has(Kind::UpstreamLoss) && self.dice.below(3) == 0;
        let answer = if is_lost {
            match self.dice.below(3) {
                0 => return,
                1 => Ok(Vec::new()),
                _ => Err(std::io::Error::other("no such name")),
            }
        } else {
            let addr = crate::world::target_addr(target);
            Ok([addr; 3][..self.dice.between(1, 3)].to_vec())
        };
        self.trace.say(|| format!("{target} is {answer:?}"));
        self.core.upstream.resolved(answer);
    }
}
