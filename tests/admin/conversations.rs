//! How a connection goes: one request, in pieces or with more behind it, and when it ends.

use std::io::{Read, Write};
use std::time::Duration;

use rustix::event::PollFlags;

use crate::harness::wait::is_ready;
use crate::harness::{DEADLINE, system};
use crate::http::{Visitor, request};
use crate::watched::{Watched, wait_until};

#[test]
fn a_head_may_come_byte_by_byte() {
    let watched = Watched::set("");
    let mut visitor = Visitor::connect(watched.admin);
    for byte in request("GET", "/healthz").into_bytes() {
        visitor.send([byte]);
    }
    assert_eq!(visitor.answer().body, "ok\n");
}

/// They are told so, or hung up on, after those who have finished theirs have been answered.
#[test]
fn whoever_does_not_finish_a_head_is_not_waited_for() {
    let watched = Watched::set("");
    let text = request("GET", "/healthz");
    let (start, end) = text.split_at(30);
    let mut slow: Vec<_> = ["", "G", start]
        .map(|part| (Visitor::connect(watched.admin), part))
        .into();
    let mut prompt = Visitor::connect(watched.admin);
    prompt.send(start);
    for (visitor, part) in &mut slow {
        visitor.send(*part);
    }
    // Others are answered meanwhile.
    assert_eq!(watched.get("/healthz").status, 200);
    prompt.send(end);
    assert_eq!(prompt.answer().status, 200);
    for (visitor, part) in slow {
        let answer = visitor.try_answer();
        assert!(
            answer.as_ref().is_none_or(|answer| answer.status == 408),
            "{part:?}: {answer:?}"
        );
    }
}

#[test]
fn a_byte_now_and_then_buys_no_more_time() {
    let watched = Watched::set("");
    let mut visitor = Visitor::connect(watched.admin);
    let give_up = std::time::Instant::now() + DEADLINE;
    // Not so many bytes that the head would be too long.
    for _ in 0..4_000 {
        if visitor.stream.write_all(b"G").is_err() {
            return;
        }
        if is_ready(&visitor.stream, PollFlags::IN, Duration::from_millis(10)) {
            let answer = visitor.try_answer();
            assert!(
                answer.as_ref().is_none_or(|answer| answer.status == 408),
                "{answer:?}"
            );
            return;
        }
        assert!(
            std::time::Instant::now() < give_up,
            "it is still waited for"
        );
    }
    panic!("4,000 bytes in time, and no end");
}

#[test]
fn a_request_behind_the_first_is_never_answered() {
    let watched = Watched::set("");
    let two = request("GET", "/healthz") + &request("GET", "/metrics");
    let mut visitor = Visitor::connect(watched.admin);
    visitor.send(two);
    assert_eq!(visitor.answer().body, "ok\n");
    // Nor one that comes when the answer is there.
    let mut visitor = Visitor::connect(watched.admin);
    visitor.send(request("GET", "/healthz"));
    let mut bytes = Vec::new();
    visitor
        .stream
        .read_to_end(&mut bytes)
        .expect("the end comes without being asked for");
    // The connection may be gone by now.
    let _ = visitor
        .stream
        .write_all(request("GET", "/metrics").as_bytes());
    let _ = visitor.stream.read_to_end(&mut bytes);
    assert!(bytes.ends_with(b"\r\n\r\nok\n"));
}

#[test]
fn who_ends_its_side_after_the_request_is_answered() {
    let watched = Watched::set("");
    let mut visitor = Visitor::connect(watched.admin);
    visitor.send(request("GET", "/healthz"));
    visitor.half_close();
    assert_eq!(visitor.answer().body, "ok\n");
    // And who ends it before it has asked is left alone.
    let mut visitor = Visitor::connect(watched.admin);
    visitor.send("GET /hea");
    visitor.half_close();
    assert!(visitor.try_answer().is_none());
}

#[test]
fn a_connection_whose_answer_nobody_fetches_is_given_up() {
    let watched = Watched::set("--stale-after 0");
    let _clients = watched.scene.fanout.join_many(500);
    let before = system::descriptors(watched.scene.fanout.pid());
    let visitors = ["/healthz", "/metrics", "/", "/clients.json?limit=1000"].map(|path| {
        let mut visitor = Visitor::try_connect_small(watched.admin).expect("it listens");
        visitor.send(request("GET", path));
        visitor
    });
    wait_until("the end of every connection", || {
        let now = system::descriptors(watched.scene.fanout.pid());
        if now == before {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    });
    drop(visitors);
}
