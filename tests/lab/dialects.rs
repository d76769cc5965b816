//! Redis and NATS, played by the test in canned words: what the programs say to them, and what they make of answers.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::frame::STANDARD;
use crate::program::Program;
use crate::scene::{findings, start_sink};
use crate::socket::{Server, Socket, frame, sequence_of};

const INFO: &[u8] = b"INFO {\"server_id\":\"canned\",\"max_payload\":1048576}\r\n";

/// Expects exactly these words.
#[track_caller]
fn expect(client: &mut Socket, words: &str) {
    let mut heard = vec![0; words.len()];
    client.0.read_exact(&mut heard).expect("it speaks");
    assert_eq!(String::from_utf8_lossy(&heard), words);
}

#[track_caller]
fn say(client: &mut Socket, words: &[&[u8]]) {
    client.0.write_all(&words.concat()).expect("it listens");
}

/// A sink that NATS serves.
#[track_caller]
fn nats_sink(arguments: &str) -> (Program, Socket) {
    let server = Server::open();
    let sink = start_sink(server.addr(), &format!("--dialect nats {arguments}"));
    let mut client = server.accept();
    say(&mut client, &[INFO]);
    expect(
        &mut client,
        "CONNECT {\"verbose\":false}\r\nSUB f 1\r\nPING\r\n",
    );
    say(&mut client, &[b"PONG\r\n"]);
    (sink, client)
}

#[test]
fn the_sink_reads_frames_from_nats_and_answers_between_them() {
    let (sink, mut client) = nats_sink("--frames 3");
    let head = b"MSG f 1 1024\r\n";
    say(&mut client, &[head, &frame(3), b"\r\nPI"]);
    say(&mut client, &[b"NG\r\n", head, &frame(4), b"\r\n"]);
    expect(&mut client, "PONG\r\n");
    say(&mut client, &[INFO, b"PING\r\n", head, &frame(5)[..500]]);
    expect(&mut client, "PONG\r\n");
    say(&mut client, &[&frame(5)[500..], b"\r\n"]);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.number("deliveries"), 3);
}

#[test]
fn the_sink_quotes_what_nats_complains_of() {
    let (sink, mut client) = nats_sink("");
    say(&mut client, &[b"-ERR 'Slow Consumer'\r\n"]);
    findings(sink).expect_broken("Slow Consumer");
}

#[test]
fn the_sink_sees_a_gap_through_envelopes_and_what_is_no_envelope() {
    let (sink, mut client) = nats_sink("");
    let head = b"MSG f 1 1024\r\n";
    say(
        &mut client,
        &[head, &frame(3), b"\r\n", head, &frame(5), b"\r\n"],
    );
    findings(sink).expect_broken("missing: frame 4 was due, 5 came");

    let (sink, mut client) = nats_sink("--check ends");
    say(
        &mut client,
        &[
            head,
            &frame(3),
            b"\r\n",
            b"MSG f 1 1025\r\n",
            &frame(4),
            b"\r\n",
        ],
    );
    findings(sink).expect_broken("torn: frame 4");
}

#[test]
fn the_sink_reads_frames_from_redis() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--dialect redis --check ends");
    let mut client = server.accept();
    expect(&mut client, "SUBSCRIBE f\r\n");
    let head = b"*3\r\n$7\r\nmessage\r\n$1\r\nf\r\n$1024\r\n";
    // Frames may come with the consent.
    let consent = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nf\r\n:1\r\n";
    say(
        &mut client,
        &[consent, head, &frame(3), b"\r\n", head, &frame(4)],
    );
    say(&mut client, &[b"\r\n"]);
    drop(client);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.number("deliveries"), 2);
    assert_eq!(found.ends("reader", "ended"), 1);
}

#[test]
fn the_source_publishes_to_nats_and_answers_between_frames() {
    let server = Server::open();
    let source = publisher(&server, "nats", "--rate 500 --count 300");
    let mut client = server.accept();
    say(&mut client, &[INFO, b"PING\r\n"]);
    expect(&mut client, "CONNECT {\"verbose\":false}\r\n");
    let (mut frames, mut answers) = (0, 0);
    while frames < 300 {
        let mut verb = [0; 2];
        client.0.read_exact(&mut verb).expect("it speaks");
        if &verb == b"PO" {
            expect(&mut client, "NG\r\n");
            answers += 1;
            continue;
        }
        assert_eq!(&verb, b"PU");
        expect(&mut client, "B f 1024\r\n");
        assert_eq!(read_frame(&mut client), frames);
        expect(&mut client, "\r\n");
        frames += 1;
        match frames {
            100 => say(&mut client, &[b"PI"]),
            101 => say(&mut client, &[b"NG\r\n+OK\r\n"]),
            _ => {}
        }
    }
    assert_eq!(client.rest(), (Vec::new(), false));
    drop(client);
    assert_eq!(answers, 2);
    assert_eq!(source.wait_for_end().code, Some(0));
}

#[test]
fn the_source_publishes_to_redis_and_lets_it_count() {
    let server = Server::open();
    let source = publisher(&server, "redis", "--rate 0 --count 3000");
    let mut client = server.accept();
    for sequence in 0..3000 {
        expect(&mut client, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nf\r\n$1024\r\n");
        assert_eq!(read_frame(&mut client), sequence);
        expect(&mut client, "\r\n");
        say(&mut client, &[b":10000\r\n"]);
    }
    assert_eq!(client.rest(), (Vec::new(), false));
    drop(client);
    assert_eq!(source.wait_for_end().code, Some(0));
}

#[test]
fn the_source_ends_with_what_the_server_complains_of() {
    for (dialect, words, named) in [
        ("redis", "-NOAUTH Authentication required.\r\n", "NOAUTH"),
        (
            "nats",
            "-ERR 'Authorization Violation'\r\n",
            "Authorization",
        ),
        (
            "nats",
            "HTTP/1.1 400 Bad Request\r\n",
            "no server of that dialect",
        ),
    ] {
        let server = Server::open();
        let source = publisher(&server, dialect, "--rate 10");
        let mut client = server.accept();
        say(&mut client, &[words.as_bytes()]);
        let outcome = source.wait_for_end();
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.complaints.len(), 1, "{outcome:?}");
        assert!(outcome.complaints[0].contains(named), "{outcome:?}");
    }
}

#[test]
fn the_source_ends_when_the_server_does() {
    let server = Server::open();
    let source = publisher(&server, "redis", "--rate 10");
    let client = server.accept();
    // A server that says that it has nothing more to say is done, whatever a client would mean by it.
    client.0.shutdown(Shutdown::Write).expect("it is connected");
    let outcome = source.wait_for_end();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.complaints[0].contains("has closed the connection"),
        "{outcome:?}"
    );
}

/// A source that publishes to this server.
#[track_caller]
fn publisher(server: &Server, dialect: &str, arguments: &str) -> Program {
    let addr = server.addr();
    let arguments = format!("--connect {addr} --dialect {dialect} {arguments}");
    let source = Program::example("frame-source", &arguments);
    assert_eq!(source.line(), format!("connected {addr}"));
    source
}

#[track_caller]
fn read_frame(client: &mut Socket) -> u64 {
    let mut bytes = [0; STANDARD];
    client.0.read_exact(&mut bytes).expect("a frame");
    sequence_of(&bytes)
}
