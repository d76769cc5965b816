//! A clean end is a FIN at a frame boundary, an abort is a RST; and what the exit code says.

use crate::harness::{End, Fanout, Launch, Scene, Upstream, arguments, line};

#[test]
fn a_drain_sends_every_client_its_backlog_and_a_fin() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let mut scene = Scene::set("--drain-timeout 20s --unsent-limit 16KiB");
        let mut behind = scene.fanout.join_small();
        let mut caught_up = scene.fanout.join();
        scene.step(&mut caught_up, 500);
        scene.fanout.signal(signal);
        caught_up.expect_fin();
        behind.expect(0..500);
        behind.expect_fin();
        drop((behind, caught_up));
        assert_eq!(scene.fanout.wait_exit(), 0, "{signal:?}");
    }
}

#[test]
fn a_drain_discards_the_frame_that_the_upstream_has_not_completed() {
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    scene.step(&mut client, 3);
    scene.feed.begin_frame(1_000);
    client.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
    client.expect_fin();
}

#[test]
fn a_client_that_is_behind_when_the_drain_time_is_up_gets_a_reset() {
    let mut scene = Scene::set("--drain-timeout 200ms --unsent-limit 16KiB");
    let mut stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 500);
    witness.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
    witness.expect_fin();
    stuck.expect_reset();
    let drained = scene.fanout.wait_for_line("drained clients=");
    assert_eq!(line::number(&drained, "aborted"), 1, "{drained}");
}

#[test]
fn a_drain_waits_two_seconds_for_a_client_that_does_not_end() {
    let mut scene = Scene::set("--drain-timeout 1h");
    let mut client = scene.fanout.join();
    scene.step(&mut client, 3);
    // The client reads its end and never closes: only the 2 s bring the program to an end.
    assert_eq!(scene.fanout.terminate(), 0);
    client.expect_fin();
}

#[test]
fn a_drain_frees_the_place_at_the_upstream_at_once() {
    let mut scene = Scene::set("--drain-timeout 1h --unsent-limit 16KiB");
    let mut stuck = scene.fanout.join_small();
    scene.feed.send(500);
    scene.fanout.wait_for_stat("frames", 500);
    scene.fanout.signal(rustix::process::Signal::TERM);
    scene.feed.wait_for_end();
    assert!(!scene.upstream.is_dialled());
    stuck.expect(0..500);
    stuck.expect_fin();
    drop(stuck);
    assert_eq!(scene.fanout.wait_exit(), 0);
    assert!(
        !scene.upstream.is_dialled(),
        "a draining program does not dial"
    );
}

#[test]
fn a_drain_needs_no_upstream() {
    let upstream = Upstream::bind();
    let mut fanout = Fanout::start(&upstream, "--reconnect-min 60s --reconnect-max 60s");
    drop(upstream.accept());
    fanout.wait_for_line("upstream retry");
    assert_eq!(fanout.terminate(), 0);
    fanout.wait_for_line("drained clients=0 aborted=0");
}

#[test]
fn without_reconnect_the_upstreams_end_is_a_clean_end() {
    let mut scene = Scene::set("--no-reconnect --drain-timeout 20s --unsent-limit 16KiB");
    let mut behind = scene.fanout.join_small();
    let mut caught_up = scene.fanout.join();
    scene.step(&mut caught_up, 500);
    scene.feed.begin_frame(100);
    drop(scene.feed);
    caught_up.expect_fin();
    behind.expect(0..500);
    behind.expect_fin();
    let addr = behind.addr();
    drop((behind, caught_up));
    assert_eq!(scene.fanout.wait_exit(), 0);
    let left = scene.fanout.wait_for_departure(addr);
    assert_eq!(line::value(&left, "reason"), "upstream-end", "{left}");
    assert!(!scene.upstream.is_dialled());
}

#[test]
fn without_reconnect_an_upstream_error_drains_and_exits_1() {
    let mut scene = Scene::set("--no-reconnect");
    let mut client = scene.fanout.join();
    scene.step(&mut client, 10);
    client.half_close();
    let addr = scene.upstream.addr().to_string();
    scene.feed.reset();
    assert_eq!(client.read_to_end(), End::Fin);
    assert_eq!((client.frames(), client.torn()), (10, 0));
    let outcome = scene.fanout.wait_for_end();
    assert_eq!(outcome.code, 1);
    let said = outcome
        .lines
        .iter()
        .any(|line| line.contains(&addr) && line.contains("ERROR"));
    assert!(said, "a line says what failed, where and why");
}

#[test]
fn without_reconnect_a_first_connection_that_fails_exits_1() {
    let nobody = crate::harness::upstream::Closed::reserve();
    let arguments = format!("-l 127.0.0.1:0 --no-reconnect {}", nobody.addr());
    let outcome = Launch::new(&arguments).run();
    assert_eq!(outcome.code, 1);
    let addr = nobody.addr().to_string();
    let said = outcome
        .lines
        .iter()
        .any(|line| line.contains(&addr) && line.contains("ERROR"));
    assert!(
        said,
        "no line says what failed, where and why: {:#?}",
        outcome.lines
    );
}

#[test]
fn without_reconnect_every_upstream_is_tried_for_the_first_connection() {
    let nobody = crate::harness::upstream::Closed::reserve();
    let upstream = Upstream::bind();
    let arguments = format!(
        "--no-reconnect {} {}",
        nobody.addr(),
        arguments(&upstream, "")
    );
    let mut fanout = Launch::new(&arguments).start();
    let mut client = fanout.join();
    let mut feed = upstream.accept();
    feed.send(1);
    client.expect(0..1);
    client.half_close();
    drop(feed);
    client.expect_fin();
    assert_eq!(fanout.wait_exit(), 0);
}
