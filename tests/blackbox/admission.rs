//! Who is let in: limits on clients, on clients of one address, and on addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::harness::{Reader, Scene, line};

#[test]
fn one_client_too_many_is_refused_until_another_leaves() {
    let mut scene = Scene::set("--max-clients 2");
    let mut first = scene.fanout.join();
    let second = scene.fanout.join();
    let third = refused(&scene, Reader::knock(scene.fanout.addr()), "max-clients");
    assert_eq!(third.frames(), 0);
    let addr = second.reset();
    scene.fanout.wait_for_departure(addr);
    let mut fourth = scene.fanout.join();
    scene.step(&mut first, 3);
    fourth.expect(0..3);
}

#[test]
fn a_listener_can_have_a_limit_of_its_own() {
    let mut scene = Scene::set("-l 127.0.0.1:0,max-clients=1,slow=skip -l 127.0.0.1:0");
    let limited = scene.fanout.addr_of("slow=skip");
    let other = scene.fanout.addr_of("slow=disconnect");
    let mut first = scene.fanout.joined(Reader::connect(limited, 1024));
    let mut elsewhere = scene.fanout.joined(Reader::connect(other, 1024));
    refused(&scene, Reader::knock(limited), "max-clients");
    let mut elsewhere_too = scene.fanout.joined(Reader::connect(other, 1024));
    scene.feed.send(3);
    for client in [&mut first, &mut elsewhere, &mut elsewhere_too] {
        client.expect(0..3);
    }
}

#[test]
fn one_address_has_its_own_limit() {
    let scene = Scene::set("--max-clients-per-ip 2");
    let first = scene.fanout.join();
    let _second = scene.fanout.join();
    refused(&scene, Reader::knock(scene.fanout.addr()), "per-ip");
    let addr = first.reset();
    scene.fanout.wait_for_departure(addr);
    let _again = scene.fanout.join();
    refused(&scene, Reader::knock(scene.fanout.addr()), "per-ip");
}

#[test]
fn only_those_allowed_may_connect() {
    let scene = Scene::set("--allow 10.0.0.0/8 --allow 192.168.0.0/16");
    let client = refused(&scene, Reader::knock(scene.fanout.addr()), "not-allowed");
    assert_eq!((client.frames(), client.torn()), (0, 0));
}

/// On Linux all of 127.0.0.0/8 is this host; elsewhere it has one address.
#[cfg(target_os = "linux")]
mod several_addresses {
    use std::net::IpAddr;

    use super::refused;
    use crate::harness::{Reader, Scene, all_expect};

    #[test]
    fn the_limit_of_one_address_is_not_anothers() {
        let scene = Scene::set("--max-clients-per-ip 1");
        let _first = scene.fanout.join();
        refused(&scene, Reader::knock(scene.fanout.addr()), "per-ip");
        let elsewhere = IpAddr::from([127, 0, 0, 2]);
        scene
            .fanout
            .joined(Reader::connect_from(elsewhere, scene.fanout.addr(), 1024));
    }

    #[test]
    fn several_blocks_can_be_allowed() {
        let mut scene = Scene::set("--allow 127.0.0.2/32 --allow 127.0.1.0/24");
        let to = scene.fanout.addr();
        refused(&scene, Reader::knock(to), "not-allowed");
        let allowed = [IpAddr::from([127, 0, 0, 2]), IpAddr::from([127, 0, 1, 9])];
        let join = |from| scene.fanout.joined(Reader::connect_from(from, to, 1024));
        let mut clients = allowed.map(join);
        scene.feed.send(2);
        all_expect(&mut clients, 0..2);
    }
}

#[test]
fn an_ipv4_client_of_an_ipv6_listener_is_matched_as_the_ipv4_address_that_it_is() {
    if !crate::listeners::has_ipv6() {
        return;
    }
    let mut scene = Scene::set("-l [::]:0 --allow 127.0.0.0/8 --max-clients-per-ip 1");
    let port = scene.fanout.addr().port();
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let mut client = Reader::connect(v4, 1024);
    scene.fanout.wait_for_line("client joined");
    let denied = Reader::knock(v6);
    scene.fanout.wait_for_line(&format!(
        "client refused addr={} reason=not-allowed",
        denied.addr()
    ));
    let mut second = Reader::knock(v4);
    scene.fanout.wait_for_line("client refused*reason=per-ip");
    second.expect_reset();
    scene.feed.send(2);
    client.expect(0..2);
}

#[test]
fn a_refused_client_costs_the_others_nothing() {
    let mut scene = Scene::set("--max-clients 1");
    let mut client = scene.fanout.join();
    for _ in 0..200 {
        Reader::pass_by(scene.fanout.addr());
        scene.step(&mut client, 1);
    }
    assert_eq!(line::number(&scene.fanout.stats(), "clients"), 1);
}

/// Waits until the program says that it refused this client, and why.
#[track_caller]
fn refused(scene: &Scene, mut client: Reader, reason: &str) -> Reader {
    let line = scene
        .fanout
        .wait_for_line(&format!("client refused addr={} ", client.addr()));
    line::assert_shape(
        &line,
        "WARN",
        &format!("client refused addr=@ reason={reason}"),
    );
    client.expect_reset();
    client
}
