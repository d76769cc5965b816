//! What clients send, and how they leave.

use std::thread;

use crate::harness::{Launch, Reader, Scene, Upstream, arguments, line};

#[test]
fn what_a_client_sends_is_thrown_away() {
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    client.send(b"GET / HTTP/1.1\r\nHost: fanout\r\n\r\n");
    client.send(&vec![b'x'; 300_000]);
    scene.feed.send(200);
    client.expect(0..200);
    // Unread input would turn this end into a reset and destroy what is still on its way.
    scene.feed.send(200);
    scene.fanout.wait_for_stat("frames", 400);
    client.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
    client.expect(200..400);
    client.expect_fin();
}

#[test]
fn a_client_that_has_shut_down_its_sending_side_reads_on() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
    let mut client = scene.fanout.join();
    client.half_close();
    scene.feed.send(100);
    client.expect(0..100);
    drop(scene.feed);
    scene.feed = scene.upstream.accept().starting_at(100);
    scene.feed.send(100);
    client.expect(100..200);
    assert_eq!(line::number(&scene.fanout.stats(), "clients"), 1);
}

#[test]
fn a_client_may_send_one_mebibyte() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let mut client = scene.fanout.join();
    let addr = client.addr();
    client.send(&vec![0; 1 << 20]);
    scene.step(&mut witness, 1);
    client.expect(0..1);
    drop(client);
    let left = scene.step_until(&mut witness, &format!("client left*addr={addr} "));
    assert_eq!(line::value(&left, "reason"), "closed", "{left}");
}

#[test]
fn a_client_that_sends_more_than_one_mebibyte_is_thrown_out() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let mut client = scene.fanout.join();
    client.send_until_refused(&vec![0; (1 << 20) + 1]);
    let left = scene.fanout.wait_for_departure(client.addr());
    assert_eq!(line::value(&left, "reason"), "flood", "{left}");
    client.expect_reset();
    scene.step(&mut witness, 10);
}

#[test]
fn a_flood_does_not_hold_the_others_up() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let addr = scene.fanout.addr();
    let flood = move || {
        let mut client = Reader::connect(addr, 1024);
        client.send_until_refused(&vec![7; 4 << 20]);
        client
    };
    let floods: Vec<_> = (0..8).map(|_| thread::spawn(flood)).collect();
    scene.step(&mut witness, 300);
    scene
        .fanout
        .wait_for_lines("client left*reason=flood", floods.len());
    scene.step(&mut witness, 10);
    for flood in floods {
        let mut client = flood.join().expect("a write is refused or not");
        client.expect_reset();
    }
}

#[test]
fn a_client_that_closes_has_left_when_frames_come() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let client = scene.fanout.join();
    let addr = client.addr();
    drop(client);
    let left = scene.step_until(&mut witness, &format!("client left*addr={addr} "));
    assert_eq!(line::value(&left, "reason"), "closed", "{left}");
    assert_eq!(line::number(&left, "clients"), 1, "{left}");
}

#[test]
fn a_client_that_resets_has_left_at_once() {
    let scene = Scene::set("");
    let addr = scene.fanout.join().reset();
    let left = scene.fanout.wait_for_departure(addr);
    assert_eq!(line::value(&left, "reason"), "closed", "{left}");
}

#[test]
fn clients_come_and_read_before_the_upstream_does() {
    let upstream = Upstream::bind();
    let options = arguments(&upstream, "");
    let fanout = Launch::new(&options).start();
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    feed.send(2);
    client.expect(0..2);
}
