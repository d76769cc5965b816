//! Log lines that nobody takes: the loop neither dies nor waits.

use std::io::{BufRead, BufReader};
use std::process::ChildStderr;

use crate::harness::{Fanout, Feed, Launch, Reader, Upstream, arguments, line};

#[test]
fn a_closed_stderr_ends_nothing() {
    let upstream = Upstream::bind();
    let (mut fanout, stderr) = start_untold(&upstream, "--reconnect-min 1ms --reconnect-max 1ms");
    let mut feed = upstream.accept();
    drop(stderr);
    for _ in 0..30 {
        fanout.signal(rustix::process::Signal::USR1);
        drop(Reader::connect(fanout.addr(), 1024));
    }
    let mut client = serving(&fanout, &mut feed);
    drop(feed);
    let mut feed = upstream.accept().starting_at(1 << 32);
    feed.send(5);
    client.read_to((1 << 32) + 4);
    client.half_close();
    assert_eq!(fanout.terminate(), 0);
    client.expect_fin();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stderr_that_nobody_reads_holds_nothing_up() {
    let upstream = Upstream::bind();
    let (mut fanout, stderr) = start_untold(&upstream, "");
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).expect("a pipe can be small");
    let mut feed = upstream.accept();
    let mut client = serving(&fanout, &mut feed);
    for _ in 0..500 {
        fanout.signal(rustix::process::Signal::USR1);
        let next = feed.next();
        feed.send(1);
        client.read_to(next);
    }
    client.half_close();
    assert_eq!(
        fanout.terminate(),
        0,
        "the end does not wait for a reader either"
    );
    client.expect_fin();
    drop(stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_do_not_fit_are_counted_and_the_count_is_printed() {
    let upstream = Upstream::bind();
    let (fanout, stderr) = start_untold(&upstream, "");
    rustix::pipe::fcntl_setpipe_size(&stderr, 4096).expect("a pipe can be small");
    let mut feed = upstream.accept();
    let mut client = serving(&fanout, &mut feed);
    for _ in 0..5_000 {
        fanout.signal(rustix::process::Signal::USR1);
        let next = feed.next();
        feed.send(1);
        client.read_to(next);
    }
    let lines = crate::harness::lines::Lines::gather(stderr);
    let counted = lines.wait_for("log lines", 1);
    let count = line::number(&counted[0], "lines");
    assert!(count > 0, "{counted:?}");
    assert!(lines.matching("stats frames=").len() < 5_000);
}

/// Starts it, reads where it listens, and leaves the rest of its stderr to the test.
fn start_untold(upstream: &Upstream, options: &str) -> (Fanout, ChildStderr) {
    let mut child = Launch::new(&arguments(upstream, options)).spawn();
    let mut stderr = BufReader::with_capacity(1, child.stderr.take().expect("stderr is a pipe"));
    let mut said = String::new();
    while !said.contains("listening addr=") {
        said.clear();
        let length = stderr.read_line(&mut said).expect("stderr is text");
        assert!(length > 0, "the program ended without listening");
    }
    let addr = line::addr(said.trim_end());
    (Fanout::of(child).at(addr), stderr.into_inner())
}

/// A client that frames reach.
fn serving(fanout: &Fanout, feed: &mut Feed) -> Reader {
    let mut client = Reader::connect(fanout.addr(), 1024).counting_gaps();
    // The program does not say when it has accepted: the first frame that comes does.
    loop {
        feed.send(1);
        if client.has_frame() {
            client.next();
            return client;
        }
    }
}
