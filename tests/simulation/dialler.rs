//! The upstream's socket in a turn: dialled, registered and closed as the core says.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fanout::relay::upstream::Step;

use crate::upstream::SimUpstream;
use crate::weather::Kind;
use crate::world::World;

impl World {
    pub(crate) fn advance_upstream(&mut self, now: Duration) {
        let is_listened_to = self
            .core
            .upstream
            .socket()
            .is_none_or(|socket| socket.is_registered);
        if self.is_held(now) || !is_listened_to {
            self.books.dialling.maybe_pass_over(now);
            if is_listened_to {
                self.books.dialling.pass_over((now, self.fair_time()));
            }
        }
        loop {
            self.step();
            match self.core.upstream.advance(&mut self.core.relay, now) {
                Step::Rest => break,
                Step::Resolve(target) => {
                    self.question = Some(target);
                    if self.strikes(Kind::UpstreamLoss) {
                        let error = io::Error::other("no resolver");
                        self.core.upstream.resolved(Err(error));
                    }
                }
                Step::Connect(addr) => {
                    let socket = self.dial(addr.inet().expect("only TCP is simulated"));
                    self.core.upstream.dialled(socket);
                }
                Step::Listen => self.listen(now),
                Step::Ignore => {
                    // If the kernel does not let go of it, it is heard as before.
                    if !self.strikes(Kind::RegistrationFailure)
                        && let Some(socket) = self.core.upstream.socket()
                    {
                        socket.is_registered = false;
                        self.core.upstream.ignored();
                    }
                    break;
                }
            }
        }
        self.look_at_upstream(now);
        while let Some(news) = self.core.upstream.next_news() {
            self.trace.say(|| format!("  {news:?}"));
            let time = (now, self.fair_time());
            self.books.dialling.hear(&news, &self.orders, time);
        }
        self.look_at_upstream(now);
    }

    fn listen(&mut self, now: Duration) {
        let time = self.fair_time();
        let is_out_of_memory = self.strikes(Kind::RegistrationFailure);
        let Some(socket) = self.core.upstream.socket() else {
            return;
        };
        if is_out_of_memory {
            let error = io::ErrorKind::OutOfMemory.into();
            return self.core.upstream.listened(Err(error), now);
        }
        socket.register();
        self.books.dialling.hear_again((now, time));
        self.core.upstream.listened(Ok(()), now);
    }

    fn look_at_upstream(&mut self, now: Duration) {
        let time = (now, self.fair_time());
        let is_held = self.is_held(now);
        let Some(socket) = self.core.upstream.socket() else {
            return;
        };
        let frame_size = self.orders.frame_size as u64;
        self.books.dialling.look(socket.read, frame_size, time);
        if is_held || !socket.is_registered {
            self.books.dialling.maybe_pass_over(now);
        }
    }

    /// There is something to read, and no room for it.
    fn is_held(&mut self, now: Duration) -> bool {
        self.core.upstream.has_unread(&self.core.relay, now) && !self.core.relay.has_room()
    }

    fn dial(&mut self, addr: SocketAddr) -> io::Result<SimUpstream> {
        if self.strikes(Kind::UpstreamLoss) {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        let frame = self.core.relay.stats().frames;
        let receive_size = self.dice.between(1, 40 * self.orders.frame_size);
        let sizes = (self.orders.frame_size, receive_size);
        let is_mac = self.orders.drops_on_exhaustion;
        Ok(SimUpstream::dial(
            addr,
            frame,
            sizes,
            is_mac,
            &self.open_upstreams,
        ))
    }
}
