//! Standard error that takes nothing: every line is printed or counted, and the loop goes on.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::ChildStderr;

use rustix::process::Signal;

use crate::harness::lines::Lines;
use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Launch, Reader, Upstream, arguments, line};

/// Case 45.
#[test]
fn every_line_that_a_full_pipe_did_not_take_is_counted() {
    const RECONNECTS: u64 = 1_000;
    let upstream = Upstream::bind();
    let options = "--reconnect-min 1ms --reconnect-max 1ms";
    let mut child = Launch::new(&arguments(&upstream, options)).spawn();
    let (stderr, addr) = read_until_connected(child.stderr.take().expect("stderr is a pipe"));
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).expect("a pipe can be small");
    let mut fanout = Fanout::of(child).at(addr);
    let mut feed = upstream.accept();
    let mut client = Reader::connect(addr, 1024).counting_gaps();
    while !client.has_frame() {
        feed.send(1);
    }
    // Each of these is four lines: lost, retry, connecting, connected.
    for _ in 0..RECONNECTS {
        drop(feed);
        feed = upstream.accept();
    }
    let mut feed = feed.starting_at(1 << 32);
    feed.send(5);
    client.read_to((1 << 32) + 4);

    let lines = Lines::gather(stderr);
    lines.wait_for("log lines lost lines=", 1);
    client.half_close();
    assert_eq!(fanout.terminate(), 0);
    client.expect_fin();
    let said = lines.wait_for_end();
    let (counts, printed): (Vec<_>, Vec<_>) = said
        .iter()
        .partition(|line| line.contains("log lines lost"));
    let lost: u64 = counts.iter().map(|line| line::number(line, "lines")).sum();
    assert!(lost > 0, "nothing was lost: nothing is shown");
    // Beside those of the upstream: joined, draining, left, drained.
    assert_eq!(printed.len() as u64 + lost, 4 * RECONNECTS + 4);
}

/// Reads until the program is connected to its upstream; also returns where it listens.
#[track_caller]
fn read_until_connected(stderr: ChildStderr) -> (ChildStderr, SocketAddr) {
    let mut stderr = BufReader::with_capacity(1, stderr);
    let mut said = String::new();
    let mut addr = None;
    loop {
        said.clear();
        let length = stderr.read_line(&mut said).expect("stderr is text");
        assert!(length > 0, "the program ended");
        if said.contains("listening addr=") {
            addr = Some(line::addr(said.trim_end()));
        }
        if said.contains("upstream connected") {
            return (stderr.into_inner(), addr.expect("it listens first"));
        }
    }
}

/// Case 45: a full disk, or no standard error at all.
#[test]
fn a_standard_error_that_cannot_be_written_ends_nothing() {
    for redirection in ["2>/dev/full", "2>&-"] {
        let upstream = Upstream::bind();
        // It cannot say where it listens. The address is this test's own, so nobody else takes the port meanwhile.
        let closed = Closed::reserve();
        let addr = closed.addr();
        drop(closed);
        let options = format!("-l {addr} --reconnect-min 1ms --reconnect-max 1ms");
        let script = format!("{} {redirection}", arguments(&upstream, &options));
        let mut fanout = Launch::under_limits(500, 500, &script)
            .start_unheard()
            .at(addr);
        drop(upstream.accept());
        let mut feed = upstream.accept();
        let mut client = Reader::connect(addr, 1024).counting_gaps();
        for _ in 0..100 {
            Reader::connect(addr, 1024).reset();
            fanout.signal(Signal::USR1);
        }
        while !client.has_frame() {
            feed.send(1);
        }
        client.half_close();
        assert_eq!(fanout.terminate(), 0, "{redirection}");
        client.read_to_end();
        assert_eq!(client.torn(), 0, "{redirection}");
    }
}
