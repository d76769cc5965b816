//! Inherited: listening sockets that a service manager has opened and passed on (`sd_listen_fds(3)`).
//!
//! Layer: reactor. Owns the rule that only sockets which clients can be accepted from are taken over, and
//! that anything else is refused by the number of its descriptor. Knows nothing of what is agreed with
//! the clients.

use std::env;
use std::io::{self, ErrorKind};
use std::net;
use std::os::fd::AsFd;
use std::os::unix::net as unix;
use std::path::Path;

use listenfd::ListenFd;
use mio::net::{TcpListener, UnixListener};
use socket2::SockRef;

use super::listener::{ListenSocket, Listener};
use super::token::MAX_LISTENER_SOCKETS;
use crate::error::Error;
use crate::relay::endpoint::Endpoint;

/// The sockets that this process was started with, in the order of their descriptors.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Where clients connect.
    pub(super) listeners: Vec<Listener>,
    /// Where the admin endpoint answers: those named `admin`.
    pub(super) admin: Vec<Listener>,
}

impl Inherited {
    /// Takes over the sockets that `LISTEN_FDS` announces, if `LISTEN_PID` means this process. The
    /// variables are unset, so that it can be done once.
    ///
    /// To be called before the program opens anything: the variables may promise a descriptor that was
    /// not passed, and its number would go to the next thing that is opened.
    ///
    /// # Errors
    /// When one of them is anything but a listening stream socket, TCP or unix.
    pub fn take() -> Result<Self, Error> {
        let variable = |name| env::var(name).ok();
        let count = announced(
            variable("LISTEN_PID").as_deref(),
            variable("LISTEN_FDS").as_deref(),
        )?;
        if count == 0 {
            return Ok(Self::default());
        }
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        Self::of(&mut ListenFd::from_env(), &names)
    }

    fn of(passed: &mut ListenFd, names: &str) -> Result<Self, Error> {
        let mut inherited = Self::default();
        let mut names = names.split(':');
        for (descriptor, index) in (FIRST_DESCRIPTOR..).zip(0..passed.len()) {
            let listener =
                take_over(passed, index).map_err(|source| Error::Inherit { descriptor, source })?;
            let place = match names.next() {
                Some(ADMIN) => &mut inherited.admin,
                _ => &mut inherited.listeners,
            };
            place.push(listener);
        }
        Ok(inherited)
    }
}

/// How many descriptors are announced to this process.
///
/// `LISTEN_PID` has to name it. Without this, the child of a service would take over whatever it happens
/// to have under the same numbers.
fn announced(pid: Option<&str>, count: Option<&str>) -> Result<usize, Error> {
    let is_meant = pid.is_some_and(|pid| pid.parse() == Ok(std::process::id()));
    let Some(count) = count.filter(|_| is_meant) else {
        return Ok(0);
    };
    let known = count.parse().ok();
    known
        .filter(|&count| count <= MAX_LISTENER_SOCKETS)
        .ok_or_else(|| {
            let complaint =
                format!("LISTEN_FDS is '{count}' and not a number up to {MAX_LISTENER_SOCKETS}");
            Error::System {
                what: "take over sockets",
                source: io::Error::new(ErrorKind::InvalidInput, complaint),
            }
        })
}

/// The socket with this index. It is closed on exec from now on.
fn take_over(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    match passed.take_tcp_listener(index) {
        Ok(Some(socket)) => of_tcp(socket),
        Ok(None) => refuse("it is missing"),
        Err(no_tcp) => match passed.take_unix_listener(index) {
            Ok(Some(socket)) => of_unix(socket),
            Ok(None) => refuse("it is missing"),
            // Either complains of the kind of socket that it wants, unless it is none at all.
            Err(no_unix) if no_unix.to_string() == no_tcp.to_string() => {
                refuse("it is not open, or no socket")
            }
            Err(_) => refuse("it is not a stream socket, TCP or unix"),
        },
    }
}

fn of_tcp(socket: net::TcpListener) -> io::Result<Listener> {
    check_listening(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(Listener {
        addr: socket.local_addr()?.into(),
        socket: ListenSocket::Tcp(TcpListener::from_std(socket)),
    })
}

fn of_unix(socket: unix::UnixListener) -> io::Result<Listener> {
    check_listening(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(Listener {
        addr: name(&socket.local_addr()?),
        // The file is the manager's.
        socket: ListenSocket::Unix {
            file: None,
            socket: UnixListener::from_std(socket),
        },
    })
}

/// A connection, or a socket that does nothing yet, is of no use.
#[cfg(target_os = "linux")]
fn check_listening(socket: &impl AsFd) -> io::Result<()> {
    if SockRef::from(socket).is_listener()? {
        return Ok(());
    }
    refuse("it does not listen")
}

/// macOS has no `SO_ACCEPTCONN` that socket2 would ask for. A connection has another end, and the
/// failure of the first `accept` is the answer for the rest.
#[cfg(not(target_os = "linux"))]
fn check_listening(socket: &impl AsFd) -> io::Result<()> {
    match SockRef::from(socket).peer_addr() {
        Ok(_) => refuse("it does not listen"),
        Err(_) => Ok(()),
    }
}

/// A unix socket's address as the log names it. Not every one is a path (unix(7)).
fn name(addr: &unix::SocketAddr) -> Endpoint {
    if let Some(path) = addr.as_pathname() {
        return Endpoint::Unix(path.into());
    }
    let name = abstract_name(addr).unwrap_or_default();
    Endpoint::Unix(Path::new(&format!("@{name}")).into())
}

#[cfg(target_os = "linux")]
fn abstract_name(addr: &unix::SocketAddr) -> Option<String> {
    use std::os::linux::net::SocketAddrExt;

    let name = addr.as_abstract_name()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

#[cfg(not(target_os = "linux"))]
fn abstract_name(_addr: &unix::SocketAddr) -> Option<String> {
    None
}

fn refuse<T>(why: &'static str) -> io::Result<T> {
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

/// `SD_LISTEN_FDS_START`.
const FIRST_DESCRIPTOR: i32 = 3;

/// The name (`FileDescriptorName=`) of sockets that are not for clients.
const ADMIN: &str = "admin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_announced_to_the_process_that_is_named() {
        let own = std::process::id().to_string();
        assert_eq!(announced(Some(&own), Some("3")).unwrap(), 3);
        assert_eq!(announced(Some(&own), Some("0")).unwrap(), 0);
        assert_eq!(announced(Some(&own), None).unwrap(), 0);
        for other in [None, Some(""), Some("1"), Some("x")] {
            assert_eq!(announced(other, Some("3")).unwrap(), 0, "{other:?}");
            assert_eq!(announced(other, Some("x")).unwrap(), 0, "{other:?}");
        }
    }

    #[test]
    fn a_number_that_makes_no_sense_is_refused_before_anything_is_made_of_it() {
        let own = std::process::id().to_string();
        let most = MAX_LISTENER_SOCKETS.to_string();
        assert!(announced(Some(&own), Some(&most)).is_ok());
        for count in ["", "-1", "x", "2147483647", "99999999999999999999"] {
            let complaint = announced(Some(&own), Some(count)).unwrap_err().to_string();
            assert!(complaint.contains(&format!("'{count}'")), "{complaint}");
        }
    }

    #[test]
    fn what_listens_is_taken_over_under_its_address_and_does_not_block() {
        let tcp = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = tcp.local_addr().unwrap();
        let listener = of_tcp(tcp).unwrap();
        assert_eq!(listener.addr, addr.into());
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_unix_socket_of_no_file_is_named_as_the_manager_names_it() {
        use std::os::linux::net::SocketAddrExt;

        let name = format!("fanout-inherited-{}", std::process::id());
        let addr = unix::SocketAddr::from_abstract_name(&name).unwrap();
        let listener = of_unix(unix::UnixListener::bind_addr(&addr).unwrap()).unwrap();
        assert_eq!(listener.addr.to_string(), format!("unix:@{name}"));
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn nothing_is_missing_where_nothing_was_passed() {
        let inherited = Inherited::of(&mut ListenFd::empty(), "").unwrap();
        assert!(inherited.listeners.is_empty());
        assert!(take_over(&mut ListenFd::empty(), 0).is_err());
    }
}
