//! The upstream's socket: dialled, registered and closed as [`crate::relay::upstream`] says.
//!
//! Layer: reactor. Owns the resolver's answers and the news for the log. When to do what, it is
//! told.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::report::Report;
use super::resolver::Resolver;
use super::socket::{self, TcpCore};
use super::token::Role;
use crate::config::HostPort;
use crate::relay::upstream::{Dialled, News, Step};

/// What it takes to dial: the list of upstreams, and who looks up their names.
pub(super) struct Dialler {
    targets: Vec<HostPort>,
    resolver: Resolver,
}

impl Dialler {
    pub(super) fn new(targets: Vec<HostPort>, resolver: Resolver) -> Self {
        Self { targets, resolver }
    }

    /// The list of upstreams.
    pub(super) fn targets(&self) -> &[HostPort] {
        &self.targets
    }

    /// Does what the upstream wants done, until it wants nothing more in this turn.
    pub(super) fn advance(
        &mut self,
        core: &mut TcpCore,
        registry: &Registry,
        report: &Report,
        now: Duration,
    ) {
        let upstream = &mut core.upstream;
        if let Some(target) = upstream.awaited()
            && let Some(answer) = self.resolver.take(target)
        {
            upstream.resolved(answer);
        }
        loop {
            match upstream.advance(&mut core.relay, now) {
                Step::Rest => break,
                Step::Resolve(target) => {
                    if let Err(error) = self.resolver.ask(target, &self.targets[target]) {
                        upstream.resolved(Err(error));
                    }
                }
                Step::Connect(addr) => upstream.dialled(connect(addr, registry)),
                Step::Listen => {
                    if let Some(socket) = upstream.socket() {
                        let (token, interest) = (Role::Upstream.into(), Interest::READABLE);
                        let outcome = registry.register(socket, token, interest);
                        upstream.listened(outcome, now);
                    }
                }
                Step::Ignore => {
                    // If that fails, it is heard as before.
                    if let Some(socket) = upstream.socket()
                        && registry.deregister(socket).is_ok()
                    {
                        upstream.ignored();
                    }
                    break;
                }
            }
        }
        while let Some(news) = upstream.next_news() {
            if let News::Connected(_) = news
                && let Some(socket) = upstream.socket()
            {
                socket::prepare_upstream(socket);
            }
            report.tell_upstream(&news, &self.targets);
        }
    }
}

/// Begins to connect to `addr`, and registers the socket. What becomes of that afterwards is the
/// stream's affair, which is not listened to while frames are held back.
fn connect(addr: SocketAddr, registry: &Registry) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(addr)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut socket, Role::Upstream.into(), interest)?;
    Ok(socket)
}

impl Dialled for TcpStream {
    fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        Self::peek(self, into)
    }

    fn remote_addr(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }

    fn reset_on_close(&self) {
        socket::reset_on_close(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::upstream::{Attempt, Verdict};

    #[test]
    fn a_connection_to_itself_is_no_connection() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        let addr = socket.local_addr().unwrap();
        socket.connect(&addr).expect("it meets itself");
        socket.set_nonblocking(true).unwrap();
        // Dialled as the wildcard, which names the same port.
        let dialled = SocketAddr::new([0, 0, 0, 0].into(), addr.as_socket().unwrap().port());
        let socket = TcpStream::from_std(socket.into());
        let mut attempt = Attempt::new(socket, dialled, Duration::MAX);
        attempt.note();
        match attempt.decide(Duration::ZERO) {
            Verdict::Failed(_, reason) => assert!(reason.contains("itself"), "{reason}"),
            Verdict::Pending(_) | Verdict::Connected(..) => panic!("it was taken for an upstream"),
        }
        drop(std::net::TcpListener::bind(addr.as_socket().unwrap()).expect("the port is free"));
    }
}
