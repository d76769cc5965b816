//! What the source does to clients that the test plays.

use std::io::{Read, Write};

use rustix::process::Signal;

use crate::frame::STANDARD;
use crate::scene::Source;
use crate::socket::{Socket, sequence_of};

#[test]
fn one_client_is_served_and_the_next_gets_nothing_until_it_has_left() {
    let source = Source::start("--rate 2000");
    let mut first = Socket::connect(source.addr);
    assert_eq!(first.frame(), 0);
    let mut second = Socket::connect(source.addr);
    let mut last = 0;
    while last < 500 {
        assert_eq!(first.frame(), last + 1);
        last += 1;
    }
    assert!(second.is_silent());
    first.reset();
    let next = second.frame();
    assert!(next > 500, "{next} was sent before");
    assert_eq!(second.frame(), next + 1);
}

#[test]
fn a_client_that_shut_down_its_sending_side_is_still_served() {
    let source = Source::start("--rate 2000");
    let mut client = Socket::connect(source.addr);
    client
        .0
        .shutdown(std::net::Shutdown::Write)
        .expect("it is connected");
    for sequence in 0..300 {
        assert_eq!(client.frame(), sequence);
    }
}

#[test]
fn a_frame_that_was_cut_is_sent_again_to_the_next_client() {
    for (fault, is_reset) in [("cut", false), ("reset", true)] {
        let source = Source::start(&format!("--rate 0 --fault {fault} --fault-after 100"));
        let mut first = Socket::connect(source.addr);
        let (bytes, was_reset) = first.rest();
        assert_eq!(bytes.len(), 100 * STANDARD + STANDARD / 2, "{fault}");
        assert_eq!(was_reset, is_reset, "{fault}");
        let frames = bytes.chunks_exact(STANDARD).map(sequence_of);
        assert!(frames.eq(0..100), "{fault}");
        let mut second = Socket::connect(source.addr);
        for sequence in 100..400 {
            assert_eq!(second.frame(), sequence, "{fault}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_reset_destroys_nothing_that_was_sent_before_it() {
    let source = Source::start("--rate 0 --fault reset --fault-after 3000");
    let mut client = Socket::connect(source.addr);
    client.frame();
    // More than fits the client's side: the rest is the kernel's to send when the source has nothing more to do.
    source.program.wait_until_asleep();
    let (bytes, was_reset) = client.rest();
    assert_eq!(bytes.len(), 2999 * STANDARD + STANDARD / 2);
    assert!(was_reset);
}

#[test]
fn a_frame_that_a_leaving_client_did_not_take_whole_is_sent_again() {
    let source = Source::start("--frame-size 1048576 --count 3 --rate 0 --json");
    let mut first = Socket::connect(source.addr);
    let mut begun = [0; 16];
    first
        .0
        .read_exact(&mut begun)
        .expect("the front of a frame");
    first.reset();
    let mut second = Socket::connect(source.addr);
    let (bytes, was_reset) = second.rest();
    assert!(!was_reset);
    let frames: Vec<u64> = bytes.chunks_exact(1_048_576).map(sequence_of).collect();
    // The kernel may have taken the first, or the first two, for the client that left.
    assert!(!frames.is_empty() && frames.len() <= 3, "{frames:?}");
    assert!(
        frames.iter().copied().eq(3 - frames.len() as u64..3),
        "{frames:?}"
    );
    drop(second);
    let sent = source.sent();
    assert_eq!(sent["frames"], 3, "{sent}");
    assert_eq!(sent["served"], 2, "{sent}");
}

#[test]
fn the_count_is_the_end_and_what_was_sent_is_said_for_each_client() {
    let source = Source::start("--count 500 --rate 0");
    let addr = source.addr;
    let (bytes, was_reset) = Socket::connect(addr).rest();
    assert_eq!((bytes.len(), was_reset), (500 * STANDARD, false));
    let outcome = source.program.wait_for_end();
    assert_eq!(
        (outcome.code, outcome.output.len()),
        (Some(0), 2),
        "{outcome:?}"
    );
    let [client, all] = [&outcome.output[0], &outcome.output[1]];
    assert!(client.starts_with("client addr=127.0.0.1:"), "{client}");
    assert!(
        client.contains(" frames=500 bytes=512000 seconds="),
        "{client}"
    );
    assert!(
        all.starts_with("sent frames=500 bytes=512000 seconds="),
        "{all}"
    );
}

#[test]
fn a_client_that_talks_gets_a_clean_end_all_the_same() {
    let source = Source::start("--count 200 --rate 2000");
    let mut client = Socket::connect(source.addr);
    client
        .0
        .write_all(&[b'?'; 10_000])
        .expect("the source reads");
    let (bytes, was_reset) = client.rest();
    assert_eq!((bytes.len(), was_reset), (200 * STANDARD, false));
}

#[test]
fn the_rate_is_kept_and_bursts_come_at_once() {
    let source = Source::start("--rate 500 --burst 50 --count 250 --json");
    let mut client = Socket::connect(source.addr);
    let mut stamps = Vec::new();
    for _ in 0..250 {
        let mut bytes = [0; STANDARD];
        client.0.read_exact(&mut bytes).expect("a frame");
        stamps.push(u64::from_le_bytes(bytes[8..16].try_into().expect("eight")));
    }
    let bursts: Vec<_> = stamps.chunks(50).collect();
    assert!(
        bursts
            .iter()
            .all(|burst| burst.iter().all(|stamp| *stamp == burst[0]))
    );
    let elapsed_ns = stamps[200] - stamps[0];
    // Four intervals of 100 ms. The last burst may be late, the first may not.
    assert!(elapsed_ns >= 400_000_000, "{elapsed_ns}");
    drop(client);
    let sent = source.sent();
    assert!(
        sent["clients"][0]["seconds"].as_f64() >= Some(0.4),
        "{sent}"
    );
}

#[test]
fn once_is_the_end_when_the_first_client_has_left() {
    let source = Source::start("--rate 2000 --once --json");
    let mut client = Socket::connect(source.addr);
    client.frame();
    client.reset();
    let sent = source.sent();
    assert_eq!(sent["served"], 1, "{sent}");
}

#[test]
fn an_interrupted_source_ends_the_stream_at_a_boundary_and_says_what_it_sent() {
    let source = Source::start("--rate 0");
    let mut client = Socket::connect(source.addr);
    client.frame();
    source.program.signal(Signal::INT);
    let (bytes, was_reset) = client.rest();
    assert!(!was_reset);
    assert_eq!(bytes.len() % STANDARD, 0);
    drop(client);
    let outcome = source.program.wait_for_end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let frames = bytes.len() / STANDARD + 1;
    let said = outcome.output.last().expect("a line");
    assert!(
        said.starts_with(&format!("sent frames={frames} ")),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_source_that_nobody_reads_from_can_be_interrupted() {
    let source = Source::start("--rate 0");
    let mut client = Socket::connect(source.addr);
    client.frame();
    // It has nothing to sleep for but a kernel that takes no more.
    source.program.wait_until_asleep();
    source.program.signal(Signal::TERM);
    let outcome = source.program.wait_for_end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // The kernel may have found room for the rest after all.
    let (bytes, was_reset) = client.rest();
    assert!(
        was_reset || bytes.len().is_multiple_of(STANDARD),
        "a cut that looks clean"
    );
}
