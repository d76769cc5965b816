//! `/readyz` and `/healthz`: ready is who has frames to give, healthy is who answers.

use std::net::SocketAddr;

use crate::harness::upstream::Closed;
use crate::harness::{Fanout, Launch, Upstream, arguments};
use crate::http::{ask, get, request};
use crate::watched::{ADMIN, Watched, admin_of, wait_until};
use rustix::process::Signal;

/// The reason for which it is not ready, once there is one that says this.
#[track_caller]
fn wait_for_reason(admin: SocketAddr, words: &str) -> String {
    wait_until(words, || {
        let answer = get(admin, "/readyz");
        let line = answer.body;
        let is_meant = answer.status == 503 && line.contains(words);
        if is_meant { Ok(line) } else { Err(line) }
    })
}

#[track_caller]
fn wait_until_ready(admin: SocketAddr) {
    wait_until("ready", || {
        let answer = get(admin, "/readyz");
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.body)
        }
    });
}

#[track_caller]
fn assert_healthy(admin: SocketAddr) {
    assert_eq!(get(admin, "/healthz").status, 200);
}

#[test]
fn it_is_ready_with_the_first_frame() {
    let mut watched = Watched::set("--stale-after 60s");
    let admin = watched.admin;
    let line = wait_for_reason(admin, "no frame");
    assert_eq!(line.lines().count(), 1, "{line:?}");
    let status = watched.json("/status.json");
    assert_eq!(status["ready"], false);
    assert!(
        line.contains(status["reason"].as_str().expect("a reason")),
        "{line} {status}"
    );
    let head = ask(admin, request("HEAD", "/readyz"));
    assert_eq!((head.status, &*head.body), (503, ""));
    assert_healthy(admin);
    // Half a frame is none.
    watched.scene.feed.begin_frame(1023);
    watched.wait_for("fanout_upstream_bytes_total", 1023);
    assert_eq!(get(admin, "/readyz").status, 503);
    watched.scene.feed.send(0);
    wait_until_ready(admin);
    let status = watched.json("/status.json");
    assert_eq!(
        (&status["ready"], &status["reason"]),
        (&true.into(), &serde_json::Value::Null)
    );
}

#[test]
fn it_is_not_ready_while_the_upstream_is_stale() {
    let mut watched = Watched::set("--stale-after 300ms");
    for _ in 0..2 {
        watched.scene.feed.send(1);
        wait_for_reason(watched.admin, "--stale-after");
        assert_healthy(watched.admin);
    }
    assert_eq!(watched.json("/status.json")["upstream"]["stale"], true);
    // And once more while frames come: each answer may be too late for the frame before it.
    wait_until("ready", || {
        watched.scene.feed.send(1);
        let answer = watched.get("/readyz");
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.body)
        }
    });
}

#[test]
fn where_nothing_is_stale_one_frame_is_enough_for_ever() {
    let mut watched = Watched::set("--stale-after 0 --reconnect-min 60s --reconnect-max 60s");
    watched.scene.feed.send(1);
    wait_until_ready(watched.admin);
    watched.scene.feed.reset();
    wait_until("the loss", || {
        let status = crate::watched::json(watched.admin, "/status.json");
        let state = status["upstream"]["state"].clone();
        if state == "waiting" {
            Ok(())
        } else {
            Err(state.to_string())
        }
    });
    assert_eq!(get(watched.admin, "/readyz").status, 200);
}

#[test]
fn a_lost_upstream_makes_it_unready_when_its_last_frame_is_too_old() {
    let watched = Watched::set("--stale-after 1s --reconnect-min 60s --reconnect-max 60s");
    let Watched { scene, admin } = watched;
    let mut feed = scene.feed;
    // Until an answer comes sooner than a second after its frame, however slow the machine is.
    wait_until("ready", || {
        feed.send(1);
        let answer = get(admin, "/readyz");
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.body)
        }
    });
    drop(feed);
    scene.fanout.wait_for_line("upstream retry");
    let line = wait_for_reason(admin, "--stale-after");
    assert!(
        line.contains("waiting"),
        "it says how the upstream is: {line}"
    );
    assert_healthy(admin);
}

#[test]
fn without_an_upstream_it_says_what_it_waits_for() {
    let closed = Closed::reserve();
    let arguments = format!(
        "{ADMIN} -l 127.0.0.1:0 --reconnect-min 60s --reconnect-max 60s {}",
        closed.addr()
    );
    let fanout = Launch::new(&arguments).start();
    fanout.wait_for_line("upstream retry");
    let admin = admin_of(&fanout);
    wait_for_reason(admin, "waiting");
    assert_healthy(admin);
    let status = crate::watched::json(admin, "/status.json");
    assert_eq!(status["upstream"]["state"], "waiting");
    assert!(
        status["upstream"]["retry_in_seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0),
        "{status}"
    );
}

/// A client that does not take its backlog keeps the drain open.
#[test]
fn a_drain_makes_it_unready_and_leaves_it_healthy() {
    let upstream = Upstream::bind();
    let options = format!(
        "{ADMIN} --unsent-limit 16KiB --stall-timeout 0 --drain-timeout 60s --stale-after 0"
    );
    let mut fanout = Fanout::start(&upstream, &options);
    let admin = admin_of(&fanout);
    let mut feed = upstream.accept();
    let mut slow = fanout.join_small();
    feed.send(300);
    fanout.wait_for_stat("frames", 300);
    assert_eq!(get(admin, "/readyz").status, 200);
    fanout.signal(Signal::TERM);
    wait_for_reason(admin, "drain");
    assert_healthy(admin);
    let status = crate::watched::json(admin, "/status.json");
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&"draining".into(), &false.into())
    );
    assert_eq!(get(admin, "/metrics").status, 200);
    // It is over as soon as the client has everything, whoever is connected here.
    let mut idle = crate::http::Visitor::connect(admin);
    idle.send("GET /me");
    slow.expect(0..300);
    slow.expect_fin();
    drop(slow);
    assert_eq!(fanout.wait_exit(), 0);
}

#[test]
fn a_second_signal_ends_it_whoever_is_being_answered() {
    let upstream = Upstream::bind();
    let options = format!("{ADMIN} --unsent-limit 16KiB --stall-timeout 0 --drain-timeout 60s");
    let mut fanout = Launch::new(&arguments(&upstream, &options)).start();
    let admin = admin_of(&fanout);
    let mut feed = upstream.accept();
    let _slow = fanout.join_small();
    feed.send(300);
    fanout.wait_for_stat("frames", 300);
    let visitors: Vec<_> = (0..16)
        .map(|_| crate::http::Visitor::connect(admin))
        .collect();
    fanout.signal(Signal::TERM);
    fanout.wait_for_line("draining clients=");
    fanout.signal(Signal::TERM);
    assert_eq!(fanout.wait_exit(), 1);
    drop(visitors);
}
