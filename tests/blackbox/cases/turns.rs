//! How much is done between two looks at the kernel, and by how many threads.

use std::fs;

use super::attached::Trace;
use super::{counter, tools};
use crate::harness::{Scene, all_expect, line};

/// However long a fan-out is, the program looks up from it: signals, newcomers and frames wait for one slice at most.
#[test]
fn a_fan_out_to_many_is_cut_into_slices_with_a_poll_after_each() {
    const CLIENTS: usize = 1_500;
    const BURST: u64 = 10;
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("");
    let mut clients = scene.fanout.join_many(CLIENTS as u64);
    let calls = "epoll_wait,epoll_pwait,sendto,write,writev,sendmsg";
    let trace = Trace::attach(scene.fanout.pid(), calls);
    scene.feed.send(BURST);
    all_expect(&mut clients, 0..BURST);
    let calls = trace.end();
    let is_poll = |call: &&String| call.contains("epoll_");
    // Smaller writes are of the log, and of signals.
    let is_frame = |call: &&String| {
        let result = call
            .rsplit_once(" = ")
            .and_then(|(_, count)| count.parse::<u64>().ok());
        !is_poll(call) && result.is_some_and(|count| count >= 1024)
    };
    let slices: Vec<_> = calls
        .split(|call| is_poll(&call))
        .map(|slice| slice.iter().filter(is_frame).count())
        .collect();
    assert!(slices.iter().sum::<usize>() >= CLIENTS, "{slices:?}");
    // 4 MiB of writes, each of which counts for 8 KiB at least.
    assert!(slices.iter().all(|writes| *writes <= 512), "{slices:?}");
    let longest = slices.iter().max();
    assert!(longest.is_some_and(|writes| *writes > 1), "{slices:?}");
}

#[test]
fn one_thread_serves_everybody_and_another_one_prints() {
    let mut scene = Scene::set("-l localhost:0 -l 127.0.0.1:0");
    let mut clients = scene.fanout.join_many(100);
    scene.feed.send(10);
    all_expect(&mut clients, 0..10);
    assert_eq!(counter(&scene, "clients"), 100);
    let tasks = format!("/proc/{}/task", scene.fanout.pid().as_raw_nonzero());
    let tasks = fs::read_dir(tasks).expect("the program is running");
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm"));
    let mut names: Vec<_> = tasks
        .map(|task| name(task.expect("a task")).expect("it has a name"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["fanout\n", "log\n"]);
    assert_eq!(line::number(&scene.fanout.stats(), "delivered"), 1_000);
}
