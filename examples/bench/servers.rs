//! Every server that can be measured: how it is started, and how many clients it may be given.
//!
//! Owns the names under which servers appear in reports. It does not know the scenarios, only the terms that they set.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Fallible;
use crate::catalogue::VARIANTS;
use crate::children::Running;
use crate::ending::Folder;
use crate::foreign::Foreign;

/// A program that can stand between source and sink.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The most clients that it is measured with.
    pub(crate) most_clients: usize,
}

/// What it is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Fanout {
        program: PathBuf,
        options: Vec<String>,
    },
    Floor {
        program: PathBuf,
    },
    Variant {
        words: Vec<String>,
    },
    Foreign(Foreign),
}

/// How a scenario wants the servers to be run.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The relay's options.
    pub(crate) relay: Vec<String>,
    /// Bytes that the floor asks for with one read.
    pub(crate) block: usize,
    pub(crate) patience: Patience,
}

/// What a variant does with a client that lags too far. The relay is told with its own options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It stops reading its upstream.
    Waits,
    /// It throws the client out.
    ThrowsOut,
}

/// How frames get into a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inlet {
    /// It connects to the source.
    Dials,
    /// The source connects to it and speaks this dialect, and so do the clients.
    IsDialled { dialect: &'static str },
}

/// A server that listens. It ends with this.
pub(crate) struct Started {
    pub(crate) running: Running,
    pub(crate) addr: SocketAddr,
    pub(crate) _folder: Option<Folder>,
}

impl Server {
    /// Starts it between this upstream and so many clients. `launch` makes a command of a program.
    pub(crate) fn start(
        &self,
        terms: &Terms,
        upstream: &str,
        clients: usize,
        launch: impl Fn(&Path) -> Command,
    ) -> Fallible<Started> {
        let command = match &self.kind {
            Kind::Foreign(foreign) => return foreign.start(upstream, launch),
            Kind::Fanout { program, options } => {
                let mut command = launch(program);
                // Once the source is gone there is nothing left to wait for.
                command.args(["--listen=127.0.0.1:0", "--log-level=info", "--no-reconnect"]);
                command.args(&terms.relay).args(options).arg(upstream);
                command
            }
            Kind::Floor { program } => {
                let mut command = launch(program);
                command.args([upstream, "0"]);
                command.arg(format!("--clients={clients}"));
                command.arg(format!("--block={}", terms.block));
                command
            }
            Kind::Variant { words } => {
                let (program, options) = words.split_first().ok_or("no program")?;
                let mut command = launch(Path::new(program));
                command.args(options).args([upstream, "0"]);
                if terms.patience == Patience::Waits {
                    command.arg("--wait");
                }
                command
            }
        };
        let running = Running::start(command)?;
        let line = running.hear("listening addr=", LISTENING_LIMIT)?;
        let addr = line.split_once("addr=").ok_or("no address")?.1;
        let addr = addr
            .split_ascii_whitespace()
            .next()
            .unwrap_or_default()
            .parse()?;
        Ok(Started {
            running,
            addr,
            _folder: None,
        })
    }

    /// How frames get into it.
    pub(crate) fn inlet(&self) -> Inlet {
        match self.kind {
            Kind::Foreign(foreign) => foreign.inlet(),
            _ => Inlet::Dials,
        }
    }

    /// Whether it passes clients over that do not take everything at once, so that frames are lost flat out.
    pub(crate) fn is_lossy(&self) -> bool {
        matches!(self.kind, Kind::Foreign(Foreign::Str2str))
    }

    /// How long it takes to connect one client and to take it apart again, as it was seen.
    pub(crate) fn client_estimate(&self) -> Duration {
        if self.is_lossy() {
            // Its accept queue is so short that the kernel of most clients has to ask again, a second later.
            Duration::from_millis(150)
        } else if self.most_clients == MOST_THREADS {
            Duration::from_millis(1)
        } else {
            Duration::from_micros(200)
        }
    }

    /// Whether it is the relay.
    pub(crate) fn is_relay(&self) -> bool {
        matches!(self.kind, Kind::Fanout { .. })
    }

    /// Whether it is the yardstick.
    pub(crate) fn is_floor(&self) -> bool {
        matches!(self.kind, Kind::Floor { .. })
    }

    /// Whether it is one of this package's variants.
    pub(crate) fn is_variant(&self) -> bool {
        matches!(self.kind, Kind::Variant { .. })
    }
}

/// The names of all servers there are, in the order of the reports.
pub(crate) fn all_names() -> Vec<&'static str> {
    let variants = VARIANTS.iter().map(|variant| variant.name);
    let foreign = Foreign::ALL.map(Foreign::name);
    [FLOOR, RELAY]
        .into_iter()
        .chain(variants)
        .chain(foreign)
        .chain([FLOOR_AGAIN])
        .collect()
}

/// The names of the servers that take nothing but Rust.
pub(crate) fn rust_names() -> Vec<&'static str> {
    all_names()
        .into_iter()
        .filter(|name| !NOT_RUST.contains(name))
        .collect()
}

/// The most clients that a server is measured with: more would take too long, or be more than it can.
pub(crate) fn most_clients(name: &str) -> usize {
    let foreign = Foreign::ALL
        .into_iter()
        .find(|foreign| foreign.name() == name);
    match name {
        "thread-per-client" | "message-passing" | "shared-log-threads" | "python-threads"
        | "python-asyncio" => MOST_THREADS,
        _ => foreign.map_or(MOST_CLIENTS, Foreign::most_clients),
    }
}

/// The relay's name in reports.
pub(crate) const RELAY: &str = "fanout";

/// The yardstick's name in reports.
pub(crate) const FLOOR: &str = "send-floor";

/// The yardstick in the place of a server: how much two runs of the same thing differ.
pub(crate) const FLOOR_AGAIN: &str = "send-floor-again";

/// The one server that can serve but a few clients.
pub(crate) const STR2STR: &str = "str2str";

/// What it is measured with: two less than it can serve.
pub(crate) const STR2STR_CLIENTS: usize = 30;

/// What needs another language or another program, or has to be asked for.
const NOT_RUST: [&str; 9] = [
    "go",
    "cpp",
    "python-threads",
    "python-asyncio",
    "ncat",
    STR2STR,
    "redis",
    "nats",
    FLOOR_AGAIN,
];

/// Clients of the readiness-based servers: the descriptors of a process are the limit.
const MOST_CLIENTS: usize = 10_000;

/// Clients of a server with a thread for each, because ten thousand stacks are more than many machines allow; and of
/// the servers in Python, which take seconds for what the others do in milliseconds.
const MOST_THREADS: usize = 1_000;

/// How long a server may take until it listens: Python and a cold disk.
const LISTENING_LIMIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_rust_ones_among_them() {
        let mut names = all_names();
        assert!(rust_names().iter().all(|name| names.contains(name)));
        assert!(NOT_RUST.iter().all(|name| names.contains(name)));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
