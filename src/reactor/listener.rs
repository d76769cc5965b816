//! Listeners: the sockets that clients connect to.
//!
//! Layer: reactor. Owns the rule that a listener is bound wholly or not at all: on every address
//! of its name, under one port number. Knows nothing of who connects.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

use log::{info, warn};
use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry};

use super::openings::{self, Openings};
use super::resolver::resolve;
use super::socket;
use super::stream::Stream;
use super::token::{MAX_LISTENER_SOCKETS, Role};
use super::unix_socket::{self, SocketFile};
use crate::config::{Config, ListenAddress};
use crate::error::Error;
use crate::relay::endpoint::Endpoint;
use crate::relay::entrance::Gate;

/// One listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: ListenSocket,
    pub(super) addr: Endpoint,
}

/// A listening socket of either family.
#[derive(Debug)]
pub(super) enum ListenSocket {
    Tcp(TcpListener),
    Unix {
        // Dropped first. The kernel gives the file's inode to nobody else while the socket is open, so
        // whoever takes the path over has another one, and is not robbed of it.
        #[expect(
            dead_code,
            reason = "dropped, and with it the file, before the socket is"
        )]
        file: Option<SocketFile>,
        socket: UnixListener,
    },
}

impl Listener {
    /// Where it listens.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.addr.clone()
    }

    /// Accepts a connection, and says where it comes from.
    pub(super) fn accept(&self) -> io::Result<(Stream, Endpoint)> {
        match &self.socket {
            ListenSocket::Tcp(socket) => {
                let (stream, addr) = socket.accept()?;
                Ok((Stream::Tcp(stream), addr.into()))
            }
            ListenSocket::Unix { socket, .. } => {
                let (stream, _) = socket.accept()?;
                Ok((Stream::Unix(stream), self.addr.clone()))
            }
        }
    }
}

impl ListenSocket {
    /// What the poll registers.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            Self::Unix { socket, .. } => socket,
        }
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix { socket, .. } => socket.as_fd(),
        }
    }
}

/// The addresses of every listener of the configuration, in its order. Blocks while names are looked
/// up.
pub(super) fn resolve_all(config: &Config) -> Result<Vec<Vec<Endpoint>>, Error> {
    let addresses = config.listeners.iter().map(|wanted| &wanted.address);
    addresses.map(resolve_one).collect()
}

/// The addresses of one listener. Blocks likewise.
pub(super) fn resolve_one(wanted: &ListenAddress) -> Result<Vec<Endpoint>, Error> {
    let address = match wanted {
        ListenAddress::Tcp(address) => address,
        ListenAddress::Unix { path, .. } => return Ok(vec![path.endpoint()]),
    };
    let addrs = resolve(address).map_err(|source| Error::ResolveListener {
        address: address.clone(),
        source,
    })?;
    Ok(addrs.into_iter().map(Endpoint::Inet).collect())
}

/// What is agreed with the clients of each of several listening sockets.
pub(super) type Agreed = (Vec<Listener>, Vec<Gate>);

/// Binds and registers every listener, or none. Gives the sockets, and what is agreed with the
/// clients of each.
pub(super) fn open_all(
    config: &Config,
    openings: Openings,
    registry: &Registry,
) -> Result<Agreed, Error> {
    let (mut listeners, gates) = match openings {
        Openings::Addrs(addrs) => bind_all(config, &addrs)?,
        Openings::Inherited(listeners) => openings::agree_on_defaults(config, listeners),
    };
    for (place, (listener, gate)) in listeners.iter_mut().zip(&gates).enumerate() {
        registry
            .register(
                listener.socket.source(),
                Role::Listener(place).into(),
                Interest::READABLE,
            )
            .map_err(Error::system("register a listener"))?;
        info!(
            "listening addr={} slow={} replay={}",
            listener.addr, gate.policy, gate.replay
        );
    }
    warn_of_short_accept_queue();
    Ok((listeners, gates))
}

fn bind_all(config: &Config, addrs: &[Vec<Endpoint>]) -> Result<Agreed, Error> {
    let mut listeners = Vec::new();
    let mut gates = Vec::new();
    for ((index, wanted), addrs) in (0..).zip(&config.listeners).zip(addrs) {
        for listener in bind(&wanted.address, addrs)? {
            listeners.push(listener);
            gates.push(Gate {
                listener: index,
                policy: wanted.slow.unwrap_or(config.slow),
                replay: wanted.replay.unwrap_or(config.replay),
                acceptable: false,
            });
        }
    }
    for listener in listeners.drain(MAX_LISTENER_SOCKETS.min(listeners.len())..) {
        warn!(
            "listener passed over addr={} error=\"more than {MAX_LISTENER_SOCKETS} addresses\"",
            listener.addr
        );
    }
    gates.truncate(listeners.len());
    Ok((listeners, gates))
}

/// Binds all addresses of one listener.
pub(super) fn bind(wanted: &ListenAddress, addrs: &[Endpoint]) -> Result<Vec<Listener>, Error> {
    let port = match wanted {
        ListenAddress::Tcp(address) => address.port(),
        ListenAddress::Unix { mode, .. } => return bind_each(addrs, *mode),
    };
    // With port 0 the first address has its port chosen by the system, and the others need the
    // same one, which may be taken there: then all of them try again.
    for _ in 1..PORT_CHOICES {
        match bind_each(addrs, 0) {
            Err(Error::Listen { source, .. })
                if port == 0 && source.kind() == ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
    bind_each(addrs, 0)
}

/// Binds each address; `mode` is that of a unix socket's file.
fn bind_each(addrs: &[Endpoint], mode: u32) -> Result<Vec<Listener>, Error> {
    let mut bound: Vec<Listener> = Vec::new();
    let mut absent = Vec::new();
    for wanted in addrs {
        let mut addr = wanted.clone();
        if let Endpoint::Inet(addr) = &mut addr
            && let Some(first) = bound.first().and_then(|first| first.addr.inet())
        {
            addr.set_port(first.port());
        }
        match listen(&addr, mode) {
            Ok(listener) => bound.push(listener),
            Err(source) if is_address_absent(&source) => absent.push((addr, source)),
            Err(source) => return Err(Error::Listen { addr, source }),
        }
    }
    for (addr, source) in absent {
        if bound.is_empty() {
            return Err(Error::Listen { addr, source });
        }
        warn!("listener passed over addr={addr} error=\"{source}\"");
    }
    Ok(bound)
}

fn listen(addr: &Endpoint, mode: u32) -> io::Result<Listener> {
    match addr {
        Endpoint::Inet(addr) => {
            let socket = socket::listen(*addr)?;
            let addr = socket.local_addr()?.into();
            let socket = ListenSocket::Tcp(socket);
            Ok(Listener { socket, addr })
        }
        Endpoint::Unix(path) => {
            let (socket, file) = unix_socket::listen(path, mode)?;
            Ok(Listener {
                socket: ListenSocket::Unix {
                    file: Some(file),
                    socket,
                },
                addr: addr.clone(),
            })
        }
        Endpoint::Stdin => Err(ErrorKind::Unsupported.into()),
    }
}

/// This host does not have the address, or not the whole family (`EAFNOSUPPORT`, which std has no
/// kind for: 97 on Linux, 47 on the BSDs).
fn is_address_absent(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// The system cuts the accept queue to its own limit without a word (`listen(2)`).
#[cfg(target_os = "linux")]
fn warn_of_short_accept_queue() {
    use crate::relay::limits::ACCEPT_QUEUE;

    let path = "/proc/sys/net/core/somaxconn";
    let limit = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(limit) = limit.filter(|&limit| limit < ACCEPT_QUEUE) {
        warn!(
            "accept queue short limit={limit} wanted={ACCEPT_QUEUE}: \
             raise net.core.somaxconn, or connects in a burst will be dropped"
        );
    }
}

/// macOS cuts it to `kern.ipc.somaxconn`, 128 unless set, which no crate of ours reads.
#[cfg(not(target_os = "linux"))]
fn warn_of_short_accept_queue() {}

/// How often a port that is free on all addresses is looked for.
const PORT_CHOICES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_on(texts: &[&str]) -> Result<Vec<Listener>, Error> {
        let parse = |text: &&str| Endpoint::Inet(text.parse().unwrap());
        let addrs: Vec<_> = texts.iter().map(parse).collect();
        bind(&texts[0].parse().unwrap(), &addrs)
    }

    // Other systems have no 127.0.0.2 unless they are told to.
    #[cfg(target_os = "linux")]
    #[test]
    fn all_addresses_of_a_name_are_bound_under_one_port_number() {
        let bound = bind_on(&["127.0.0.1:0", "127.0.0.2:0", "127.0.0.3:0"]).unwrap();
        let port = bound[0].addr.inet().unwrap().port();
        let expected = [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3]];
        let expected = expected.map(|ip| Some(std::net::SocketAddr::from((ip, port))));
        let found: Vec<_> = bound.iter().map(|bound| bound.addr.inet()).collect();
        assert_eq!(found, expected);
        for Listener { socket, addr } in &bound {
            let ListenSocket::Tcp(socket) = socket else {
                panic!("{addr} is an address of TCP");
            };
            assert_eq!(Endpoint::from(socket.local_addr().unwrap()), *addr);
        }
    }

    // The addresses that no host should have are those of documentation (RFC 5737).
    #[test]
    fn an_address_that_this_host_does_not_have_is_passed_over_beside_one_that_it_has() {
        for texts in [
            ["198.51.100.1:0", "127.0.0.1:0"],
            ["127.0.0.1:0", "198.51.100.1:0"],
        ] {
            let bound = bind_on(&texts).unwrap();
            assert_eq!(bound.len(), 1);
            assert_eq!(bound[0].addr.ip().unwrap().to_string(), "127.0.0.1");
        }
        let outcome = bind_on(&["198.51.100.1:0", "203.0.113.1:0"]);
        let Err(Error::Listen { addr, .. }) = outcome else {
            panic!("nothing can be bound there: {outcome:?}");
        };
        assert_eq!(addr.to_string(), "198.51.100.1:0", "the first is to blame");
    }

    #[test]
    fn a_taken_port_is_an_error_at_once_if_it_was_asked_for_and_in_the_end_if_not() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let named = taken.local_addr().unwrap().to_string();
        // Whatever port the system chooses for the first is taken when the second wants it.
        for texts in [&["127.0.0.1:0", "127.0.0.1:0"][..], &[&named]] {
            let outcome = bind_on(texts);
            let Err(Error::Listen { source, .. }) = outcome else {
                panic!("{texts:?}: {outcome:?}");
            };
            assert_eq!(source.kind(), ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn an_address_counts_as_absent_only_if_the_host_or_its_family_is() {
        let family = if cfg!(target_os = "linux") { 97 } else { 47 };
        assert!(is_address_absent(&io::Error::from_raw_os_error(family)));
        assert!(is_address_absent(&ErrorKind::AddrNotAvailable.into()));
        for kind in [ErrorKind::AddrInUse, ErrorKind::PermissionDenied] {
            assert!(!is_address_absent(&kind.into()), "{kind}");
        }
    }
}
