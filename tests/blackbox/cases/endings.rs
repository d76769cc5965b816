//! Drains with all sorts of clients at once.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::counter;
use crate::harness::{Reader, Scene, line};

/// Case 40.
#[test]
fn in_a_drain_all_sorts_of_clients_get_every_frame_and_an_end_that_is_no_reset() {
    // At an address of its own: another test's program may be given the port that becomes free.
    let options = "--drain-timeout 20s --unsent-limit 16KiB -l 127.1.40.1:0";
    let mut scene = Scene::set(options);
    let addr = scene.fanout.addr();
    let mut behind = scene.fanout.join_small();
    let mut half_closed = scene.fanout.join();
    half_closed.half_close();
    let mut talker = scene.fanout.join();
    let mut witness = scene.fanout.join();
    talker.send(&[b'x'; 10_000]);
    scene.step(&mut witness, 400);
    talker.send(&[b'y'; 10_000]);
    scene.feed.begin_frame(700);
    scene.fanout.wait_for_stat("heard_bytes", 20_000);
    scene.fanout.signal(Signal::TERM);
    scene.feed.wait_for_end();
    // From here on it is at its end: it listens no more, and it still hears.
    let refused = TcpStream::connect(addr).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    talker.send(&[b'z'; 10_000]);
    witness.expect_fin();
    for client in [&mut behind, &mut half_closed, &mut talker] {
        client.expect(0..400);
        client.expect_fin();
    }
    let addrs = [&behind, &half_closed, &talker, &witness].map(Reader::addr);
    drop((behind, half_closed, talker, witness));
    assert_eq!(scene.fanout.wait_exit(), 0);
    scene.fanout.wait_for_line("drained clients=4 aborted=0");
    for addr in addrs {
        let left = scene.fanout.wait_for_departure(addr);
        let shape = "client left id=# addr=@ reason=drain frames=400 skipped=0 seconds=#";
        line::assert_shape(&left, "INFO", shape);
    }
}

/// Case 40: what it says then is read as well. Unread, it would make a reset of the close, and destroy what the kernel
/// still holds for it.
#[test]
fn a_client_that_talks_in_a_drain_and_reads_only_afterwards_loses_nothing() {
    let mut scene = Scene::set("");
    let mut talker = scene.fanout.join_small();
    scene.feed.send(100);
    // All of it is in the kernel, and the client has not read a byte.
    scene.fanout.wait_for_stat("delivered", 100);
    scene.fanout.signal(Signal::TERM);
    scene.feed.wait_for_end();
    talker.send(&[b'x'; 10_000]);
    assert_eq!(scene.fanout.wait_exit(), 0);
    scene.fanout.wait_for_line("drained clients=1 aborted=0");
    talker.expect(0..100);
    talker.expect_fin();
}

/// Case 41.
#[test]
fn at_the_end_of_the_drain_time_the_one_that_is_stuck_is_cut_and_not_before() {
    let time = Duration::from_secs(1);
    let mut scene = Scene::set("--drain-timeout 1s --unsent-limit 16KiB");
    let mut stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 400);
    assert_eq!(counter(&scene, "clients"), 2);
    let signalled = Instant::now();
    scene.fanout.signal(Signal::TERM);
    witness.expect_fin();
    drop(witness);
    assert_eq!(scene.fanout.wait_exit(), 0);
    assert!(signalled.elapsed() >= time, "{:?}", signalled.elapsed());
    scene.fanout.wait_for_line("drained clients=1 aborted=1");
    let left = scene.fanout.wait_for_departure(stuck.addr());
    line::assert_shape(&left, "WARN", "client left id=# addr=@ reason=drain");
    stuck.expect_reset();
    assert!(stuck.frames() <= line::number(&left, "frames"));
}

/// A departure that was the program's decision is a warning, whichever it was.
#[test]
fn those_who_are_slow_or_stalled_leave_with_a_warning() {
    for (options, reason) in [
        ("--backlog 32 --unsent-limit 16KiB", "slow"),
        ("--stall-timeout 200ms --unsent-limit 16KiB", "stalled"),
    ] {
        let mut scene = Scene::set(options);
        let stuck = scene.fanout.join_small();
        let mut witness = scene.fanout.join();
        let left = scene.step_until(&mut witness, "client left");
        let shape = format!(
            "client left id=# addr={} reason={reason} frames=#",
            stuck.addr()
        );
        line::assert_shape(&left, "WARN", &shape);
    }
}
