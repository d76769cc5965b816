//! Rule: arrows go down only, from the binary to the reactor, from there to the admin room and the relay, and from the
//! admin room to the relay; and each room names only what it may know.

use crate::Violation;
use crate::names::{self, Name};
use crate::tree::Source;

/// A part of the tree, with the names that must not occur in it and why.
struct Room {
    is_home_of: fn(&Source) -> bool,
    banned: &'static [(&'static str, &'static str)],
}

const ROOMS: &[Room] = &[
    Room {
        is_home_of: |source| is_pure(source),
        banned: UNKNOWN_TO_THE_PURE,
    },
    Room {
        is_home_of: |source| source.is_below("src/reactor"),
        banned: &[
            (
                "clap",
                "the reactor is given a configuration, not a command line",
            ),
            ("simple_logger", "the sink is chosen by the binary"),
            (
                "crate::cli",
                "the reactor is given a configuration, not a command line",
            ),
            ("crate::logger", "the sink is chosen by the binary"),
            ("crate::demo", "arrows go down only"),
        ],
    },
    Room {
        is_home_of: |source| is_outside_the_rooms(source),
        banned: &[
            ("mio", "only the reactor names mio"),
            ("socket2", "only the reactor names socket2"),
        ],
    },
];

/// What neither the relay nor the admin room names: both decide, and leave the doing to the reactor.
const UNKNOWN_TO_THE_PURE: &[(&str, &str)] = &[
    ("mio", "it knows no poll"),
    ("socket2", "it knows no socket"),
    ("signal_hook", "it knows no signal"),
    ("signal_hook_mio", "it knows no signal"),
    ("log", "it does not log: it gives back what happened"),
    ("simple_logger", "it does not log"),
    ("clap", "it knows nothing of the command line"),
    ("rlimit", "it does not ask the system"),
    ("rustix", "it does not ask the system"),
    ("memory_stats", "it does not ask the system"),
    ("listenfd", "it knows no socket"),
    ("std::net::TcpStream", "it is generic over Read + Write"),
    ("std::net::TcpListener", "it knows no socket"),
    ("std::net::UdpSocket", "it knows no socket"),
    ("std::net::ToSocketAddrs", "it does not ask the system"),
    ("std::os::unix::net", "it knows no socket"),
    ("std::thread", "it knows no thread"),
    (
        "std::time::Instant",
        "it reads no clock: time comes in as a value",
    ),
    (
        "std::time::SystemTime",
        "it reads no clock: time comes in as a value",
    ),
    ("std::fs", "it does not ask the system"),
    ("std::process", "it does not ask the system"),
    ("std::env", "it does not ask the system"),
    ("std::io::stdin", "it does not ask the system"),
    ("std::io::stdout", "it does not print"),
    ("std::io::stderr", "it does not print"),
];

/// The pure rooms, and what each of them knows of this crate.
const KNOWN: &[(&str, &[&str])] = &[
    ("src/relay", &["relay"]),
    ("src/admin", &["admin", "relay"]),
];

/// Where a random test takes its seed from the environment and prints it: nowhere else does the relay ask or print.
const MAY_SEED: &str = "src/relay/tests/mod.rs";

/// Macros that print or log, which the pure rooms do not.
const PRINTING: &[&str] = &[
    "log", "error", "warn", "info", "debug", "trace", "println", "eprintln", "print", "eprint",
];

/// The name that only the owner of the loop may use.
const POLL: &str = "mio::Poll";

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut names = names::of(source);
    if source.path == MAY_SEED {
        names.retain(|name| !name.is_in("std::env"));
    }
    for room in ROOMS.iter().filter(|room| (room.is_home_of)(source)) {
        for name in &names {
            found.extend(
                room.banned
                    .iter()
                    .filter(|(banned, _)| name.is_in(banned))
                    .map(|(banned, why)| {
                        Violation::new(&source.path, name.line, format!("names `{banned}`: {why}"))
                    }),
            );
        }
    }
    for (_, known) in KNOWN.iter().filter(|(room, _)| source.is_below(room)) {
        found.extend(upward(source, &names, known));
    }
    if is_pure(source) && source.path != MAY_SEED {
        found.extend(printing(source));
    }
    found
}

/// The rule about the tree as a whole: one file owns the poll. Test modules may have a poll of their own.
pub(crate) fn check_tree(sources: &[Source]) -> Vec<Violation> {
    let owns = |name: &Name| !name.test && name.is_in(POLL);
    let first_line = |source: &Source| {
        names::of(source)
            .iter()
            .find(|name| owns(name))
            .map(|name| name.line)
    };
    let library = sources
        .iter()
        .filter(|source| source.path.starts_with("src/"));
    let owners: Vec<(&Source, usize)> = library
        .filter_map(|source| first_line(source).map(|line| (source, line)))
        .collect();
    match owners.len() {
        0 => vec![Violation::new(
            "src/reactor",
            0,
            format!("no file names `{POLL}`: one has to own the loop"),
        )],
        1 => Vec::new(),
        many => owners
            .iter()
            .map(|(source, line)| {
                Violation::new(
                    &source.path,
                    *line,
                    format!("is one of {many} files that name `{POLL}`: one owns the loop"),
                )
            })
            .collect(),
    }
}

fn is_outside_the_rooms(source: &Source) -> bool {
    source.is_below("src") && !is_pure(source) && !source.is_below("src/reactor")
}

fn is_pure(source: &Source) -> bool {
    KNOWN.iter().any(|(room, _)| source.is_below(room))
}

/// What a room names of the rest of the crate, beside what is `known` to it: that is above it.
fn upward(source: &Source, names: &[Name], known: &[&str]) -> impl Iterator<Item = Violation> {
    let is_upward = |name: &&Name| {
        let mut path = name.path.iter().map(String::as_str);
        path.next() == Some("crate") && !path.next().is_some_and(|room| known.contains(&room))
    };
    names.iter().filter(is_upward).map(|name| {
        let what = format!(
            "names `{}`: this room knows only {}, arrows go down only",
            name.path.join("::"),
            known.join(" and ")
        );
        Violation::new(&source.path, name.line, what)
    })
}

fn printing(source: &Source) -> impl Iterator<Item = Violation> {
    let is_call =
        |at: usize| source.token(at + 1) == "!" && matches!(source.token(at + 2), "(" | "[" | "{");
    (0..source.tokens.len())
        .filter(move |at| PRINTING.contains(&source.token(*at)) && is_call(*at))
        .map(|at| {
            let what = format!(
                "calls `{}!`: this room gives back what happened and prints nothing",
                source.token(at)
            );
            Violation::new(&source.path, source.tokens[at].place.line, what)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(path: &str, text: &str) {
        assert!(
            !check(&Source::snippet(path, text)).is_empty(),
            "{path} may not say {text}"
        );
    }

    #[track_caller]
    fn accepts(path: &str, text: &str) {
        assert_eq!(
            check(&Source::snippet(path, text)),
            [],
            "{path} may say {text}"
        );
    }

    #[test]
    fn every_name_banned_in_a_room_is_refused_there() {
        let pure = ["src/relay/a.rs", "src/admin/a/b.rs"];
        let paths = [&pure[..], &["src/reactor/a.rs"], &["src/config.rs"]];
        assert_eq!(paths.len(), ROOMS.len());
        let homes = ROOMS.iter().zip(paths);
        for (room, path) in
            homes.flat_map(|(room, paths)| paths.iter().map(move |path| (room, path)))
        {
            for (banned, _) in room.banned {
                refuses(path, &format!("use {banned};"));
                refuses(path, &format!("fn f() {{ {banned}::g(); }}"));
                refuses(
                    path,
                    &format!("#[cfg(test)] mod tests {{ use {banned} as x; }}"),
                );
            }
        }
    }

    #[test]
    fn the_relay_cannot_reach_the_reactor_by_a_side_door() {
        refuses("src/relay/a.rs", "use crate::reactor::Server;");
        refuses("src/relay/a.rs", "fn f(a: crate::config::Config) {}");
        refuses("src/relay/a.rs", "use super::super::reactor::Server;");
        refuses("src/relay/a.rs", "use crate as all;");
        refuses("src/relay/a.rs", "use crate::*;");
        refuses(
            "src/relay/a.rs",
            "use std::time::{self, Duration}; fn f() { time::Instant::now(); }",
        );
        refuses(
            "src/relay/a.rs",
            "fn f() { assert!(std::env::args().count() > 1); }",
        );
        refuses("src/relay.rs", "use mio::Token;");
    }

    #[test]
    fn the_admin_room_may_use_the_relay_and_the_relay_knows_no_admin_room() {
        accepts(
            "src/admin/a.rs",
            "use crate::relay::stats::Stats; use super::head::Head; use crate::admin::limits;",
        );
        accepts("src/reactor/admin/mod.rs", "use crate::admin::head::Head;");
        for upward in ["reactor::Server", "config::Config", "error::Error", "*"] {
            refuses("src/admin/a.rs", &format!("use crate::{upward};"));
        }
        refuses(
            "src/admin/a/b.rs",
            "use super::super::super::reactor::token::Role;",
        );
        refuses("src/admin.rs", "use crate::reactor::Server;");
        refuses("src/relay/a.rs", "use crate::admin::head::Head;");
        refuses("src/relay/a.rs", "use super::super::admin::limits;");
    }

    #[test]
    fn the_admin_room_has_no_socket_clock_thread_or_log() {
        for text in [
            "use std::net::{IpAddr, TcpStream};",
            "use std::os::unix::net::UnixStream;",
            "use std::time; fn f() { time::Instant::now(); }",
            "fn f() { std::time::SystemTime::now(); }",
            "use std::thread::spawn;",
            "fn f() { debug!(\"x\"); }",
        ] {
            refuses("src/admin/a.rs", text);
        }
        accepts(
            "src/admin/a.rs",
            "use std::net::{IpAddr, SocketAddr}; use std::time::Duration; use std::io::{Read, Write};",
        );
    }

    #[test]
    fn the_relay_may_use_values_and_traits() {
        accepts(
            "src/relay/a.rs",
            "use std::io::{self, Read, Write}; use std::net::{IpAddr, SocketAddr};",
        );
        accepts(
            "src/relay/a.rs",
            "use std::time::Duration; use slab::Slab; use crate::relay::client::Client;",
        );
        accepts(
            "src/relay/a.rs",
            "fn f(log: &mut Log) { log.publish(); let mio = 1; }",
        );
        accepts(
            "src/relay/a.rs",
            "#[cfg(test)] mod tests { use super::*; use crate::relay::backlog::Backlog; }",
        );
    }

    #[test]
    fn a_seed_is_taken_and_printed_in_one_place() {
        let seed = "fn seed() { println!(\"{:?}\", std::env::var(\"FANOUT_SEED\")); }";
        accepts(MAY_SEED, seed);
        refuses("src/relay/tests/order.rs", seed);
    }

    #[test]
    fn the_relay_neither_logs_nor_prints() {
        for name in PRINTING {
            refuses("src/relay/a.rs", &format!("fn f() {{ {name}!(\"x\"); }}"));
        }
        accepts("src/relay/a.rs", "fn f(error: u8) -> bool { error != 1 }");
        accepts("src/reactor/a.rs", "fn f() { log::info!(\"listening\"); }");
    }

    #[test]
    fn only_the_reactor_names_the_poll_and_its_sockets() {
        for path in ["src/main.rs", "src/lib.rs", "src/cli.rs", "src/demo.rs"] {
            refuses(path, "use mio::net::TcpStream;");
        }
        accepts(
            "src/reactor/server.rs",
            "use mio::net::TcpStream; use socket2::Socket;",
        );
        accepts("tests/relay.rs", "use mio::Poll;");
        accepts(
            "src/config.rs",
            "//! Neither `mio::Poll` nor socket2 is known here.",
        );
    }

    #[test]
    fn exactly_one_file_names_the_poll() {
        let owner = || Source::snippet("src/reactor/server.rs", "use mio::{Events, Poll};");
        let path = || Source::snippet("src/reactor/b.rs", "fn f() { mio::Poll::new(); }");
        let only_its_tests = || {
            Source::snippet(
                "src/reactor/c.rs",
                "#[cfg(test)] mod tests { use mio::Poll; }",
            )
        };
        let futures = || Source::snippet("src/reactor/d.rs", "use std::task::Poll;");
        assert_eq!(check_tree(&[owner(), only_its_tests(), futures()]), []);
        assert_eq!(check_tree(&[owner(), path()]).len(), 2);
        assert_eq!(check_tree(&[futures()]).len(), 1);
    }
}
