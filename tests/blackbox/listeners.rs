//! Listeners: addresses, names, several of them, and those that cannot be had.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use crate::harness::{Fanout, Launch, Reader, Scene, Upstream, all_expect, arguments, line};

#[test]
fn port_zero_lets_the_system_choose() {
    let scene = Scene::set("-l 127.0.0.1:0");
    assert_ne!(scene.fanout.addr().port(), 0);
    scene.fanout.join();
}

#[test]
fn every_listener_serves_the_same_frames() {
    let mut scene = Scene::set("-l 127.0.0.1:0 --listen 127.0.0.1:0 --listen=127.0.0.1:0");
    let lines = scene.fanout.wait_for_lines("listening addr=", 3);
    let join = |line: &String| scene.fanout.joined(Reader::connect(line::addr(line), 1024));
    let mut clients: Vec<_> = lines.iter().map(join).collect();
    scene.feed.send(3);
    all_expect(&mut clients, 0..3);
}

#[test]
fn a_name_is_bound_on_all_its_addresses_with_one_port() {
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, "-l localhost:0");
    let mut feed = upstream.accept();
    let names = ("localhost", 0)
        .to_socket_addrs()
        .expect("localhost has an address");
    let mut wanted: Vec<IpAddr> = names
        .map(|addr| addr.ip())
        .filter(|ip| ip.is_ipv4() || has_ipv6())
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let addrs: Vec<_> = fanout
        .wait_for_lines("listening addr=", wanted.len())
        .iter()
        .map(|l| line::addr(l))
        .collect();
    let mut bound: Vec<_> = addrs.iter().map(SocketAddr::ip).collect();
    bound.sort_unstable();
    assert_eq!(bound, wanted);
    assert!(
        addrs.iter().all(|addr| addr.port() == addrs[0].port()),
        "{addrs:?}"
    );
    let mut clients: Vec<_> = addrs
        .iter()
        .map(|addr| fanout.joined(Reader::connect(*addr, 1024)))
        .collect();
    feed.send(2);
    all_expect(&mut clients, 0..2);
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    if !has_ipv6() {
        return;
    }
    let mut scene = Scene::set("-l [::1]:0");
    assert_eq!(scene.fanout.addr().ip(), IpAddr::from(Ipv6Addr::LOCALHOST));
    let mut client = scene.fanout.join();
    scene.feed.send(2);
    client.expect(0..2);
}

#[test]
fn without_the_option_it_listens_on_localhost_1235() {
    let upstream = Upstream::bind();
    let fanout = Launch::new(&upstream.addr().to_string()).start_unheard();
    // Somebody else may have the port; then the program says so.
    let line = fanout.wait_for_line(":1235");
    if line.contains("listening addr=") {
        line::assert_shape(&line, "INFO", "listening addr=@ slow=disconnect replay=0");
        assert!(line::addr(&line).ip().is_loopback());
    } else {
        assert_eq!(fanout.wait_for_end().code, 1);
    }
}

#[test]
fn a_listener_has_options_of_its_own() {
    let mut scene = Scene::set(
        "--replay 2 --slow wait -l 127.0.0.1:0 -l 127.0.0.1:0,slow=skip,replay=5 \
         -l 127.0.0.1:0,replay=0,slow=disconnect",
    );
    scene
        .fanout
        .wait_for_line("listening addr=127.0.0.1:*slow=wait replay=2");
    scene
        .fanout
        .wait_for_line("listening addr=127.0.0.1:*slow=skip replay=5");
    scene
        .fanout
        .wait_for_line("listening addr=127.0.0.1:*slow=disconnect replay=0");
    let mut witness = scene
        .fanout
        .joined(Reader::connect(scene.fanout.addr_of("slow=wait"), 1024));
    scene.step(&mut witness, 10);
    for (slow, first) in [("wait", 8), ("skip", 5), ("disconnect", 10)] {
        let addr = scene.fanout.addr_of(&format!("slow={slow}"));
        let mut client = scene.fanout.joined(Reader::connect(addr, 1024));
        let next = scene.feed.next();
        scene.feed.send(1);
        witness.expect(next..next + 1);
        client.expect(first + next - 10..next + 1);
    }
}

#[test]
fn the_policy_of_one_listener_is_not_anothers() {
    let mut scene =
        Scene::set("--backlog 20 --unsent-limit 16KiB -l 127.0.0.1:0,slow=skip -l 127.0.0.1:0");
    let connect = |slow: &str| Reader::connect_small(scene.fanout.addr_of(slow), 1024);
    let skipped = scene.fanout.joined(connect("slow=skip"));
    let mut disconnected = scene.fanout.joined(connect("slow=disconnect"));
    let mut witness = scene.fanout.join();
    let left = scene.step_until(&mut witness, "client left");
    assert_eq!(line::addr(&left), disconnected.addr());
    disconnected.expect_reset();
    scene.step(&mut witness, 100);
    let mut skipped = skipped.counting_gaps();
    skipped.read_to(scene.feed.next() - 1);
    assert!(skipped.missing() > 0);
}

#[test]
fn a_listener_that_cannot_be_bound_is_fatal_and_nothing_is_half_started() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = taken.local_addr().expect("it is bound").to_string();
    for listener in [addr.as_str(), "192.0.2.1:4000"] {
        let upstream = Upstream::bind();
        let arguments = arguments(&upstream, &format!("-l 127.0.0.1:0 -l {listener}"));
        let outcome = Launch::new(&arguments).run();
        assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
        let errors: Vec<_> = outcome
            .lines
            .iter()
            .filter(|line| line.contains(listener))
            .collect();
        assert_eq!(
            errors.len(),
            1,
            "one line says what, where and why: {:#?}",
            outcome.lines
        );
        assert!(
            !upstream.is_dialled(),
            "{listener}: the upstream was dialled all the same"
        );
    }
}

#[test]
fn a_listener_whose_name_has_no_address_is_fatal_and_said_in_one_line() {
    // Longer than a label may be (RFC 1035, section 2.3.4), so that no name server is asked.
    let name = "a".repeat(64);
    let upstream = Upstream::bind();
    let arguments = arguments(&upstream, &format!("-l 127.0.0.1:0 -l {name}:1235"));
    let outcome = Launch::new(&arguments).run();
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    let [line] = &outcome.lines[..] else {
        panic!("nothing else is said: {:#?}", outcome.lines);
    };
    let what = format!("cannot listen on {name}:1235: ");
    assert!(line.contains(&what), "{line}");
    assert!(!upstream.is_dialled());
}

/// Whether this host has `::1`.
pub(crate) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}
