//! What the sink calls an end, and what a broken promise.

use std::io::Write;

use rustix::process::Signal;

use crate::scene::{Findings, Source, findings, sink, start_sink};
use crate::socket::{Server, frame};

#[test]
fn a_clean_run_has_exact_counts() {
    for options in [
        "",
        "--frame-size 32",
        "--frame-size 1001",
        "--check ends",
        "--latency",
    ] {
        let size = if options.contains("frame-size") {
            options
        } else {
            ""
        };
        let source = Source::start(&format!("--count 2000 --rate 0 --once --json {size}"));
        let found = sink(source.addr, options);
        found.expect_good();
        assert_eq!(found.number("deliveries"), 2000, "{options}");
        assert_eq!(found.number("skipped"), 0, "{options}");
        assert_eq!(found.kind("reader")["clients"], 1, "{options}");
        assert_eq!(found.kind("reader")["frames"], 2000, "{options}");
        assert_eq!(found.ends("reader", "ended"), 1, "{options}");
        let sent = source.sent();
        assert_eq!(sent["frames"], 2000, "{options}");
        assert_eq!(sent["clients"][0]["frames"], 2000, "{options}");
        let latency = &found.kind("reader")["latency_ns"];
        assert_eq!(
            latency["max"].as_u64() > Some(0),
            options == "--latency",
            "{latency}"
        );
    }
}

#[test]
fn so_many_frames_are_enough_and_no_more_are_counted() {
    let source = Source::start("--rate 0");
    let found = sink(source.addr, "--frames 1234");
    found.expect_good();
    assert_eq!(found.number("deliveries"), 1234);
    assert_eq!(found.ends("reader", "left"), 1);
}

#[test]
fn so_much_time_is_enough() {
    let source = Source::start("--rate 2000");
    let found = sink(source.addr, "--for 300ms");
    found.expect_good();
    assert_eq!(found.ends("reader", "open"), 1);
    assert!(found.json["seconds"].as_f64() >= Some(0.3), "{found:?}");
}

#[test]
fn a_reset_of_a_client_that_keeps_up_is_a_broken_promise() {
    for kind in ["reader", "half-closing", "chattering"] {
        let found = after_a_reset(kind);
        found.expect_broken("reset: aborted after 3 frames");
        assert_eq!(found.ends(kind, "broken"), 1, "{kind}");
    }
}

#[test]
fn a_client_that_lags_on_purpose_may_be_thrown_out() {
    for kind in ["slow", "bursty", "stalled"] {
        let found = after_a_reset(kind);
        found.expect_good();
        assert_eq!(found.ends(kind, "thrown out"), 1, "{kind}");
    }
}

/// What a client of this kind finds when three frames and a reset come.
#[track_caller]
fn after_a_reset(kind: &str) -> Findings {
    let server = Server::open();
    let count = match kind {
        "reader" => String::new(),
        kind => format!("--readers 0 --{kind} 1 --slow-rate 100000"),
    };
    let sink = start_sink(server.addr(), &count);
    let mut client = server.accept();
    client.send_frames(7..10);
    client.reset();
    findings(sink)
}

#[test]
fn an_end_before_the_wanted_number_of_frames_is_a_broken_promise() {
    let source = Source::start("--count 100 --rate 0 --once");
    let found = sink(source.addr, "--frames 101");
    found.expect_broken("ended: the server ended the stream after 100 frames");
}

#[test]
fn a_stream_that_does_not_begin_with_a_frame_is_a_broken_promise() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "");
    let mut client = server.accept();
    client.0.write_all(&frame(7)[100..]).expect("it reads");
    client.send_frames(8..10);
    drop(client);
    findings(sink).expect_broken("off-boundary");
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_a_broken_promise() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "");
    let mut client = server.accept();
    client.send_frames(7..10);
    client.0.write_all(&frame(10)[..100]).expect("it reads");
    drop(client);
    findings(sink).expect_broken("cut: the stream ended 100 bytes into frame 10");
}

#[test]
fn an_interrupted_sink_reports() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--half-closing 1");
    let mut clients = [server.accept(), server.accept()];
    for client in &mut clients {
        client.send_frames(7..9);
    }
    // What was there before the signal is read before it is heeded.
    sink.signal(Signal::INT);
    let found = findings(sink);
    found.expect_good();
    assert_eq!(found.number("deliveries"), 4);
    assert_eq!(found.ends("reader", "open"), 1);
    assert_eq!(found.ends("half-closing", "open"), 1);
}

#[test]
fn a_gap_may_be_allowed_and_is_counted_then_but_a_repeated_frame_may_not() {
    for check in ["all", "ends"] {
        let source = Source::start("--count 500 --rate 0 --once --fault missing --fault-after 100");
        let found = sink(source.addr, &format!("--gaps-allowed --check {check}"));
        found.expect_good();
        assert_eq!(
            (found.number("deliveries"), found.number("skipped")),
            (499, 1)
        );

        let source =
            Source::start("--count 500 --rate 0 --once --fault repeated --fault-after 100");
        let found = sink(source.addr, &format!("--gaps-allowed --check {check}"));
        found.expect_broken("repeated: frame 100 was due, 99 came again");
    }
}

#[test]
fn a_reader_that_was_sent_nothing_is_a_broken_promise() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 2 --for 200ms");
    let [mut first, second] = [server.accept(), server.accept()];
    first.send_frames(0..3);
    findings(sink).expect_broken("reader 2: nothing: no frame came");
    drop((first, second));
}

#[test]
fn streams_that_end_at_different_frames_are_a_broken_promise() {
    let server = Server::open();
    let sink = start_sink(server.addr(), "--readers 2");
    let [mut first, mut second] = [server.accept(), server.accept()];
    first.send_frames(0..3);
    second.send_frames(1..2);
    drop(first);
    drop(second);
    findings(sink).expect_broken("uneven: the stream ended before frame");
}
