//! What the contract promises about system calls, as strace(1) sees them.

use std::process::{Command, Stdio};

use super::attached::Trace;
use super::{counter, tools};
use crate::harness::{Reader, Scene, all_expect, all_reset, line};

#[test]
fn a_client_is_registered_once_for_its_whole_life() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("--unsent-limit 16KiB --reconnect-min 1ms --reconnect-max 1ms");
    let mut witness = scene.fanout.join();
    let trace = Trace::attach(scene.fanout.pid(), "epoll_ctl");
    let mut clients = scene.fanout.join_many(20);
    let mut stuck = Reader::connect_small(scene.fanout.addr(), 1024);
    scene.fanout.wait_for_stat("clients", 22);
    clients[0].half_close();
    clients[1].send(b"hello");
    scene.step(&mut witness, 400);
    // It lags, is found writable again, catches up.
    stuck.expect(0..400);
    all_expect(&mut clients, 0..400);
    scene.step(&mut witness, 5);
    all_reset(clients);
    scene.fanout.wait_for_stat("clients", 2);
    let calls = trace.end();
    let count = |what: &str| calls.iter().filter(|call| call.contains(what)).count();
    assert_eq!(count("EPOLL_CTL_ADD"), 21, "{calls:#?}");
    assert_eq!(count("EPOLL_CTL_MOD"), 0, "{calls:#?}");
    assert!(count("EPOLL_CTL_DEL") <= 20, "{calls:#?}");
}

#[test]
fn a_client_that_keeps_up_costs_one_write_for_any_number_of_frames_in_a_turn() {
    const CLIENTS: usize = 10;
    const FRAMES: u64 = 10;
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("");
    let mut clients = scene.fanout.join_many(CLIENTS as u64);
    let trace = Trace::attach(
        scene.fanout.pid(),
        "recvfrom,read,sendto,write,writev,sendmsg",
    );
    for round in 0..10 {
        scene.feed.send(FRAMES);
        all_expect(&mut clients, round * FRAMES..(round + 1) * FRAMES);
    }
    let calls = trace.end();
    let moved = |names: &[&str]| -> Vec<u64> {
        let named = calls
            .iter()
            .filter(|call| names.iter().any(|name| call.contains(name)));
        let results = named.filter_map(|call| call.rsplit_once(" = ")?.1.parse().ok());
        // Smaller ones are of the log, and of signals.
        results.filter(|count| *count >= 1024).collect()
    };
    let reads = moved(&["recvfrom(", "read("]);
    let writes = moved(&["sendto(", "write(", "writev(", "sendmsg("]);
    assert_eq!(reads.iter().sum::<u64>(), 100 * 1024, "{calls:#?}");
    let bytes = 100 * 1024 * CLIENTS as u64;
    assert_eq!(writes.iter().sum::<u64>(), bytes, "{calls:#?}");
    // A turn begins with a reading, so there are no more turns than that.
    let most = reads.len() * CLIENTS;
    assert!(
        writes.len() <= most,
        "{} writes, {most} allowed",
        writes.len()
    );
    assert!(
        reads.len() < 100,
        "every frame was read alone: nothing is shown"
    );
}

#[test]
fn with_nothing_to_do_it_sleeps_in_poll_without_a_time_out() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("--stale-after 0");
    let mut clients = scene.fanout.join_many(5);
    clients[0].half_close();
    scene.feed.send(3);
    all_expect(&mut clients, 0..3);
    scene.fanout.wait_for_stat("delivered", 15);
    let trace = Trace::attach(scene.fanout.pid(), "epoll_wait,epoll_pwait");
    for _ in 0..5 {
        scene.fanout.stats();
    }
    let calls = trace.end();
    // The call that the tracer interrupts may have no arguments to see.
    let sleeps: Vec<_> = calls.iter().filter(|call| call.contains(") = ")).collect();
    assert!(sleeps.len() >= 5, "{calls:#?}");
    for call in &sleeps {
        let is_endless = call.contains(", -1)") || call.contains(", -1, NULL");
        assert!(is_endless, "{call}");
    }
}

#[test]
fn a_clients_socket_is_given_the_options_of_the_contract() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("--stall-timeout 60s --backlog 32");
    let mut witness = scene.fanout.join();
    let trace = Trace::attach(scene.fanout.pid(), "setsockopt,close");
    let stuck = scene.fanout.join_small();
    scene.step_until(&mut witness, "client left*reason=slow");
    scene.fanout.wait_for_departure(stuck.addr());
    let calls = trace.end();
    for option in [
        "SO_KEEPALIVE, [1]",
        "TCP_KEEPIDLE, [15]",
        "TCP_KEEPINTVL, [5]",
        "TCP_KEEPCNT, [3]",
        "TCP_USER_TIMEOUT, [60000]",
        // TCP_NOTSENT_LOWAT, which strace may know by its number (25) only.
        "[131072]",
        "SO_LINGER, {l_onoff=1, l_linger=0}",
    ] {
        let is_set = calls.iter().filter(|call| call.contains(option)).count();
        assert_eq!(is_set, 1, "{option} in {calls:#?}");
    }
    let thrown_out = calls.iter().position(|call| call.contains("SO_LINGER"));
    let after = &calls[thrown_out.expect("it is there") + 1];
    assert!(after.contains("close("), "closed with it set: {calls:#?}");
    assert_eq!(counter(&scene, "left_slow"), 1);
}

/// Case 49: nothing is opened.
#[test]
fn bad_arguments_open_no_socket_and_no_poll() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    let calls_of = |arguments: &str| {
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=socket,bind,listen,?epoll_create1,pipe2"]);
        command
            .arg(env!("CARGO_BIN_EXE_fanout"))
            .args(arguments.split(' '));
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("strace is there");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let calls = said.lines().filter(|line| line.contains(") = ")).count();
        (output.status.code(), calls, said)
    };
    for arguments in [
        "-l 127.0.0.1:0 --frame-size 0 127.0.0.1:1",
        "-l 127.0.0.1:0 --backlog 1 --replay 2 127.0.0.1:1",
        "-l 127.0.0.1:0 --allow 10.0.0.0/33 127.0.0.1:1",
        "-l 127.0.0.1:0 --bogus 127.0.0.1:1",
        "-l 127.0.0.1:0",
    ] {
        let (code, calls, said) = calls_of(arguments);
        assert_eq!((code, calls), (Some(2), 0), "{arguments}: {said}");
    }
    let (code, calls, said) = calls_of("-l 127.0.0.1:0 --no-reconnect 127.0.0.1:1");
    assert_eq!(code, Some(1), "{said}");
    assert!(calls > 2, "with good ones it opens something: {said}");
}

/// SIGPIPE is ignored: a write to a client that is gone fails and kills nobody.
#[test]
fn a_broken_pipe_signal_is_ignored_whatever_the_parent_did_with_it() {
    let scene = Scene::set("");
    let status = format!("/proc/{}/status", scene.fanout.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).expect("the program is running");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.map(|mask| u64::from_str_radix(mask.trim(), 16).expect("a mask"));
    // Signal 13; the lowest bit is signal 1.
    assert!(ignored.is_some_and(|mask| mask & 1 << 12 != 0), "{status}");
    assert_eq!(line::number(&scene.fanout.stats(), "clients"), 0);
}
