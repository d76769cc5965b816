//! The upstream side: names, several upstreams, silence, and what clients notice of it (nothing).

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Launch, Scene, Upstream, line};

#[test]
fn an_upstream_can_be_a_name() {
    let upstream = Closed::reserve_at(Ipv4Addr::LOCALHOST).open(1024);
    let arguments = format!("-l 127.0.0.1:0 localhost:{}", upstream.addr().port());
    let fanout = Launch::new(&arguments).start();
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    feed.send(2);
    client.expect(0..2);
}

#[test]
fn upstreams_are_tried_in_order_without_a_wait_between_them() {
    let (first, second) = (Closed::reserve(), Closed::reserve());
    let third = Upstream::bind();
    // A wait between them would be longer than the test's patience.
    let options = format!(
        "--reconnect-min 60s --reconnect-max 60s {} {}",
        first.addr(),
        second.addr()
    );
    let fanout = Fanout::start(&third, &options);
    let mut feed = third.accept();
    let dialled: Vec<_> = fanout
        .wait_for_lines("upstream connecting", 3)
        .iter()
        .map(|l| line::addr(l))
        .collect();
    assert_eq!(dialled, [first.addr(), second.addr(), third.addr()]);
    let mut client = fanout.join();
    feed.send(2);
    client.expect(0..2);
}

#[test]
fn the_wait_comes_after_the_last_upstream() {
    let closed = [Closed::reserve(), Closed::reserve(), Closed::reserve()];
    let addrs = closed.each_ref().map(|closed| closed.addr().to_string());
    let arguments = format!(
        "-l 127.0.0.1:0 --reconnect-min 20ms --reconnect-max 20ms {}",
        addrs.join(" ")
    );
    let fanout = Launch::new(&arguments).start();
    fanout.wait_for_lines("upstream retry in=", 2);
    let lines = fanout.lines().all();
    let round: Vec<_> = lines
        .iter()
        .filter_map(|line| step_of(line))
        .take(8)
        .collect();
    let dialled = |addr: &String| format!("connecting {addr}");
    let mut expected: Vec<_> = addrs.iter().map(dialled).collect();
    expected.push("retry".to_owned());
    assert_eq!(round, [expected.clone(), expected].concat());
}

/// What a line says about dialling.
fn step_of(line: &str) -> Option<String> {
    if line::matches(line, "upstream connecting addr=") {
        return Some(format!("connecting {}", line::addr(line)));
    }
    line::matches(line, "upstream retry in=").then(|| "retry".to_owned())
}

#[test]
fn there_are_never_two_connections_at_once() {
    let first = Upstream::bind();
    let second = Upstream::bind();
    let options = format!("--reconnect-min 1ms --reconnect-max 1ms {}", first.addr());
    let fanout = Fanout::start(&second, &options);
    let mut client = fanout.join();
    let mut feed = first.accept();
    feed.send(5);
    client.expect(0..5);
    assert!(!second.is_dialled(), "the first upstream serves");
    drop((feed, first));
    let mut feed = second.accept().starting_at(5);
    feed.send(5);
    client.expect(5..10);
    drop(feed);
    second.accept().starting_at(10).send(1);
    client.expect(10..11);
}

#[test]
fn clients_stay_while_the_upstream_refuses() {
    let closed = Closed::reserve();
    let arguments = format!(
        "-l 127.0.0.1:0 --reconnect-min 1ms --reconnect-max 5ms {}",
        closed.addr()
    );
    let fanout = Launch::new(&arguments).start();
    let mut client = fanout.join();
    fanout.wait_for_lines("upstream connecting", 5);
    let upstream = closed.open(1024);
    let mut feed = upstream.accept();
    feed.send(3);
    client.expect(0..3);
}

#[test]
fn clients_stay_while_the_upstream_resets() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 5ms");
    let mut client = scene.fanout.join();
    for _ in 0..5 {
        let next = scene.feed.next();
        scene.feed.send(4);
        client.expect(next..next + 4);
        scene.feed.reset();
        scene.feed = scene.upstream.accept().starting_at(next + 4);
    }
    assert_eq!(scene.fanout.wait_for_lines("upstream lost", 5).len(), 5);
}

#[test]
fn frames_before_a_reset_are_published() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 5ms");
    let mut client = scene.fanout.join();
    scene.feed.send(3);
    // Linux keeps for the reader what came before the reset; elsewhere it may be gone, so read first.
    client.expect(0..3);
    scene.feed.begin_frame(10);
    scene.feed.reset();
    let lost = scene.fanout.wait_for_line("upstream lost");
    assert_eq!(line::number(&lost, "frames"), 3, "{lost}");
    scene.upstream.accept().starting_at(3).send(1);
    client.expect(3..4);
}

#[test]
fn a_name_that_does_not_resolve_is_passed_over() {
    let upstream = Upstream::bind();
    // A label of 64 letters is one too long: no resolver has to be asked.
    let options = format!(
        "--reconnect-min 60s --reconnect-max 60s {}.test:1",
        "a".repeat(64)
    );
    let fanout = Fanout::start(&upstream, &options);
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    feed.send(2);
    client.expect(0..2);
}

#[test]
fn a_name_that_does_not_resolve_is_tried_again() {
    let name = format!("{}.test:1", "a".repeat(64));
    let arguments = format!("-l 127.0.0.1:0 --reconnect-min 1ms --reconnect-max 5ms {name}");
    let fanout = Launch::new(&arguments).start();
    let _client = fanout.join();
    fanout.wait_for_lines("upstream retry in=", 3);
    fanout.wait_for_lines(&name, 3);
}

#[cfg(target_os = "linux")]
#[test]
fn a_connect_that_is_never_answered_is_given_up() {
    let closed = Closed::reserve();
    let deaf = closed.addr();
    let (_listener, _dialled) = closed.open_deaf();
    let upstream = Upstream::bind();
    let options = format!("--connect-timeout 200ms --reconnect-min 60s --reconnect-max 60s {deaf}");
    let fanout = Fanout::start(&upstream, &options);
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    fanout.wait_for_line(&format!("upstream connecting addr={deaf}"));
    feed.send(2);
    client.expect(0..2);
}

#[test]
fn a_silent_upstream_is_stale_once_an_episode_and_kept() {
    let mut scene = Scene::set("--stale-after 100ms");
    let mut client = scene.fanout.join();
    let stale = scene.fanout.wait_for_line("upstream stale");
    line::assert_shape(
        &stale,
        "WARN",
        "upstream stale addr=@ silent_for=~ connected but no frames;",
    );
    assert!(
        stale.ends_with("is server A busy with another client?"),
        "{stale}"
    );
    assert_eq!(line::addr(&stale), scene.upstream.addr());
    // The episode goes on for several times as long.
    client.expect_silence(Duration::from_millis(500));
    assert_eq!(
        scene.fanout.lines().matching("upstream stale").len(),
        1,
        "one warning per episode"
    );
    scene.feed.send(1);
    client.expect(0..1);
    scene.fanout.wait_for_lines("upstream stale", 2);
    scene.feed.send(1);
    client.expect(1..2);
    assert!(
        scene.fanout.lines().matching("upstream lost").is_empty(),
        "a stale upstream is kept"
    );
}

#[test]
fn an_upstream_in_the_middle_of_a_frame_is_stale_too() {
    let mut scene = Scene::set("--stale-after 100ms");
    scene.feed.begin_frame(500);
    scene.fanout.wait_for_line("upstream stale");
}

#[test]
fn an_upstream_that_was_never_accepted_is_stale() {
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, "--stale-after 100ms");
    // Its connection waits in the accept queue of server A, which is busy with another client.
    fanout.wait_for_line("upstream stale");
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    feed.send(1);
    client.expect(0..1);
    assert!(!upstream.is_dialled(), "it is the same connection");
}

#[test]
fn a_silent_upstream_is_dialled_again_after_its_timeout() {
    let mut scene = Scene::set(
        "--upstream-timeout 1s --stale-after 1h --reconnect-min 1ms --reconnect-max 1ms",
    );
    let mut client = scene.fanout.join();
    scene.feed.begin_frame(100);
    let lost = scene.fanout.wait_for_line("upstream lost");
    scene.feed.wait_for_end();
    assert_eq!(line::addr(&lost), scene.upstream.addr());
    let mut feed = scene.upstream.accept();
    feed.send(1);
    client.expect(0..1);
}

#[test]
fn an_ipv6_upstream_stands_in_brackets() {
    if !crate::listeners::has_ipv6() {
        return;
    }
    let listener = std::net::TcpListener::bind("[::1]:0").expect("this host has ::1");
    let addr = listener.local_addr().expect("it is bound");
    let fanout = Launch::new(&format!("-l 127.0.0.1:0 {addr}")).start();
    let _connection = listener.accept().expect("the program connects");
    let connected = fanout.wait_for_line("upstream connected");
    assert_eq!(line::addr(&connected), addr);
}

#[test]
fn server_a_never_receives_a_byte() {
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    client.send(b"not for server A");
    scene.step(&mut client, 5);
    client.half_close();
    scene.fanout.signal(rustix::process::Signal::TERM);
    scene.feed.wait_for_end();
}
