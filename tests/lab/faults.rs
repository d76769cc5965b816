//! Everything that the source can do wrong is seen by the sink, and called by its name.

use std::io::Write;

use crate::scene::{Findings, Source, findings, sink, start_sink};
use crate::socket::{Server, frame};

/// A sink whose source does this after 100 frames.
#[track_caller]
fn after(fault: &str, options: &str) -> Findings {
    let source = Source::start(&format!(
        "--rate 0 --count 500 --once --fault {fault} --fault-after 100"
    ));
    sink(source.addr, options)
}

#[test]
fn every_fault_is_seen_and_called_by_its_name() {
    let expected = [
        ("cut", "cut: the stream ended 512 bytes into frame 100"),
        ("reset", "reset: aborted after 100 frames"),
        ("garbage", "garbage: frame 100 was due"),
        ("missing", "missing: frame 100 was due, 101 came"),
        ("repeated", "repeated: frame 100 was due, 99 came again"),
        ("torn", "torn: frame 100 goes wrong at byte 512"),
    ];
    for check in ["all", "ends"] {
        for (fault, named) in expected {
            let found = after(fault, &format!("--check {check}"));
            found.expect_broken(named);
            assert_eq!(found.number("deliveries"), 100, "{fault}");
            assert_eq!(found.number("broken"), 1, "{fault}");
            assert_eq!(found.ends("reader", "broken"), 1, "{fault}");
        }
    }
}

#[test]
fn a_pause_is_a_broken_promise_to_those_who_have_no_patience() {
    let found = after("pause --pause-for 60s", "--patience 1s");
    found.expect_broken("silent: nothing came for 1s");
    assert_eq!(found.number("deliveries"), 100);
}

#[test]
fn a_pause_is_nothing_to_those_who_have_patience() {
    let found = after("pause --pause-for 50ms", "--patience 20s --latency");
    found.expect_good();
    assert_eq!(found.number("deliveries"), 500);
}

#[test]
fn a_stream_may_flow_for_longer_than_anybody_has_patience() {
    let source = Source::start("--rate 1000 --count 3000 --once");
    let found = sink(source.addr, "--patience 2s");
    found.expect_good();
    assert_eq!(found.number("deliveries"), 3000);
}

#[test]
fn a_run_without_the_fault_is_no_fault() {
    let source = Source::start("--rate 0 --count 100 --once --fault torn --fault-after 100");
    let found = sink(source.addr, "");
    found.expect_good();
    assert_eq!(found.number("deliveries"), 100);
}

#[test]
fn a_single_wrong_byte_in_the_middle_is_seen_unless_only_the_ends_are_checked() {
    for (check, is_seen) in [("all", true), ("ends", false)] {
        let server = Server::open();
        let sink = start_sink(server.addr(), &format!("--check {check}"));
        let mut client = server.accept();
        client.send_frames(7..9);
        let mut wrong = frame(9);
        wrong[600] ^= 1;
        client.0.write_all(&wrong).expect("it reads");
        drop(client);
        let found = findings(sink);
        if is_seen {
            found.expect_broken("torn: frame 9 goes wrong at byte 600");
        } else {
            found.expect_good();
        }
    }
}

#[test]
fn one_client_with_a_broken_stream_does_not_hide_the_others() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 3");
    let mut clients = [server.accept(), server.accept(), server.accept()];
    for client in &mut clients {
        client.send_frames(7..9);
    }
    clients[1].send_frames(11..12);
    for client in &mut clients {
        // The one with the gap has left.
        let _ = client.0.write_all(&frame(9));
    }
    drop(clients);
    let found = findings(sink);
    found.expect_broken("missing: frame 9 was due, 11 came");
    assert_eq!(found.number("broken"), 1);
    assert_eq!(found.number("deliveries"), 8);
    assert_eq!(found.ends("reader", "ended"), 2);
}
