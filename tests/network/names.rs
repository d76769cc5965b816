//! Upstreams that are names, and name servers that do not do what they are there for.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::ground::on_private_ground;
use crate::harness::line;
use crate::resolver::{Answer, NameServer};
use crate::stage::{SERVER_A, VICTIM, WITNESS, join, launch, upstream_at};

#[test]
fn a_name_server_that_is_silent_holds_nobody_up() {
    on_private_ground(|network| {
        let server = NameServer::start(Answer::Silence);
        let upstream = upstream_at(SERVER_A);
        let options = "--connect-timeout 1s --reconnect-min 10ms --reconnect-max 10ms --replay 5";
        let addr = upstream.addr();
        let fanout = launch(network, &format!("{options} {addr} server-a.test:9"));
        let mut feed = upstream.accept();
        let mut client = join(&fanout, WITNESS);
        feed.send(10);
        client.expect(0..10);
        // The next upstream of the list is the name.
        drop(feed);
        fanout.wait_for_line("upstream lost*reason=\"ended\"");
        // While it is looked up, those who come are served.
        let mut newcomer = join(&fanout, VICTIM);
        newcomer.expect(5..10);
        fanout.wait_for_line("upstream lost addr=server-a.test:9 reason=\"name lookup timed out\"");
        // The question is still open, and the first upstream serves.
        let mut feed = upstream.accept().starting_at(10);
        feed.send(10);
        client.expect(10..20);
        newcomer.expect(10..20);
        drop(feed);
        fanout.wait_for_lines("name lookup timed out", 2);
        upstream.accept().starting_at(20).send(10);
        client.expect(20..30);
        assert!(server.questions() <= 2, "{} at once", server.questions());
        assert_eq!(fanout.lines().matching("client left").len(), 0);
    });
}

#[test]
fn a_name_that_nobody_knows_is_asked_for_until_somebody_does() {
    on_private_ground(|network| {
        let server = NameServer::start(Answer::Nobody);
        let upstream = upstream_at(SERVER_A);
        let port = upstream.addr().port();
        let options = "--reconnect-min 20ms --reconnect-max 20ms";
        let fanout = launch(network, &format!("{options} server-a.test:{port}"));
        let mut client = join(&fanout, WITNESS);
        let lost = fanout.wait_for_lines("upstream lost", 3).swap_remove(0);
        assert!(
            line::value(&lost, "reason").starts_with("name lookup failed"),
            "{lost}"
        );
        server.change(Answer::Addrs(vec![SERVER_A]));
        let mut feed = upstream.accept();
        feed.send(3);
        client.expect(0..3);
        // It has moved, and is found at its new address.
        let elsewhere = Ipv4Addr::new(10, 8, 1, 11);
        let moved = std::net::TcpListener::bind((elsewhere, port)).expect("it is free there");
        let moved = crate::harness::Upstream::behind(moved);
        server.change(Answer::Addrs(vec![elsewhere]));
        drop((feed, upstream));
        moved.accept().starting_at(3).send(3);
        client.expect(3..6);
    });
}

#[test]
fn of_a_name_with_a_dead_address_the_other_one_is_used() {
    on_private_ground(|network| {
        let dead = Ipv4Addr::new(10, 8, 1, 9);
        network.black_hole(dead);
        let _server = NameServer::start(Answer::Addrs(vec![dead, SERVER_A]));
        let upstream = upstream_at(SERVER_A);
        // The resolver has an order of its own, so the dead one may never be tried; waiting would be too long.
        let options = "--connect-timeout 1s --reconnect-min 60s --reconnect-max 60s";
        let port = upstream.addr().port();
        let fanout = launch(network, &format!("{options} server-a.test:{port}"));
        let mut client = join(&fanout, WITNESS);
        let mut feed = upstream.accept();
        feed.send(3);
        client.expect(0..3);
        client.expect_silence(Duration::from_millis(100));
    });
}
