//! The shapes of log lines that are stable, and the limit on those that clients cause.

use std::time::Instant;

use crate::harness::{DEADLINE, Reader, Scene, line};

#[test]
fn the_lines_of_an_ordinary_life_have_their_shapes() {
    let mut scene = Scene::set("--reconnect-min 20ms --reconnect-max 20ms --replay 3");
    let mut client = scene.fanout.join();
    let mut other = scene.fanout.join();
    scene.feed.send(10);
    client.expect(0..10);
    other.expect(0..10);
    let addr = other.reset();
    scene.fanout.wait_for_departure(addr);
    scene.feed.begin_frame(7);
    drop(scene.feed);
    let _feed = scene.upstream.accept();
    scene.fanout.wait_for_lines("upstream connected", 2);
    client.half_close();
    scene.fanout.signal(rustix::process::Signal::TERM);
    client.expect_fin();
    let (listener, server, own) = (scene.fanout.addr(), scene.upstream.addr(), client.addr());
    let outcome = scene.fanout.wait_for_end();
    assert_eq!(outcome.code, 0);
    let (at, from, left) = (
        format!("addr={listener}"),
        format!("addr={server}"),
        "frames=10 skipped=0 seconds=#",
    );
    for (level, shape) in [
        ("INFO", format!("listening {at} slow=disconnect replay=3")),
        ("INFO", "limits max_clients=# descriptors=#".to_owned()),
        ("INFO", format!("upstream connecting {from}")),
        ("INFO", format!("upstream connected {from}")),
        ("INFO", format!("client joined id=# addr={own} clients=1")),
        (
            "INFO",
            format!("client left id=# addr={addr} reason=closed {left} clients=1"),
        ),
        (
            "WARN",
            format!("upstream lost {from} reason=\"?\" frames=10 discarded_bytes=7"),
        ),
        ("INFO", format!("upstream retry in=~ {from}")),
        ("INFO", "draining clients=1 timeout=5s".to_owned()),
        ("INFO", "drained clients=# aborted=0".to_owned()),
    ] {
        line::assert_shape(first_like(&outcome.lines, &shape), level, &shape);
    }
    let mut lines = outcome.lines.iter();
    let drain = lines
        .find(|line| line.contains("reason=drain"))
        .expect("the client left in the drain");
    let shape = format!("client left id=# addr={own} reason=drain {left} clients=0");
    line::assert_shape(drain, line::Parts::of(drain).level, &shape);
    assert!(drain.ends_with("clients=0"), "{drain}");
}

/// The first line that begins with the shape's words, as far as they are no values.
#[track_caller]
fn first_like<'a>(lines: &'a [String], shape: &str) -> &'a str {
    let values = shape.find('=').expect("every shape has a value");
    let (words, _) = shape[..values].rsplit_once(' ').expect("words come first");
    lines
        .iter()
        .find(|line| line.contains(&format!("] {words} ")))
        .unwrap_or_else(|| panic!("no line {words:?} in {lines:#?}"))
}

#[test]
fn every_line_is_a_timestamp_a_level_a_module_and_words() {
    let mut scene = Scene::set("--log-level debug --reconnect-min 1ms --reconnect-max 1ms");
    let mut client = scene.fanout.join();
    scene.step(&mut client, 3);
    drop(scene.feed);
    let _feed = scene.upstream.accept();
    client.half_close();
    scene.fanout.signal(rustix::process::Signal::TERM);
    client.expect_fin();
    let outcome = scene.fanout.wait_for_end();
    let stamps: Vec<_> = outcome
        .lines
        .iter()
        .map(|line| line::Parts::of(line).timestamp)
        .collect();
    assert!(
        stamps
            .iter()
            .all(|stamp| stamp.starts_with("20") && stamp.contains(':')),
        "{stamps:?}"
    );
    assert!(stamps.is_sorted(), "{stamps:?}");
}

#[test]
fn a_departure_that_is_the_programs_decision_is_a_warning() {
    let mut scene = Scene::set("");
    let mut flood = scene.fanout.join();
    flood.send_until_refused(&vec![0; 2 << 20]);
    let left = scene.fanout.wait_for_departure(flood.addr());
    let shape = "client left id=# addr=@ reason=flood frames=# skipped=# seconds=# clients=0";
    line::assert_shape(&left, "WARN", shape);
    let quitter = scene.fanout.join().reset();
    let left = scene.fanout.wait_for_departure(quitter);
    line::assert_shape(&left, "INFO", &shape.replace("flood", "closed"));
    scene.feed.send(1);
}

#[test]
fn every_client_has_an_id_of_its_own() {
    let scene = Scene::set("");
    let clients: Vec<Reader> = (0..6).map(|_| scene.fanout.join()).collect();
    let addrs: Vec<_> = clients.into_iter().map(Reader::reset).collect();
    let left: Vec<_> = addrs
        .iter()
        .map(|addr| scene.fanout.wait_for_departure(*addr))
        .collect();
    let mut ids: Vec<_> = left.iter().map(|line| line::number(line, "id")).collect();
    for (addr, id) in addrs.iter().zip(&ids) {
        scene
            .fanout
            .wait_for_line(&format!("client joined id={id} addr={addr} "));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[test]
fn clients_cause_twenty_lines_a_second_and_then_one_that_counts_the_others() {
    const CLIENTS: u64 = 300;
    let scene = Scene::set("");
    let started = Instant::now();
    for _ in 0..CLIENTS {
        Reader::connect(scene.fanout.addr(), 1024).reset();
    }
    scene.fanout.wait_for_stat("clients", 0);
    // Each has joined and left, and each of these is a line or counted; a connection that was reset before it was
    // accepted may have done neither.
    let give_up = started + DEADLINE;
    let (written, left_out) = loop {
        // Nothing is asked of the counters here: an answer is what the loop waits for, round by round.
        scene.fanout.stats();
        let lines = scene.fanout.lines();
        let written = ["client joined", "client left", "client refused"]
            .map(|pattern| lines.matching(pattern).len());
        let counted = lines.matching("suppressed lines=");
        let left_out: u64 = counted.iter().map(|line| line::number(line, "lines")).sum();
        let written = written.into_iter().sum::<usize>() as u64;
        if written + left_out >= 2 * CLIENTS {
            break (written, left_out);
        }
        assert!(
            Instant::now() < give_up,
            "{written} lines and {left_out} left out, of {}",
            2 * CLIENTS
        );
    };
    assert_eq!(written + left_out, 2 * CLIENTS);
    let seconds = started.elapsed().as_secs() + 1;
    assert!(written <= 20 * seconds, "{written} lines in {seconds} s");
    assert!(left_out > 0);
}
