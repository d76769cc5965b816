//! The embedded server A.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Fanout, Launch};

#[test]
fn the_demo_sends_readable_numbered_frames_ten_a_second() {
    let mut fanout = Launch::new("--demo -l 127.0.0.1:0").start();
    let mut client = client_of(&fanout);
    let mut previous = read_frame(&mut client);
    let started = Instant::now();
    for _ in 0..6 {
        let next = read_frame(&mut client);
        let is_next = numbers(&previous)
            .zip(numbers(&next))
            .any(|(before, after)| after == before + 1);
        assert!(is_next, "no number counts up from {previous:?} to {next:?}");
        previous = next;
    }
    assert!(
        started.elapsed() >= Duration::from_millis(400),
        "six frames in {:?}",
        started.elapsed()
    );
    drop(client);
    assert_eq!(fanout.terminate(), 0);
}

#[test]
fn the_demo_says_what_to_type_next() {
    let fanout = Launch::new("--demo -l 127.0.0.1:0").start();
    let port = fanout.addr().port();
    fanout.wait_for_line(&format!("nc *{port}"));
}

#[test]
fn the_demo_can_be_asked_for_by_its_variable() {
    let fanout = Launch::new("-l 127.0.0.1:0")
        .env("FANOUT_DEMO", "true")
        .start();
    read_frame(&mut client_of(&fanout));
}

fn client_of(fanout: &Fanout) -> TcpStream {
    let client = TcpStream::connect(fanout.addr()).expect("the program listens");
    client
        .set_read_timeout(Some(DEADLINE))
        .expect("a time is valid");
    client
}

/// One frame, which has to be text.
#[track_caller]
fn read_frame(client: &mut TcpStream) -> String {
    let mut frame = vec![0; 1024];
    client.read_exact(&mut frame).expect("a frame comes");
    let text = String::from_utf8(frame).expect("a frame of the demo is text");
    assert!(
        text.chars().all(|c| !c.is_control() || c == '\n'),
        "{text:?} is not readable"
    );
    text
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
}
