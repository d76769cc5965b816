//! Standard input as the upstream: `-`.

use std::fs::{self, File};
use std::io::{ErrorKind, PipeWriter, Write, pipe};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
#[cfg(target_os = "linux")]
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fs::OFlags;
use rustix::process::Signal;

use crate::harness::frame::{frame, frames};
#[cfg(target_os = "linux")]
use crate::harness::system;
use crate::harness::wait::is_ready;
use crate::harness::{DEADLINE, Fanout, Feed, Launch, Place, Reader, all_expect, line};

#[test]
fn the_end_of_a_pipe_gives_everybody_everything_and_is_the_end() {
    let place = Place::new();
    let (mut fanout, mut writer) = piped(&format!("-l {}", place.addr()));
    fanout.wait_for_line("upstream connecting addr=-");
    fanout.wait_for_line("upstream connected addr=-");
    let addr = fanout.addr_of("127.0.0.1");
    let mut clients: Vec<_> = (0..5).map(|_| Reader::connect(addr, 1024)).collect();
    clients.extend((0..5).map(|_| place.connect()));
    fanout.wait_for_stat("clients", 10);
    send(&mut writer, 0..300);
    send_bytes(&mut writer, &frame(300, 1024)[..77]);
    drop(writer);
    all_expect(&mut clients, 0..300);
    clients.iter_mut().for_each(Reader::expect_fin);
    drop(clients);
    assert_eq!(fanout.wait_exit(), 0);
    let lost = fanout.wait_for_line("upstream lost");
    let expected = "upstream lost addr=- reason=\"ended\" frames=300 discarded_bytes=77";
    line::assert_shape(&lost, "WARN", expected);
    fanout.wait_for_line("drained clients=10 aborted=0");
    assert!(fanout.lines().matching("upstream retry").is_empty());
    assert_eq!(fanout.lines().matching("reason=upstream-end").len(), 10);
}

#[test]
fn single_bytes_make_whole_frames() {
    let (mut fanout, mut writer) = piped("--frame-size 100");
    let mut client = Reader::connect(fanout.addr(), 100);
    fanout.wait_for_line("client joined");
    for byte in frames(0..20, 100) {
        send_bytes(&mut writer, &[byte]);
    }
    client.expect(0..20);
    drop(writer);
    client.expect_fin();
    drop(client);
    assert_eq!(fanout.wait_exit(), 0);
}

#[test]
fn a_socket_will_do_as_well() {
    let (ours, theirs) = UnixStream::pair().expect("the system gives a pair");
    let mut fanout = from(theirs, "-l 127.0.0.1:0 -").start();
    let mut client = fanout.join();
    let mut feed = Feed::over(OwnedFd::from(ours), 1024);
    feed.send(500);
    client.expect(0..500);
    feed.begin_frame(5);
    drop(feed);
    client.expect_fin();
    drop(client);
    assert_eq!(fanout.wait_exit(), 0);
    fanout.wait_for_line("upstream lost addr=- *frames=500 discarded_bytes=5");
}

#[test]
fn a_client_that_waits_when_a_file_is_opened_gets_all_of_it_however_slowly_it_reads() {
    const FRAMES: u64 = 3_000;
    let place = Place::named("frames");
    fs::write(place.path(), frames(0..FRAMES, 1024)).expect("the folder is ours");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = addr_of(&listener);
    let mut slow = Reader::connect_small(addr, 1024);
    let mut quick = Reader::connect(addr, 1024);
    let options = "--slow wait --backlog 64 --unsent-limit 16KiB --stall-timeout 0 -";
    let mut fanout = with_socket_and_file(listener, &place, options).start();
    // The file is far bigger than the log: the program stands still, and has read a part of it.
    fanout.wait_for_stat("clients", 2);
    let early = line::number(&fanout.stats(), "frames");
    assert!(early < FRAMES, "{early} frames of {FRAMES}");
    #[cfg(target_os = "linux")]
    system::assert_rests(fanout.pid(), || {
        is_ready(&slow, PollFlags::PRI, WINDOW);
    });
    let reader = std::thread::spawn(move || {
        quick.expect(0..FRAMES);
        quick.expect_fin();
    });
    slow.expect(0..FRAMES);
    slow.expect_fin();
    drop(slow);
    reader.join().expect("the other one has everything too");
    assert_eq!(fanout.wait_exit(), 0);
    fanout.wait_for_line(&format!(
        "upstream lost addr=- *frames={FRAMES} discarded_bytes=0"
    ));
}

#[test]
fn an_empty_input_ends_at_once_and_what_cannot_be_read_is_an_error() {
    let null = || File::open("/dev/null").expect("it is there");
    let outcome = from(null(), "-l 127.0.0.1:0 -").run();
    assert_eq!(outcome.code, 0, "{:#?}", outcome.lines);
    let lost = outcome
        .lines
        .iter()
        .find(|line| line.contains("upstream lost"));
    let lost = lost.expect("the end is told");
    assert!(lost.contains("frames=0 discarded_bytes=0"), "{lost}");

    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" <&-", "sh"]);
    let outcome = Launch::by(shell, "-l 127.0.0.1:0 -").run();
    assert_eq!(outcome.code, 0, "closed: {:#?}", outcome.lines);

    let folder = File::open("/").expect("it is there");
    let outcome = from(folder, "-l 127.0.0.1:0 -").run();
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    let complaint = outcome.lines.last().expect("it says why");
    assert!(
        complaint.contains("ERROR") && complaint.contains("is a directory"),
        "{complaint}"
    );
}

#[test]
fn it_is_the_only_upstream_or_none() {
    for upstreams in ["- 127.0.0.1:1", "unix:/run/a -", "- -"] {
        let outcome = Launch::new(&format!("-l 127.0.0.1:0 {upstreams}")).run();
        assert_eq!(outcome.code, 2, "{upstreams}: {:#?}", outcome.lines);
        assert_eq!(outcome.lines.len(), 1, "{upstreams}: {:#?}", outcome.lines);
        assert!(outcome.lines[0].contains('-'), "{:#?}", outcome.lines);
    }
}

#[test]
fn it_can_be_named_in_the_environment() {
    let (reader, mut writer) = pipe().expect("the system gives a pipe");
    let launch = from(reader, "-l 127.0.0.1:0").env("FANOUT_UPSTREAM", "-");
    let mut fanout = launch.start();
    let mut client = fanout.join();
    send(&mut writer, 0..3);
    drop(writer);
    client.expect(0..3);
    client.expect_fin();
    drop(client);
    assert_eq!(fanout.wait_exit(), 0);
}

#[test]
fn a_drain_closes_the_pipe_at_once_whoever_is_still_served() {
    let (mut fanout, mut writer) = piped("--drain-timeout 1h --unsent-limit 16KiB --slow wait");
    let mut behind = fanout.join_small();
    // A pipe takes 64 KiB, so they are written as they are read.
    send(&mut writer, 0..400);
    fanout.wait_for_stat("frames", 400);
    fanout.signal(Signal::TERM);
    fanout.wait_for_line("draining clients=1");
    assert!(
        is_ready(&writer, PollFlags::ERR, DEADLINE),
        "it is still open"
    );
    let error = writer.write(b"x").expect_err("nobody reads it");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
    behind.expect(0..400);
    behind.expect_fin();
    drop(behind);
    assert_eq!(fanout.wait_exit(), 0);
}

#[test]
fn the_mode_of_the_pipe_is_left_as_it_is() {
    let (reader, mut writer) = pipe().expect("the system gives a pipe");
    let witness = reader.try_clone().expect("the system gives a descriptor");
    let before = rustix::fs::fcntl_getfl(&witness).expect("it is open");
    assert!(!before.contains(OFlags::NONBLOCK));
    let mut fanout = from(reader, "-l 127.0.0.1:0 --drain-timeout 1h -").start();
    let mut client = fanout.join();
    send(&mut writer, 0..5);
    client.expect(0..5);
    let during = rustix::fs::fcntl_getfl(&witness).expect("it is open");
    assert_eq!(during, before);
    drop(client);
    assert_eq!(fanout.terminate(), 0);
    let after = rustix::fs::fcntl_getfl(&witness).expect("it is open");
    assert_eq!(after, before);
    // Whoever reads on from here finds what the program has not read.
    send(&mut writer, 5..6);
    let mut left = vec![0; 1024];
    std::io::Read::read_exact(&mut &witness, &mut left).expect("it is there");
    assert!(left == frame(5, 1024));
}

#[test]
fn frames_are_held_back_for_the_linger_and_at_the_end_no_longer() {
    for linger in ["30ms", "1h"] {
        let (mut fanout, mut writer) = piped(&format!("--linger {linger}"));
        let mut client = fanout.join();
        for sequence in 0..40 {
            send(&mut writer, sequence..sequence + 1);
        }
        if linger == "30ms" {
            client.expect(0..40);
            send(&mut writer, 40..50);
        }
        drop(writer);
        let first = client.frames();
        let last = if first == 0 { 40 } else { 50 };
        client.expect(first..last);
        client.expect_fin();
        drop(client);
        assert_eq!(fanout.wait_exit(), 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn while_the_writer_pauses_nothing_wakes_the_program_up() {
    let (fanout, mut writer) = piped("--stale-after 1h");
    let mut client = fanout.join();
    for next in [0, 5] {
        send(&mut writer, next..next + 5);
        client.expect(next..next + 5);
        // In the middle of a frame, too.
        let (begun, rest) = if next == 0 { (0, 0) } else { (100, 924) };
        let torn = frame(10, 1024);
        send_bytes(&mut writer, &torn[..begun]);
        system::assert_rests(fanout.pid(), || client.expect_silence(WINDOW));
        send_bytes(&mut writer, &torn[1024 - rest..]);
    }
    client.expect(10..11);
}

/// Long enough for anything that comes once a second.
#[cfg(target_os = "linux")]
const WINDOW: Duration = Duration::from_millis(1_100);

/// The program with a pipe for its input, whose other end is the test's.
#[track_caller]
fn piped(options: &str) -> (Fanout, PipeWriter) {
    let (reader, writer) = pipe().expect("the system gives a pipe");
    let fanout = from(reader, &format!("{options} -l 127.0.0.1:0 -")).start();
    (fanout, writer)
}

/// The program with this for its input.
fn from(input: impl Into<OwnedFd>, arguments: &str) -> Launch {
    Launch::new(arguments).stdin(Stdio::from(input.into()))
}

/// The program with a listening socket that is passed on, and a file for its input.
fn with_socket_and_file(listener: TcpListener, file: &Place, arguments: &str) -> Launch {
    let path = file.path().display();
    let script = format!("exec 3<&0 0<{path}; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, "sh"]);
    Launch::by(shell, arguments).stdin(Stdio::from(OwnedFd::from(listener)))
}

#[track_caller]
fn send(writer: &mut PipeWriter, sequences: std::ops::Range<u64>) {
    for sequence in sequences {
        send_bytes(writer, &frame(sequence, 1024));
    }
}

/// Waits for room, so that a program that does not read fails the test and does not hold it up.
#[track_caller]
fn send_bytes(writer: &mut PipeWriter, bytes: &[u8]) {
    assert!(
        is_ready(writer.as_fd(), PollFlags::OUT, DEADLINE),
        "nobody reads"
    );
    // Room for a page at least (pipe(7), PIPE_BUF): it is taken at once.
    writer
        .write_all(bytes)
        .expect("the program reads its input");
}

#[track_caller]
fn addr_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("it is bound")
}
