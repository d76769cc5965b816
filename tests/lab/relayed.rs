//! Source and sink with the relay between them: what it promises is what the sink sees.

use std::thread;

use rustix::process::Signal;

use crate::program::Program;
use crate::scene::{Findings, Relay, Source, findings, start_sink};

/// A source that waits for an order, a relay, and a sink whose clients have all joined.
struct Line {
    source: Source,
    relay: Relay,
    sink: Program,
}

impl Line {
    #[track_caller]
    fn start(source: &str, relay: &str, sink: &str, clients: usize) -> Self {
        let source = Source::start(&format!("--orders --json {source}"));
        let relay = Relay::start(source.addr, relay);
        let sink = start_sink(relay.addr, sink);
        for _ in 0..clients {
            relay.program.complaint("client joined");
        }
        Self {
            source,
            relay,
            sink,
        }
    }

    /// Lets frames flow at this pace until the source is done; then the relay has to end by itself.
    #[track_caller]
    fn play(mut self, pace: &str) -> Findings {
        self.source.program.order(pace);
        let found = findings(self.sink);
        assert_eq!(self.relay.program.wait_for_end().code, Some(0), "{found:?}");
        found
    }
}

#[test]
fn every_kind_that_reads_gets_every_frame_and_a_clean_end() {
    let line = Line::start(
        "--count 3000",
        "--no-reconnect",
        "--readers 5 --half-closing 2 --chattering 2 --bursty 2 --latency",
        11,
    );
    let found = line.play("rate 3000");
    found.expect_good();
    assert_eq!(found.number("deliveries"), 33_000);
    for (kind, clients) in [
        ("reader", 5),
        ("half-closing", 2),
        ("chattering", 2),
        ("bursty", 2),
    ] {
        assert_eq!(found.ends(kind, "ended"), clients, "{kind}");
        assert_eq!(found.kind(kind)["frames"], 3000 * clients, "{kind}");
    }
    // Whoever reads four times a second finds frames that have waited.
    let bursty = &found.kind("bursty")["latency_ns"];
    assert!(bursty["max"].as_u64() >= Some(100_000_000), "{bursty}");
    assert!(bursty["p50"].as_u64() >= Some(20_000_000), "{bursty}");
}

#[test]
fn a_cut_or_reset_upstream_is_no_gap_behind_a_relay_that_dials_again() {
    for fault in ["cut", "reset"] {
        let mut line = Line::start(
            &format!("--fault {fault} --fault-after 1000 --count 2000"),
            "--reconnect-min 1ms",
            "--readers 3",
            3,
        );
        line.source.program.order("rate 4000");
        line.relay.program.complaint("upstream lost");
        let sent = line.source.sent();
        assert_eq!(sent["served"], 2, "{fault}: {sent}");
        assert_eq!(sent["frames"], 2000, "{fault}: {sent}");
        line.relay.program.signal(Signal::TERM);
        let found = findings(line.sink);
        found.expect_good();
        assert_eq!(found.number("deliveries"), 6000, "{fault}");
        assert_eq!(found.ends("reader", "ended"), 3, "{fault}");
    }
}

#[test]
fn a_stalled_client_is_thrown_out_and_the_readers_lose_nothing() {
    // More frames than the kernel takes for somebody who does not read.
    let line = Line::start(
        "--count 20000",
        "--no-reconnect --slow wait --stall-timeout 2s",
        "--readers 2 --stalled 1",
        3,
    );
    let found = line.play("flat-out");
    found.expect_good();
    assert_eq!(found.kind("reader")["frames"], 40_000);
    assert_eq!(found.ends("reader", "ended"), 2);
    assert_eq!(found.ends("stalled", "thrown out"), 1);
}

#[test]
fn a_slow_client_is_thrown_out_and_the_readers_lose_nothing() {
    let line = Line::start(
        "--count 12000",
        "--no-reconnect --backlog 8192",
        "--readers 2 --slow 1 --slow-rate 1024",
        3,
    );
    let found = line.play("rate 4000");
    found.expect_good();
    assert_eq!(found.kind("reader")["frames"], 24_000);
    assert_eq!(found.ends("reader", "ended"), 2);
    assert_eq!(found.ends("slow", "thrown out"), 1);
}

#[test]
fn a_slow_client_that_is_skipped_has_gaps_of_whole_frames() {
    let line = Line::start(
        "--count 6000",
        "--no-reconnect --backlog 64 --slow skip",
        "--slow 1 --slow-rate 204800 --gaps-allowed",
        2,
    );
    let found = line.play("rate 3000");
    found.expect_good();
    let slow = found.kind("slow");
    assert!(slow["frames"].as_u64() > Some(0), "{slow}");
    assert!(slow["skipped"].as_u64() > Some(0), "{slow}");
}

#[test]
fn a_reader_that_is_thrown_out_is_a_broken_promise() {
    // A drain that may take no time throws out whoever has a backlog: here, a reader that is stopped.
    let line = Line::start("", "--stall-timeout 1s --slow wait", "--readers 1", 1);
    let Line {
        mut source,
        relay,
        sink,
    } = line;
    sink.signal(Signal::STOP);
    source.program.order("flat-out");
    relay.program.complaint("reason=stalled");
    sink.signal(Signal::CONT);
    findings(sink).expect_broken("reset: aborted after ");
}

#[test]
fn a_storm_beside_readers_is_not_noticed_by_them() {
    let line = Line::start(
        "--count 3000",
        "--no-reconnect",
        "--readers 3 --storm 50",
        10,
    );
    let found = line.play("rate 2000");
    found.expect_good();
    assert_eq!(found.kind("reader")["frames"], 9000);
    assert_eq!(found.ends("reader", "ended"), 3);
    assert!(found.ends("storm", "left") > 7, "{found:?}");
    assert_eq!(found.ends("storm", "broken"), 0, "{found:?}");
}

#[test]
fn two_relays_in_a_row_are_as_good_as_one() {
    let line = Line::start("--count 2000", "--no-reconnect", "--readers 3", 3);
    let second = Relay::start(line.relay.addr, "--no-reconnect");
    let far = start_sink(second.addr, "--readers 3");
    for _ in 0..3 {
        second.program.complaint("client joined");
    }
    let far = thread::spawn(move || findings(far));
    let near = line.play("rate 4000");
    let far = far.join().expect("it ends");
    for found in [near, far] {
        found.expect_good();
        assert_eq!(found.number("deliveries"), 6000);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_servers_cpu_time_is_reported_for_the_deliveries_it_was_used_for() {
    let source = Source::start("--count 4000 --rate 4000 --once");
    let relay = Relay::start(source.addr, "--no-reconnect");
    let watch = format!("--readers 10 --watch {}", relay.program.id());
    let found = findings(start_sink(relay.addr, &watch));
    found.expect_good();
    let server = &found.json["server"];
    assert!(server["cpu_ns"].as_u64() > Some(1_000_000), "{server}");
    assert!(server["deliveries"].as_u64() > Some(0), "{server}");
    assert!(
        server["deliveries"].as_u64() <= Some(found.number("deliveries")),
        "{server}"
    );
}
