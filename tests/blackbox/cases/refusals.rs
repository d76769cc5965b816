//! Who is turned away, counted: nobody too many, nobody too few, not a byte to any of them, and no more lines than are
//! allowed.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::counter;
use crate::harness::{DEADLINE, Fanout, Launch, Reader, Scene, Upstream, arguments, line};

/// So many knock; those beyond the first `admitted` are reset before they are sent a byte.
#[track_caller]
fn knock(fanout: &Fanout, count: u64, admitted: u64, reason: &str) -> Vec<Reader> {
    let knock = |_| Reader::knock(fanout.addr());
    let mut clients: Vec<_> = (0..count).map(knock).collect();
    let key = format!("refused_{}", reason.replace('-', "_"));
    fanout.wait_for_stat(&key, count - admitted);
    for client in clients.drain(usize::try_from(admitted).expect("few")..) {
        let mut client = client;
        client.expect_reset();
        assert_eq!((client.frames(), client.torn()), (0, 0), "{reason}");
    }
    let stats = fanout.stats();
    assert_eq!(line::number(&stats, "accepted"), admitted, "{stats}");
    assert_eq!(line::number(&stats, "clients"), admitted, "{stats}");
    clients
}

/// Case 3.
#[test]
fn fifty_clients_too_many_are_reset_without_a_byte_and_counted() {
    let mut scene = Scene::set("--max-clients 50");
    scene.feed.send(10);
    scene.fanout.wait_for_stat("frames", 10);
    let mut clients = knock(&scene.fanout, 100, 50, "max-clients");
    scene.feed.send(3);
    crate::harness::all_expect(&mut clients, 10..13);
}

/// Case 3, where the system sets the limit.
#[test]
fn clients_beyond_the_descriptor_limit_are_refused_before_accepting_fails() {
    let upstream = Upstream::bind();
    let fanout = Launch::under_limits(64, 64, &arguments(&upstream, "")).start();
    let mut feed = upstream.accept();
    let mut clients = knock(&fanout, 82, 32, "descriptors");
    feed.send(3);
    crate::harness::all_expect(&mut clients, 0..3);
    assert_eq!(line::number(&fanout.stats(), "accept_errors"), 0);
    assert!(fanout.lines().matching("accept paused").is_empty());
}

/// Case 48.
#[test]
fn of_one_address_two_get_in_and_not_one_more() {
    let mut scene = Scene::set("--max-clients-per-ip 2");
    let mut clients = knock(&scene.fanout, 30, 2, "per-ip");
    scene.feed.send(3);
    crate::harness::all_expect(&mut clients, 0..3);
}

/// Case 48.
#[cfg(target_os = "linux")]
#[test]
fn an_ipv4_address_that_is_not_allowed_is_not_let_in_by_an_ipv6_listener() {
    use std::net::{IpAddr, Ipv4Addr};

    if !crate::listeners::has_ipv6() {
        return;
    }
    let mut scene = Scene::set("-l [::]:0 --allow 127.0.0.2 --allow ::ffff:127.0.0.3");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, scene.fanout.addr().port()));
    for round in 1..=5 {
        let mut denied = Reader::knock(to);
        denied.expect_reset();
        assert_eq!((denied.frames(), denied.torn()), (0, 0));
        assert_eq!(counter(&scene, "refused_not_allowed"), round);
    }
    let allowed = [[127, 0, 0, 2], [127, 0, 0, 3]].map(IpAddr::from);
    let mut clients = allowed.map(|from| Reader::connect_from(from, to, 1024));
    scene.fanout.wait_for_stat("clients", 2);
    scene.feed.send(2);
    crate::harness::all_expect(&mut clients, 0..2);
}

/// Case 46: every line that ten thousand clients cause is written or counted, to the last one.
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_that_are_refused_or_reset_fill_no_disk_and_are_counted_exactly() {
    const EACH: u64 = 5_000;
    let mut scene = Scene::set("--max-clients-per-ip 1");
    let started = Instant::now();
    let mut witness = scene.fanout.join();
    for number in 0..EACH {
        Reader::pass_by(scene.fanout.addr());
        // Its own predecessor may not have been let go yet: then it is refused as well.
        reset_from_elsewhere(scene.fanout.addr());
        // No more of them wait to be accepted than a turn accepts.
        if number % 25 == 0 {
            scene.step(&mut witness, 1);
        }
    }
    scene.fanout.wait_for_stat("clients", 1);
    let stats = scene.fanout.stats();
    let [accepted, left, refused] =
        ["accepted", "left_closed", "refused_per_ip"].map(|key| line::number(&stats, key));
    assert_eq!(accepted + refused, 2 * EACH + 1, "{stats}");
    assert_eq!(left, accepted - 1, "{stats}");
    assert!(refused >= EACH, "{stats}");

    let caused = [("joined", accepted), ("left", left), ("refused", refused)];
    let give_up = Instant::now() + DEADLINE;
    while counter(&scene, "lines_suppressed") + written(&scene) < accepted + left + refused {
        assert!(Instant::now() < give_up, "some lines were never summed up");
    }
    let lines = scene.fanout.lines();
    let summaries = lines.matching("client lines suppressed");
    for (what, caused) in caused {
        let written = lines.matching(&format!("client {what} ")).len() as u64;
        let left_out: u64 = summaries.iter().map(|line| line::number(line, what)).sum();
        assert_eq!(written + left_out, caused, "{what}");
    }
    let sum: u64 = summaries
        .iter()
        .map(|line| line::number(line, "lines"))
        .sum();
    assert_eq!(sum, counter(&scene, "lines_suppressed"));
    let seconds = started.elapsed().as_secs() + 1;
    assert!(written(&scene) <= 20 * seconds, "in {seconds} s");
    scene.step(&mut witness, 10);
    assert_eq!(witness.frames(), scene.feed.next());
}

/// Connects from another address and resets, admitted or not.
#[cfg(target_os = "linux")]
#[track_caller]
fn reset_from_elsewhere(to: SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], 0));
    socket.bind(&elsewhere.into()).expect("it is this host");
    if let Err(error) = socket.connect(&to.into()) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    // It fails where the program was quicker.
    let _ = socket.set_linger(Some(Duration::ZERO));
}

/// Lines about clients so far, without those that sum up.
#[cfg(target_os = "linux")]
fn written(scene: &Scene) -> u64 {
    ["client joined ", "client left ", "client refused "]
        .map(|pattern| scene.fanout.lines().matching(pattern).len() as u64)
        .iter()
        .sum()
}

/// A flood that follows a trickle: the lines of the trickle stop counting one by one, and each makes room for one line
/// and for a summary of what comes after it.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_after_a_trickle_is_summed_up_once_a_second() {
    let mut scene = Scene::set("--max-clients-per-ip 1");
    let mut witness = scene.fanout.join();
    for _ in 0..9 {
        reset_from_elsewhere(scene.fanout.addr());
        witness.expect_silence(Duration::from_millis(100));
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        Reader::pass_by(scene.fanout.addr());
        scene.step(&mut witness, 1);
    }
    let lines = scene.fanout.lines();
    let summaries = lines.matching("client lines suppressed").len() as u64;
    let seconds = started.elapsed().as_secs() + 1;
    assert!(summaries <= seconds, "{summaries} in {seconds} s");
}
