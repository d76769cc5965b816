//! The kinds of clients do what their names say, as a server sees it that the test plays.

use std::io::{ErrorKind, Read, Write};
use std::iter;
use std::thread;

use crate::frame::STANDARD;
use crate::program::Program;
use crate::scene::{findings, start_sink};
use crate::socket::{Server, Socket};

#[test]
fn a_half_closing_client_says_that_it_has_nothing_to_say_and_reads_on() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 0 --half-closing 1");
    let mut client = server.accept();
    assert_eq!(client.0.read(&mut [0; 1]).expect("an end"), 0);
    client.send_frames(3..300);
    drop(client);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.kind("half-closing")["frames"], 297);
    assert_eq!(found.ends("half-closing", "ended"), 1);
}

#[test]
fn a_chattering_client_talks_and_reads_on() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 0 --chattering 1");
    let mut client = server.accept();
    let mut heard = [0; 2000];
    client.0.read_exact(&mut heard).expect("it talks");
    client.send_frames(3..300);
    client.0.read_exact(&mut heard).expect("it goes on talking");
    finish(client);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.kind("chattering")["frames"], 297);
    assert_eq!(found.ends("chattering", "ended"), 1);
}

#[test]
fn a_stalled_client_takes_what_the_kernel_takes_and_reads_nothing() {
    let server = Server::open();
    let mut sink = Program::example(
        "frame-sink",
        &format!("{} --orders --readers 0 --stalled 1", server.addr()),
    );
    let client = server.accept();
    assert_eq!(sink.line(), "connected");
    client.0.set_nonblocking(true).expect("it is a socket");
    // No frames: whoever reads them complains.
    let bytes = vec![b'?'; 65536];
    while let Ok(sent) = (&client.0).write(&bytes) {
        assert!(sent > 0);
    }
    let mark = sink.ask(&format!("mark {}", sink.id()));
    assert!(mark.contains("\"deliveries\":0,"), "{mark}");
    assert!(sink.ask("receive-buffer").starts_with("receive-buffer "));
}

#[test]
fn a_slow_client_reads_no_faster_than_it_is_told() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 0 --slow 1 --slow-rate 102400");
    let mut client = server.accept();
    client.send_frames(0..50);
    finish(client);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.kind("slow")["frames"], 50);
    // Ten reads of 10 KiB in a second, and one more for the end.
    assert!(found.json["seconds"].as_f64() >= Some(0.4), "{found:?}");
}

#[test]
fn a_storm_comes_and_goes_one_half_with_a_reset_and_sees_a_frame_first() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 1 --storm 100 --frames 1");
    let mut reader = server.accept();
    let (mut resets, mut ends) = (0, 0);
    for sequence in 5..15 {
        let mut client = server.accept();
        client.send_frames(iter::once(sequence));
        match client.0.read(&mut [0; 1]) {
            Ok(0) => ends += 1,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => resets += 1,
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!((resets, ends), (5, 5));
    reader.send_frames(20..21);
    let found = findings(sink);
    found.expect_good();
    assert!(
        found.kind("storm")["frames"].as_u64() >= Some(10),
        "{found:?}"
    );
    assert!(found.ends("storm", "left") >= 10, "{found:?}");
}

#[test]
fn a_storm_that_meets_no_frames_goes_all_the_same() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 1 --storm 100 --frames 1");
    let mut reader = server.accept();
    let mut client = server.accept();
    // It stays for a moment, in case a frame comes.
    match client.0.read(&mut [0; 1]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        outcome => panic!("{outcome:?}"),
    }
    reader.send_frames(20..21);
    findings(sink).expect_good();
}

#[test]
fn a_storm_that_is_refused_is_a_broken_promise_unless_the_server_is_ending() {
    for is_ending in [false, true] {
        let server = Server::open();
        let sink = start_sink(
            server.addr(),
            "--readers 1 --slow 1 --slow-rate 2048 --storm 50",
        );
        let [mut reader, mut slow] = [server.accept(), server.accept()];
        reader.send_frames(0..3);
        // The slow one keeps the run going for as long as it takes to judge.
        slow.send_frames(0..3);
        let slow = thread::spawn(move || finish(slow));
        if is_ending {
            finish(reader);
            drop(server);
            slow.join().expect("it reads to the end");
            findings(sink).expect_good();
        } else {
            drop(server);
            slow.join().expect("it reads to the end");
            assert!(reader.is_silent());
            finish(reader);
            findings(sink).expect_broken("storm ");
        }
    }
}

/// Ends the stream, and waits until the client has closed: its words that nobody read would make the end a reset.
fn finish(mut client: Socket) {
    client
        .0
        .shutdown(std::net::Shutdown::Write)
        .expect("it is connected");
    let mut words = [0; STANDARD];
    // A client that closes before it has read its last frame resets.
    while matches!(client.0.read(&mut words), Ok(count) if count > 0) {}
}
