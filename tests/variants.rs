//! One suite for all servers of the laboratory: the relay and every variant of it, each held against each promise over
//! real loopback sockets.
//!
//! What the promises are is said in `variants/promise.rs`; which server misses which of them, and why, in
//! `variants/table.rs`. A server that breaks a promise it is said to keep fails, and so does one that keeps a promise
//! it is said to miss.
//!
//! Server A and the clients are played by the test. Nothing sleeps: a check waits for a fact, with a deadline that only
//! a broken server reaches. Where something must not happen, the check waits for something that comes after it.
//!
//! A server whose toolchain is missing is skipped, with a line that says so. Where `CI` is set, nothing is skipped.

#[path = "../examples/lab/catalogue.rs"]
mod catalogue;
#[path = "variants/client.rs"]
mod client;
#[path = "variants/endings.rs"]
mod endings;
#[path = "variants/fault.rs"]
mod fault;
#[path = "../examples/lab/frame.rs"]
mod frame;
#[path = "variants/input.rs"]
mod input;
#[path = "variants/kernel.rs"]
mod kernel;
#[path = "variants/lagging.rs"]
mod lagging;
#[path = "variants/leaving.rs"]
mod leaving;
#[path = "variants/promise.rs"]
mod promise;
#[path = "variants/running.rs"]
mod running;
#[path = "variants/scene.rs"]
mod scene;
#[path = "variants/server.rs"]
mod server;
#[path = "variants/streams.rs"]
mod streams;
#[path = "variants/table.rs"]
mod table;
#[path = "variants/upstream.rs"]
mod upstream;
#[path = "blackbox/harness/wait.rs"]
mod wait;

use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use catalogue::{Unavailable, VARIANTS};
use fault::Fault;
use promise::Promise;
use server::{RELAY, Server};
use table::{EXCEPTIONS, why_missed};

/// A module of tests for each server; in it, a test for each promise.
macro_rules! hold_all {
    ($($module:ident: $server:literal,)*) => {
        const SERVERS: &[&str] = &[$($server),*];
        $(mod $module {
            const SERVER: &str = $server;
            hold_to! {
                frames_come_whole_in_order_and_without_a_gap: WholeFrames,
                a_stream_starts_at_the_first_byte_of_a_frame: Boundary,
                a_client_that_leaves_is_not_noticed_and_leaves_nothing_behind: Leaving,
                a_client_that_resets_is_let_go_although_no_frame_comes: Departure,
                more_clients_come_than_the_soft_descriptor_limit_allows: Crowd,
                at_the_upstreams_end_clients_get_every_frame_and_a_fin: End,
                a_frame_that_was_never_completed_is_never_sent: Unfinished,
                an_upstream_that_fails_ends_the_clients_cleanly_and_is_told: Failure,
                what_it_cannot_do_is_told_in_a_line_and_the_exit_code: Refusal,
                a_stalled_client_holds_nobody_up: Stalled,
                a_client_thrown_out_for_its_lag_sees_a_reset: ThrownOut,
                with_wait_a_lagging_client_loses_nothing: Waiting,
                a_client_that_has_shut_down_its_sending_side_reads_on: HalfClosed,
                what_a_client_sends_is_read_and_thrown_away: Input,
                what_a_client_has_sent_does_not_spoil_its_end: ChattyEnd,
                with_nothing_to_do_it_sleeps: Idle,
                a_second_upstream_connection_reaches_the_same_client: Redial,
            }
        })*
    };
}

macro_rules! hold_to {
    ($($test:ident: $promise:ident,)*) => {
        $(#[test]
        fn $test() {
            super::hold(SERVER, super::Promise::$promise);
        })*
    };
}

hold_all! {
    relay: "fanout",
    thread_per_client: "thread-per-client",
    message_passing: "message-passing",
    shared_log_threads: "shared-log-threads",
    minimal_reactor: "minimal-reactor",
    tokio_broadcast: "tokio-broadcast",
    tokio_current_thread: "tokio-current-thread",
    own_executor: "own-executor",
    go: "go",
    cpp: "cpp",
    python_threads: "python-threads",
    python_asyncio: "python-asyncio",
}

#[test]
fn every_variant_is_in_the_suite() {
    let variants = VARIANTS.iter().map(|variant| variant.name);
    let all: Vec<_> = [RELAY].into_iter().chain(variants).collect();
    assert_eq!(SERVERS, all);
}

#[test]
fn every_exception_is_of_a_server_in_the_suite_and_none_stands_twice() {
    let mut seen = BTreeSet::new();
    for exception in EXCEPTIONS {
        for server in exception.servers {
            assert!(SERVERS.contains(server), "nobody is called {server}");
            let place = (server, format!("{:?}", exception.promise));
            assert!(seen.insert(place.clone()), "{place:?} stands there twice");
        }
    }
}

/// Holds one server against one promise; what comes of it has to agree with the table.
fn hold(name: &'static str, promise: Promise) {
    let server = match Server::find(name) {
        Ok(server) => server,
        Err(missing @ Unavailable::Missing(_)) if env::var_os("CI").is_none() => {
            return skip(name, &missing);
        }
        Err(why) => panic!("{name} cannot be started: {why}"),
    };
    match (promise.check(&server), why_missed(name, promise)) {
        (Ok(()), None) => {}
        (Ok(()), Some(why)) => {
            panic!("{name} keeps a promise that the table says it misses ({why}): mend the table")
        }
        (Err(Fault::Broken(what)), None) => panic!("{name} breaks its promise: {what}"),
        (Err(Fault::Broken(what)), Some(why)) => println!("{what}: {why}"),
        (Err(Fault::Unproven(what)), _) => {
            panic!("{name} cannot be held against the promise: {what}")
        }
    }
}

/// Says once for each server that it is skipped, where it is seen: what a test prints, the test runner keeps to itself.
fn skip(server: &'static str, missing: &Unavailable) {
    static SKIPPED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if skipped.insert(server) {
        writeln!(io::stderr(), "skipped: {missing} ({server})").expect("stderr takes a line");
    }
}

/// How long a check waits for a fact: long, because nobody's promise is broken by the slowness of a machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// Frames that are sent at once where nobody is to lag: fewer than any server's bound, for some count frames against it
/// that they have not got round to.
const BURST: u64 = 64;

/// How long the kernel may take to move what it holds, where a check may go on either way.
const MOMENT: Duration = Duration::from_millis(50);
