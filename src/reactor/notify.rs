//! Notify: the service manager's socket (`sd_notify(3)`, `sd_watchdog_enabled(3)`).
//!
//! Layer: reactor. Owns the promise that a manager which does not read cannot stop the loop: the
//! socket does not block, and what it refuses is said later. The crates for this send with a blocking
//! socket. What to say and when is decided by [`crate::relay::service_status`]; who has set the
//! variables, and what is done with the words, this does not know.

use std::env;
use std::io::{self, ErrorKind};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::{debug, warn};

use super::socket::SocketCore;
use crate::relay::service_status::{ServiceStatus, Sight};

/// Tells the service manager how things are, if there is one that wants to know.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    channel: Option<Channel>,
}

#[derive(Debug)]
struct Channel {
    socket: UnixDatagram,
    manager: SocketAddr,
    status: ServiceStatus,
    /// The log has been told that nothing gets through, and nothing has since.
    is_lost: bool,
}

impl Notifier {
    /// For a program that may be a service: looks for a manager in the environment.
    pub(super) fn of_environment(core: &SocketCore, now: Duration) -> Self {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let watchdog = watchdog(
            env::var("WATCHDOG_USEC").ok().as_deref(),
            env::var("WATCHDOG_PID").ok().as_deref(),
        );
        let status = ServiceStatus::new(sight(core), watchdog, now);
        let opened =
            address(name.as_encoded_bytes()).and_then(|manager| Channel::open(manager, status));
        let channel = opened
            .inspect_err(|error| warn!("service manager not told error=\"{error}\""))
            .ok();
        Self { channel }
    }

    /// When there is something to be said.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.channel.as_ref()?.status.deadline()
    }

    /// Says what is due: two texts if the service stops in the turn in which it is ready, for there may be
    /// no other turn.
    pub(super) fn tell(&mut self, core: &SocketCore, now: Duration) {
        let Some(channel) = &mut self.channel else {
            return;
        };
        channel.status.note(sight(core));
        while let Some(text) = channel.status.text(now) {
            channel.send(&text, now);
        }
    }
}

impl Channel {
    fn open(manager: SocketAddr, status: ServiceStatus) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            manager,
            status,
            is_lost: false,
        })
    }

    fn send(&mut self, text: &str, now: Duration) {
        // By address and not connected: a manager that was started anew is found again.
        match self.socket.send_to_addr(text.as_bytes(), &self.manager) {
            Ok(_) => {
                self.status.said(now);
                self.is_lost = false;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.status.refused(now);
                debug!("service manager does not read");
            }
            Err(error) => {
                self.status.failed(now);
                if !std::mem::replace(&mut self.is_lost, true) {
                    warn!("service manager not told error=\"{error}\"");
                }
            }
        }
    }
}

fn sight(core: &SocketCore) -> Sight {
    Sight::new(
        core.upstream.standing(),
        core.relay.clients().len(),
        !core.phase.is_serving(),
    )
}

/// The socket's address: a path, or a name behind `@` that is in no file system.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    match name {
        [b'/', ..] => SocketAddr::from_pathname(OsStr::from_bytes(name)),
        [b'@', abstract_name @ ..] => abstract_address(abstract_name),
        _ => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "NOTIFY_SOCKET is neither an absolute path nor begins with @",
        )),
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;

    SocketAddr::from_abstract_name(name)
}

/// Only Linux has such names (unix(7)).
#[cfg(not(target_os = "linux"))]
fn abstract_address(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(ErrorKind::Unsupported.into())
}

/// The time without a sign of life after which this process is taken for dead; none if it is not,
/// or another process is meant.
fn watchdog(microseconds: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
    let limit = microseconds?.parse().ok().map(Duration::from_micros)?;
    Some(limit).filter(|limit| is_meant && !limit.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_ours_if_no_process_is_named_or_this_one() {
        let own = std::process::id().to_string();
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(Some("1000000"), None), second);
        assert_eq!(watchdog(Some("1000000"), Some(&own)), second);
        for pid in ["1", "", "-1", "x"] {
            assert_eq!(watchdog(Some("1000000"), Some(pid)), None, "{pid}");
        }
        for time in ["0", "", "-1", "1s", "99999999999999999999999"] {
            assert_eq!(watchdog(Some(time), None), None, "{time}");
        }
        assert_eq!(watchdog(None, Some(&own)), None);
    }

    #[test]
    fn a_manager_is_named_by_an_absolute_path_or_an_abstract_name() {
        let found = address(b"/run/notify").unwrap();
        assert_eq!(found.as_pathname().unwrap().to_str(), Some("/run/notify"));
        assert!(address(b"run/notify").is_err());
        assert!(address(b"vsock:2:1234").is_err());
        assert!(address("/long".repeat(50).as_bytes()).is_err());
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt;
            let found = address(b"@name").unwrap();
            assert_eq!(found.as_abstract_name(), Some(&b"name"[..]));
        }
    }
}
