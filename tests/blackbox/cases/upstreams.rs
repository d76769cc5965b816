//! An upstream that refuses, one that never accepts, and one that resets in the middle of everything.

use std::time::{Duration, Instant};

use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Launch, Reader, Scene, Upstream, line};

/// Case 30.
#[test]
fn an_upstream_that_refuses_is_not_stormed_and_clients_stay() {
    let closed = Closed::reserve();
    let options = "-l 127.0.0.1:0 --reconnect-min 40ms --reconnect-max 160ms";
    let started = Instant::now();
    let fanout = Launch::new(&format!("{options} {}", closed.addr())).start();
    let mut client = fanout.join();
    let retries = fanout.wait_for_lines("upstream retry in=", 12);
    fanout.wait_for_lines("upstream connecting", retries.len() + 1);
    let elapsed = started.elapsed();
    let waits = retries
        .iter()
        .map(|line| line::duration(line::value(line, "in")));
    let waited: Duration = waits.sum();
    // The lines round to a millisecond.
    let slack = Duration::from_millis(retries.len() as u64);
    assert!(elapsed + slack >= waited, "{waited:?} in {elapsed:?}");
    for (retry, nominal) in retries
        .iter()
        .zip([40, 80].into_iter().chain([160].into_iter().cycle()))
    {
        let wait = line::duration(line::value(retry, "in"));
        let nominal = Duration::from_millis(nominal);
        assert!(wait >= nominal / 2 && wait <= nominal, "{retry}");
    }
    let stats = fanout.stats();
    let losses = line::number(&stats, "upstream_losses");
    // Each attempt is a line, a loss and a wait, and a few turns; nothing else happens.
    let connecting = fanout.lines().matching("upstream connecting").len() as u64;
    assert!(connecting.abs_diff(losses) <= 1, "{connecting}: {stats}");
    assert!(
        line::number(&stats, "turns") <= 4 * connecting + 20,
        "{stats}"
    );
    assert_eq!(line::number(&stats, "upstream_connects"), 0, "{stats}");
    assert_eq!(line::number(&stats, "clients"), 1, "{stats}");
    let lost = fanout.wait_for_line("upstream lost");
    assert_eq!(line::value(&lost, "reason"), "connection refused", "{lost}");

    let upstream = closed.open(1024);
    let mut feed = upstream.accept();
    feed.send(3);
    client.expect(0..3);
}

#[cfg(target_os = "linux")]
#[test]
fn attempts_that_fail_leave_no_descriptor_behind() {
    use crate::harness::system;

    let closed = Closed::reserve();
    let options = "-l 127.0.0.1:0 --reconnect-min 1ms --reconnect-max 1ms";
    let fanout = Launch::new(&format!("{options} {}", closed.addr())).start();
    fanout.wait_for_lines("upstream retry in=", 5);
    let most = system::descriptors(fanout.pid()).len() + 1;
    fanout.wait_for_lines("upstream retry in=", 200);
    let now = system::descriptors(fanout.pid()).len();
    assert!(now <= most, "{now} descriptors, {most} allowed");
}

/// Case 33.
#[cfg(target_os = "linux")]
#[test]
fn an_upstream_that_never_accepts_is_given_up_and_never_has_two_connections() {
    let upstream = Upstream::bind();
    let options =
        "--upstream-timeout 600ms --stale-after 100ms --reconnect-min 1ms --reconnect-max 1ms";
    let fanout = Fanout::start(&upstream, options);
    let mut client = fanout.join();
    for round in 1..=3 {
        fanout.wait_for_lines("upstream connected", round);
        let live = live_connections_to(upstream.addr());
        assert!(live <= 1, "{live} connections at once");
        fanout.wait_for_lines("upstream stale", round);
        fanout.wait_for_lines("upstream lost", round);
    }
    // Server A has time again. Those that were given up have ended; the first that has not is served.
    let lost = fanout.lines().matching("upstream lost").len();
    for _ in 0..lost {
        upstream.accept().wait_for_end();
    }
    while !feeds(&mut upstream.accept(), &mut client) {}
    assert_eq!(client.frames(), 1);
}

/// Whether the client is given a frame of this connection, which the program may have given up.
#[cfg(target_os = "linux")]
fn feeds(feed: &mut crate::harness::Feed, client: &mut Reader) -> bool {
    feed.send(1);
    client.has_frame() && client.next() == 0
}

/// How many connections to this address are being made or have been, and not ended, on this side.
#[cfg(target_os = "linux")]
fn live_connections_to(addr: std::net::SocketAddr) -> usize {
    let std::net::SocketAddr::V4(addr) = addr else {
        panic!("the table of IPv4 sockets has no {addr}");
    };
    let ip = u32::from_le_bytes(addr.ip().octets());
    let remote = format!("{ip:08X}:{:04X}", addr.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let is_live = |row: &&str| {
        let fields: Vec<_> = row.split_whitespace().collect();
        // proc_net_tcp: 01 is ESTABLISHED, 02 is SYN_SENT.
        fields[2] == remote && ["01", "02"].contains(&fields[3])
    };
    table.lines().filter(is_live).count()
}

/// Case 35: Linux keeps for the reader what came before the reset.
#[cfg(target_os = "linux")]
#[test]
fn all_frames_before_a_reset_are_published_and_the_rest_is_counted_to_the_byte() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
    let mut client = scene.fanout.join();
    let (mut frames, mut discarded) = (0, 0);
    for round in 1..=15 {
        let part = round * 67;
        scene.feed.send(round);
        scene.feed.begin_frame(usize::try_from(part).expect("few"));
        scene.feed.reset();
        (frames, discarded) = (frames + round, discarded + part);
        client.expect(frames - round..frames);
        let count = usize::try_from(round).expect("few");
        let lost = scene.fanout.wait_for_lines("upstream lost", count).pop();
        let lost = lost.expect("a line");
        assert_eq!(line::number(&lost, "frames"), round, "{lost}");
        assert_eq!(line::number(&lost, "discarded_bytes"), part, "{lost}");
        assert!(line::value(&lost, "reason").contains("reset"), "{lost}");
        scene.feed = scene.upstream.accept().starting_at(frames);
    }
    let stats = scene.fanout.stats();
    assert_eq!(
        line::number(&stats, "discarded_bytes"),
        discarded,
        "{stats}"
    );
    assert_eq!(line::number(&stats, "frames"), frames, "{stats}");
    scene.feed.send(1);
    client.expect(frames..frames + 1);
}
