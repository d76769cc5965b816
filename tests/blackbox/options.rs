//! What options do that no other file is about: frame sizes, holding back, what the kernel holds, log levels.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Fanout, Launch, Scene, Upstream, arguments, line};

#[test]
fn a_frame_can_be_one_byte() {
    let upstream = Upstream::bind();
    let fanout = Launch::new(&format!(
        "-l 127.0.0.1:0 --frame-size 1 {}",
        upstream.addr()
    ))
    .start();
    let mut feed = upstream.accept();
    let mut client = TcpStream::connect(fanout.addr()).expect("the program listens");
    client
        .set_read_timeout(Some(DEADLINE))
        .expect("a time is valid");
    fanout.wait_for_line("client joined");
    feed.send_bytes(b"one by one");
    let mut bytes = [0; 10];
    client.read_exact(&mut bytes).expect("ten frames come");
    assert_eq!(&bytes, b"one by one");
    assert_eq!(line::number(&fanout.stats(), "frames"), 10);
}

#[test]
fn a_frame_can_be_one_mebibyte() {
    let mut scene = Scene::with_frame_size(1 << 20, "--backlog 4");
    let mut client = scene.fanout.join();
    scene.step(&mut client, 3);
    scene.feed.begin_frame((1 << 20) - 1);
    scene.feed.send(1);
    client.expect(3..5);
}

#[test]
fn a_frame_can_have_an_odd_size() {
    for size in [21, 1_023, 4_097] {
        let mut scene = Scene::with_frame_size(size, "--backlog 500");
        let mut client = scene.fanout.join();
        scene.feed.send(400);
        client.expect(0..400);
    }
}

#[test]
fn a_backlog_of_one_frame_is_enough_for_a_ready_client() {
    for policy in ["disconnect", "skip", "wait"] {
        let mut scene = Scene::set(&format!("--backlog 1 --slow {policy}"));
        let mut client = scene.fanout.join();
        scene.step(&mut client, 50);
        scene.feed.send(20);
        client.expect(50..70);
    }
}

#[test]
fn linger_holds_a_frame_back_but_not_for_ever() {
    let mut scene = Scene::set("--linger 500ms");
    let mut client = scene.fanout.join();
    let sent = Instant::now();
    scene.feed.send(1);
    client.expect(0..1);
    assert!(
        sent.elapsed() >= Duration::from_millis(400),
        "published after {:?}",
        sent.elapsed()
    );
    scene.feed.send(100);
    client.expect(1..101);
}

#[test]
fn without_linger_a_frame_is_published_at_once() {
    let mut scene = Scene::set("--linger 0");
    let mut client = scene.fanout.join();
    let sent = Instant::now();
    // With any periodic hold-back, a thousand round trips would add up to it a thousand times.
    scene.step(&mut client, 1_000);
    assert!(sent.elapsed() < DEADLINE, "{:?}", sent.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn the_unsent_limit_shrinks_what_the_kernel_holds() {
    let held = |limit: &str| {
        let mut scene = Scene::set(&format!("--backlog 16 --unsent-limit {limit}"));
        let stuck = scene.fanout.join();
        let mut witness = scene.fanout.join();
        scene.step_until(&mut witness, "client left");
        line::number(&scene.fanout.wait_for_departure(stuck.addr()), "frames")
    };
    let (small, unlimited) = (held("16KiB"), held("0"));
    assert!(
        small * 3 < unlimited,
        "{small} frames with a limit, {unlimited} without"
    );
}

#[test]
fn the_number_of_clients_follows_from_the_descriptor_limit() {
    let upstream = Upstream::bind();
    let fanout = Launch::under_limits(60, 200, &arguments(&upstream, "")).start();
    let limits = fanout.wait_for_line("limits max_clients=");
    line::assert_shape(&limits, "INFO", "limits max_clients=168 descriptors=200");
}

#[test]
fn log_level_off_says_nothing() {
    let upstream = Upstream::bind();
    let mut fanout = Launch::new(&arguments(&upstream, "--log-level off")).start_unheard();
    drop(upstream.accept());
    drop(upstream.accept());
    assert_eq!(fanout.terminate(), 0);
    assert_eq!(fanout.lines().wait_for_end(), [""; 0]);
}

#[test]
fn log_level_warn_says_what_went_wrong_only() {
    let upstream = Upstream::bind();
    let mut fanout = Launch::new(&arguments(&upstream, "--log-level warn")).start_unheard();
    drop(upstream.accept());
    fanout.wait_for_line("WARN*upstream lost");
    drop(upstream.accept());
    assert_eq!(fanout.terminate(), 0);
    let lines = fanout.lines().wait_for_end();
    assert!(
        lines
            .iter()
            .all(|line| line::Parts::of(line).level == "WARN"),
        "{lines:#?}"
    );
}

#[test]
fn every_log_level_works() {
    for level in ["error", "debug", "trace"] {
        let upstream = Upstream::bind();
        let options = arguments(&upstream, &format!("--log-level {level}"));
        let mut fanout = Launch::new(&options).start_unheard();
        upstream.accept().send(1);
        upstream.accept().send(1);
        assert_eq!(fanout.terminate(), 0, "{level}");
    }
}

#[test]
fn a_listener_can_be_named_long_or_short() {
    let upstream = Upstream::bind();
    for option in [
        "-l 127.0.0.1:0",
        "-l127.0.0.1:0",
        "--listen 127.0.0.1:0",
        "--listen=127.0.0.1:0",
    ] {
        let fanout: Fanout = Launch::new(&format!("{option} {}", upstream.addr())).start();
        let mut client = TcpStream::connect(fanout.addr()).expect("the program listens");
        client.write_all(b"anybody?").expect("it is connected");
        drop(upstream.accept());
    }
}

#[test]
fn a_backlog_that_no_memory_holds_is_fatal_and_said_in_one_line() {
    let upstream = Upstream::bind();
    // More than the addresses that a process has on any 64-bit system, and less than there are numbers.
    let options = arguments(&upstream, "--backlog 1000000000000000");
    let outcome = Launch::new(&options).run();
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    let [line] = &outcome.lines[..] else {
        panic!("nothing else is said: {:#?}", outcome.lines);
    };
    let bytes = 1_000_000_000_000_000_u64 * 1024 + 192 * 1024;
    let what = format!("cannot allocate {bytes} bytes for the frame log");
    assert!(line.contains(&what), "{line}");
    assert!(!upstream.is_dialled(), "nothing is opened");
}
