//! Signals: the second one, counters on demand, a broken pipe, and being stopped.

use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Scene, all_expect, line};

#[test]
fn a_second_signal_ends_the_program_now_with_1() {
    for (first, second) in [
        (Signal::TERM, Signal::TERM),
        (Signal::INT, Signal::TERM),
        (Signal::TERM, Signal::INT),
    ] {
        let mut scene = Scene::set("--drain-timeout 1h --unsent-limit 16KiB");
        let mut stuck = scene.fanout.join_small();
        scene.feed.send(500);
        scene.fanout.wait_for_stat("frames", 500);
        scene.fanout.signal(first);
        scene.fanout.wait_for_line("draining clients=1");
        scene.fanout.signal(second);
        assert_eq!(scene.fanout.wait_exit(), 1, "{first:?}, {second:?}");
        stuck.expect_reset();
    }
}

#[test]
fn a_draining_program_admits_nobody() {
    let mut scene = Scene::set("--drain-timeout 1h --unsent-limit 16KiB");
    let addr = scene.fanout.addr();
    let mut behind = scene.fanout.join_small();
    scene.feed.send(500);
    scene.fanout.wait_for_stat("frames", 500);
    scene.fanout.signal(Signal::TERM);
    scene.fanout.wait_for_line("draining clients=1");
    let late = TcpStream::connect_timeout(&addr, Duration::from_millis(200));
    behind.expect(0..500);
    behind.expect_fin();
    drop(behind);
    assert_eq!(scene.fanout.wait_exit(), 0);
    drop(late);
    assert_eq!(scene.fanout.lines().matching("client joined").len(), 1);
}

#[test]
fn usr1_logs_all_counters_and_changes_nothing() {
    let mut scene = Scene::set("");
    let mut clients = [scene.fanout.join(), scene.fanout.join()];
    scene.feed.send(20);
    all_expect(&mut clients, 0..20);
    let stats = scene.fanout.stats();
    line::assert_shape(
        &stats,
        "INFO",
        "stats frames=# clients=# delivered=# skipped=#",
    );
    assert_eq!(line::number(&stats, "frames"), 20);
    assert_eq!(line::number(&stats, "clients"), 2);
    assert_eq!(line::number(&stats, "delivered"), 40);
    assert_eq!(line::number(&stats, "skipped"), 0);
    scene.feed.send(1);
    all_expect(&mut clients, 20..21);
}

#[test]
fn a_broken_pipe_signal_is_ignored() {
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    scene.fanout.signal(Signal::PIPE);
    scene.feed.send(1);
    client.expect(0..1);
    client.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
}

#[test]
fn being_stopped_and_continued_goes_unnoticed() {
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    for _ in 0..20 {
        scene.fanout.signal(Signal::STOP);
        let next = scene.feed.next();
        scene.feed.send(2);
        scene.fanout.signal(Signal::CONT);
        client.expect(next..next + 2);
    }
}

#[test]
fn nobody_is_thrown_out_for_time_that_the_program_was_stopped() {
    const DEADLINE: Duration = Duration::from_secs(2);
    let mut scene = Scene::set(
        "--stall-timeout 2s --upstream-timeout 2s --stale-after 2s --unsent-limit 16KiB",
    );
    let mut behind = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 300);
    scene.fanout.stop();
    // Longer than every deadline, while the client reads all that the kernel holds for it.
    let already = behind.read_what_is_there(300);
    witness.expect_silence(DEADLINE + Duration::from_millis(200));
    assert!(
        already < 300,
        "the program is stopped and the kernel does not hold everything"
    );
    scene.fanout.signal(Signal::CONT);
    behind.expect(already..300);
    scene.step(&mut witness, 10);
    behind.expect(300..310);
    let stats = scene.fanout.stats();
    assert_eq!(line::number(&stats, "clients"), 2, "{stats}");
    assert!(scene.fanout.lines().matching("upstream lost").is_empty());
    assert!(scene.fanout.lines().matching("upstream stale").is_empty());
}
