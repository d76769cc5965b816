//! What a user would pick instead of a relay of this kind, each with the settings that keep it from losing anything.
//!
//! None of them says when it listens, so the port is chosen here and watched until it is open. They have no say in how
//! they are measured: what they lose, they lose.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::children::Running;
use crate::ending::Folder;
use crate::servers::{Inlet, STR2STR, Started};
use crate::sockets;

/// A program that is not of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Ncat,
    Str2str,
    Redis,
    Nats,
}

impl Foreign {
    /// Starts it. `launch` makes a command of a program.
    pub(crate) fn start(
        self,
        upstream: &str,
        launch: impl Fn(&Path) -> Command,
    ) -> Fallible<Started> {
        let mut last = None;
        for _ in 0..MOST_STARTS {
            match self.start_once(upstream, &launch) {
                Ok(started) => return Ok(started),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "it was never started".into()))
    }

    fn start_once(self, upstream: &str, launch: impl Fn(&Path) -> Command) -> Fallible<Started> {
        let folder = Folder::new(self.name())?;
        let port = free_port()?;
        let mut command = launch(&self.program().ok_or("it is gone")?);
        command.args(self.arguments(port, upstream, folder.path())?);
        command.current_dir(folder.path());
        let mut running = Running::start(command)?;
        await_listening(&mut running, port)?;
        Ok(Started {
            running,
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _folder: Some(folder),
        })
    }

    fn arguments(self, port: u16, upstream: &str, folder: &Path) -> Fallible<Vec<String>> {
        let port = port.to_string();
        let words: Vec<&str> = match self {
            Self::Ncat => vec![
                "--listen",
                "--broker",
                "--max-conns=1000",
                "127.0.0.1",
                &port,
            ],
            Self::Str2str => {
                let [from, to] = [format!("tcpcli://{upstream}"), format!("tcpsvr://:{port}")];
                return Ok(["-in", &from, "-out", &to].map(String::from).into());
            }
            Self::Redis => vec![
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--client-output-buffer-limit",
                "pubsub",
                "0",
                "0",
                "0",
                "--maxmemory-clients",
                "4gb",
                "--maxclients",
                "10100",
                "--tcp-backlog",
                "4096",
                "--loglevel",
                "warning",
            ],
            Self::Nats => {
                let path = folder.join("nats.conf");
                let settings = NATS_SETTINGS.map(|line| format!("{line}\n")).concat();
                fs::write(&path, format!("port: {port}\n{settings}"))?;
                return Ok(vec!["--config".to_owned(), path.display().to_string()]);
            }
        };
        Ok(words.into_iter().map(String::from).collect())
    }

    /// Where the program is, if it is installed.
    pub(crate) fn program(self) -> Option<PathBuf> {
        find_program(self.tool())
    }

    /// What it is called in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ncat => "ncat",
            Self::Str2str => STR2STR,
            Self::Redis => "redis",
            Self::Nats => "nats",
        }
    }

    /// What it is called when it is started.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::Ncat => "ncat",
            Self::Str2str => "str2str",
            Self::Redis => "redis-server",
            Self::Nats => "nats-server",
        }
    }

    /// How frames get into it.
    pub(crate) fn inlet(self) -> Inlet {
        match self {
            Self::Ncat => Inlet::IsDialled { dialect: "raw" },
            Self::Str2str => Inlet::Dials,
            Self::Redis => Inlet::IsDialled { dialect: "redis" },
            Self::Nats => Inlet::IsDialled { dialect: "nats" },
        }
    }

    /// The most clients that it is measured with.
    pub(crate) fn most_clients(self) -> usize {
        match self {
            // It asks select(2), which knows 1024 descriptors, and takes 100 unless told otherwise.
            Self::Ncat => 100,
            // `MAXCLI` in its source.
            Self::Str2str => 32,
            Self::Redis | Self::Nats => 1000,
        }
    }

    pub(crate) const ALL: [Self; 4] = [Self::Ncat, Self::Str2str, Self::Redis, Self::Nats];
}

/// The file of this name on the path of programs.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let usual = std::env::split_paths(&path).chain(BESIDES.iter().map(PathBuf::from));
    usual
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// A port that nobody listens on.
fn free_port() -> Fallible<u16> {
    for _ in 0..MOST_PORTS {
        let port = fastrand::u16(PORTS.0..PORTS.1);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(format!("no free port from {} to {}", PORTS.0, PORTS.1).into())
}

/// Waits until the port is open. To try it would leave the server a client that has gone, so the kernel is asked.
fn await_listening(running: &mut Running, port: u16) -> Fallible<()> {
    let deadline = Instant::now() + LISTENING_LIMIT;
    while !sockets::door(port)?.is_open {
        if let Some(end) = running.end_by_now() {
            return Err(end.into());
        }
        if Instant::now() > deadline {
            return Err(format!("the server does not listen after {LISTENING_LIMIT:?}").into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Where Debian keeps servers; a user's path of programs may be without it.
const BESIDES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Below the ports that Linux gives to outgoing connections: none of those can take one between choice and use.
const PORTS: (u16, u16) = (20_000, 30_000);

/// Ports that are tried.
const MOST_PORTS: u32 = 100;

/// Starts that are tried: a port may be taken between choice and use all the same.
const MOST_STARTS: u32 = 2;

/// How long a server may take to open its port.
const LISTENING_LIMIT: Duration = Duration::from_secs(10);

/// A client may hold this much and may take this long: what a lagging client is cut off for otherwise.
const NATS_SETTINGS: [&str; 6] = [
    "host: 127.0.0.1",
    "max_connections: 10100",
    "max_pending: 536870912",
    "write_deadline: \"60s\"",
    "ping_interval: \"10m\"",
    "logtime: false",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_out_of_the_way_of_outgoing_connections() {
        let port = free_port().expect("one of ten thousand is free");
        assert!((PORTS.0..PORTS.1).contains(&port), "{port}");
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert_eq!(find_program("no-such-program-of-that-name"), None);
        assert!(find_program("sh").is_some());
    }
}
