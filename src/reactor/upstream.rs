//! The upstream's socket: dialled, registered and closed as [`crate::relay::upstream`] says.
//!
//! Layer: reactor. Owns the resolver's answers and the news for the log. When to do what, it is
//! told.

use std::io;
use std::time::Duration;

use mio::{Interest, Registry};

use super::inlet::Inlet;
use super::report::Report;
use super::resolver::Resolver;
use super::socket::{self, SocketCore};
use super::token::Role;
use crate::config::UpstreamAddress;
use crate::relay::endpoint::Endpoint;
use crate::relay::upstream::{News, Step};

/// What it takes to dial: the list of upstreams, and who looks up their names.
pub(super) struct Dialler {
    targets: Vec<UpstreamAddress>,
    resolver: Resolver,
}

impl Dialler {
    pub(super) fn new(targets: Vec<UpstreamAddress>, resolver: Resolver) -> Self {
        Self { targets, resolver }
    }

    /// The list of upstreams.
    pub(super) fn targets(&self) -> &[UpstreamAddress] {
        &self.targets
    }

    /// Does what the upstream wants done, until it wants nothing more in this turn.
    pub(super) fn advance(
        &mut self,
        core: &mut SocketCore,
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
                    // Only names of hosts are ever looked up.
                    if let UpstreamAddress::Tcp(address) = &self.targets[target]
                        && let Err(error) = self.resolver.ask(target, address)
                    {
                        upstream.resolved(Err(error));
                    }
                }
                Step::Connect(addr) => upstream.dialled(connect(&addr, registry)),
                Step::Listen => {
                    if let Some(socket) = upstream.socket() {
                        let (token, interest) = (Role::Upstream.into(), Interest::READABLE);
                        let outcome = registry.register(socket.source(), token, interest);
                        upstream.listened(outcome, now);
                    }
                }
                Step::Ignore => {
                    // If that fails, it is heard as before.
                    if let Some(socket) = upstream.socket()
                        && registry.deregister(socket.source()).is_ok()
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
fn connect(addr: &Endpoint, registry: &Registry) -> io::Result<Inlet> {
    let mut inlet = Inlet::open(addr)?;
    let interest = inlet.interest();
    registry.register(inlet.source(), Role::Upstream.into(), interest)?;
    Ok(inlet)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use mio::net::TcpStream;

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
        let inlet = Inlet::Tcp(TcpStream::from_std(socket.into()));
        let mut attempt = Attempt::new(inlet, dialled.into(), Duration::MAX);
        attempt.note();
        match attempt.decide(Duration::ZERO) {
            Verdict::Failed(_, _, reason) => assert!(reason.contains("itself"), "{reason}"),
            Verdict::Pending(_) | Verdict::Connected(..) => panic!("it was taken for an upstream"),
        }
        drop(std::net::TcpListener::bind(addr.as_socket().unwrap()).expect("the port is free"));
    }
}
