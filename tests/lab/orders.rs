//! Both programs under orders, as the bench gives them.

use std::thread;

use serde_json::Value;

use crate::frame::STANDARD;
use crate::program::Program;
use crate::scene::Source;
use crate::socket::{Server, Socket, sequence_of};

fn ordered_sink(server: &Server, arguments: &str) -> Program {
    Program::example(
        "frame-sink",
        &format!("{} --orders {arguments}", server.addr()),
    )
}

#[track_caller]
fn mark(sink: &mut Program) -> Value {
    let order = format!("mark {}", std::process::id());
    let line = sink.ask(&order);
    let json = line
        .strip_prefix("mark ")
        .unwrap_or_else(|| panic!("no mark: {line}"));
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn a_source_under_orders_is_silent_until_it_is_told_otherwise() {
    let mut source = Source::start("--orders");
    let mut client = Socket::connect(source.addr);
    assert_eq!(source.program.ask("burst 300"), "sent");
    for sequence in 0..300 {
        assert_eq!(client.frame(), sequence);
    }
    assert!(client.is_silent());
    assert_eq!(source.program.ask("burst 1"), "sent");
    assert_eq!(client.frame(), 300);
    source.program.order("rate 2000");
    for sequence in 301..400 {
        assert_eq!(client.frame(), sequence);
    }
    source.program.order("flat-out");
    for sequence in 400..5000 {
        assert_eq!(client.frame(), sequence);
    }
    source.program.order("silent");
    // Somebody has to read for the answer to come: what was begun before is sent first.
    let reader = thread::spawn(move || client.rest());
    assert_eq!(source.program.ask("burst 0"), "sent");
    source.program.close_input();
    assert_eq!(source.program.wait_for_end().code, Some(0));
    let (bytes, was_reset) = reader.join().expect("it reads to the end");
    assert!(!was_reset && bytes.len().is_multiple_of(STANDARD));
    assert!(
        bytes
            .chunks(STANDARD)
            .map(sequence_of)
            .zip(5000..)
            .all(|(own, right)| own == right)
    );
}

#[test]
fn whoever_gives_orders_ends_it_by_leaving() {
    let mut source = Source::start("--orders").program;
    source.close_input();
    assert_eq!(source.wait_for_end().code, Some(0));

    let server = Server::open();
    let mut sink = ordered_sink(&server, "");
    assert_eq!(sink.line(), "connected");
    sink.close_input();
    assert_eq!(sink.wait_for_end().code, Some(0));
}

#[test]
fn an_order_that_makes_no_sense_is_named() {
    let mut source = Source::start("--orders").program;
    source.order("faster");
    let outcome = source.wait_for_end();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.complaints[0].contains("\"faster\""), "{outcome:?}");

    let server = Server::open();
    let mut sink = ordered_sink(&server, "");
    sink.order("guess");
    let outcome = sink.wait_for_end();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.complaints[0].contains("\"guess\""), "{outcome:?}");
}

#[test]
fn first_is_answered_when_every_client_that_keeps_up_has_had_a_frame() {
    let server = Server::open();
    let mut sink = ordered_sink(&server, "--readers 2 --half-closing 1 --stalled 1");
    let mut clients: Vec<Socket> = (0..4).map(|_| server.accept()).collect();
    assert_eq!(sink.line(), "connected");
    sink.order("first");
    for client in &mut clients[..3] {
        // What is asked later is answered first as long as somebody waits for a frame.
        assert!(sink.ask("receive-buffer").starts_with("receive-buffer "));
        client.send_frames(0..1);
    }
    assert_eq!(sink.line(), "first");
    assert_eq!(sink.ask("first"), "first");
}

#[test]
fn a_mark_has_the_counters_so_far_and_the_latencies_since_the_last_one() {
    let server = Server::open();
    let mut sink = ordered_sink(&server, "--latency");
    let mut client = server.accept();
    assert_eq!(sink.line(), "connected");
    client.send_frames(0..10);
    assert_eq!(sink.ask("first"), "first");
    let mut seen = mark(&mut sink);
    while seen["deliveries"] != 10 {
        seen = mark(&mut sink);
    }
    let silent = mark(&mut sink);
    assert_eq!(silent["deliveries"], 10);
    assert_eq!(silent["skipped"], 0);
    for figure in ["p50_ns", "p99_ns", "p999_ns", "max_ns"] {
        assert_eq!(silent[figure], 0, "{figure}");
    }
    assert!(silent["at_ns"].as_u64() > seen["at_ns"].as_u64());
    assert!(silent["cpu_ns"].as_u64() > Some(0));
    client.send_frames(10..11);
    while seen["deliveries"] != 11 {
        seen = mark(&mut sink);
    }
    // The frames of this test were sent when the machine started.
    assert!(seen["p50_ns"].as_u64() >= Some(1_000_000_000), "{seen}");
    assert!(seen["max_ns"].as_u64() >= seen["p50_ns"].as_u64(), "{seen}");
}

#[test]
fn gaps_that_are_allowed_are_in_the_mark() {
    let server = Server::open();
    let mut sink = ordered_sink(&server, "--gaps-allowed");
    let mut client = server.accept();
    assert_eq!(sink.line(), "connected");
    client.send_frames([3, 4, 9].into_iter());
    let mut seen = mark(&mut sink);
    while seen["deliveries"] != 3 {
        seen = mark(&mut sink);
    }
    assert_eq!(seen["skipped"], 4);
    assert_eq!(seen["max_ns"], 0);
}

#[test]
fn a_broken_promise_ends_it_at_once_with_one_line() {
    for (what, named) in [
        ("gap", "missing: "),
        ("end", "ended: "),
        ("reset", "reset: "),
    ] {
        let server = Server::open();
        let sink = ordered_sink(&server, "--check ends");
        let mut client = server.accept();
        assert_eq!(sink.line(), "connected");
        client.send_frames(0..2);
        match what {
            "gap" => client.send_frames(3..4),
            "end" => drop(client),
            _ => client.reset(),
        }
        let outcome = sink.wait_for_end();
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.complaints.len(), 1, "{outcome:?}");
        assert!(outcome.complaints[0].contains(named), "{outcome:?}");
    }
}
