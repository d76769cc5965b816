//! A loop that is interrupted from outside: by a stop, by a tracer, by a clock that jumps.

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::attached::Trace;
use super::tools;
use crate::harness::{Fanout, Launch, Reader, Scene, Upstream, all_expect, arguments, line};

/// Case 44: after the stop, the deadlines of ten clients that lag, and of the upstream, are overdue.
#[test]
fn a_stop_longer_than_every_deadline_throws_nobody_out() {
    const FRAMES: u64 = 300;
    let options = "--stall-timeout 2s --upstream-timeout 2s --stale-after 2s --unsent-limit 16KiB";
    let mut scene = Scene::set(options);
    let mut witness = scene.fanout.join();
    let behind: Vec<_> = (0..10)
        .map(|_| Reader::connect_small(scene.fanout.addr(), 1024))
        .collect();
    scene.fanout.wait_for_stat("clients", 11);
    scene.step(&mut witness, FRAMES);
    scene.fanout.stop();
    // Meanwhile they read all that the kernel has for them: its own timer, which is not stopped, has nothing against
    // them then.
    let read = |mut client: Reader| {
        let already = client.read_what_is_there(FRAMES);
        assert!(
            already < FRAMES,
            "the kernel has everything: nothing is shown"
        );
        (client, already)
    };
    let reading: Vec<_> = behind
        .into_iter()
        .map(|client| thread::spawn(move || read(client)))
        .collect();
    witness.expect_silence(Duration::from_millis(2_500));
    scene.fanout.signal(Signal::CONT);
    scene.step(&mut witness, 5);
    let clients: Vec<_> = reading
        .into_iter()
        .map(|reading| reading.join().expect("it has read"))
        .collect();
    let stats = scene.fanout.stats();
    assert_eq!(clients.len() as u64 + 1, line::number(&stats, "clients"));
    assert_eq!(line::number(&stats, "upstream_losses"), 0, "{stats}");
    assert!(scene.fanout.lines().matching("upstream stale").is_empty());
}

/// Case 44.
#[test]
fn a_tracer_that_comes_and_goes_is_not_noticed() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
    let mut clients = [scene.fanout.join(), scene.fanout.join()];
    let mut interrupted = 0;
    for _ in 0..5 {
        let trace = Trace::attach(scene.fanout.pid(), "epoll_wait,epoll_pwait");
        for _ in 0..10 {
            let next = scene.feed.next();
            scene.feed.send(1);
            all_expect(&mut clients, next..next + 1);
            // While it sleeps in poll, a stop and its end make the call return without an event.
            scene.fanout.signal(Signal::STOP);
            scene.fanout.signal(Signal::CONT);
        }
        interrupted += trace
            .end()
            .iter()
            .filter(|call| call.contains("EINTR"))
            .count();
        scene.step(&mut clients[0], 3);
        let next = scene.feed.next();
        clients[1].expect(next - 3..next);
    }
    assert!(interrupted > 0, "poll was never interrupted");
    assert!(scene.fanout.lines().matching("upstream lost").is_empty());
}

/// Case 44.
#[test]
fn a_clock_that_jumps_by_a_day_moves_no_deadline() {
    const LIBRARIES: [&str; 2] = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ];
    let Some(library) = LIBRARIES.iter().find(|path| Path::new(path).exists()) else {
        tools::skipped("no libfaketime");
        return;
    };
    let upstream = Upstream::bind();
    let options =
        "--stall-timeout 10s --upstream-timeout 10s --stale-after 2s --unsent-limit 16KiB";
    let (fanout, clock) = start_with_clock(library, &arguments(&upstream, options));
    let mut feed = upstream.accept();
    let mut behind = fanout.joined(Reader::connect_small(fanout.addr(), 1024));
    let mut witness = fanout.join();
    let (mut sent, mut days) = (0, Vec::new());
    for shift in ["+0", "+1d", "-1d", "+30d", "+0"] {
        set_clock(&clock, shift);
        feed.send(100);
        sent += 100;
        witness.read_to(sent - 1);
        let stats = fanout.stats();
        assert_eq!(line::number(&stats, "clients"), 2, "{shift}: {stats}");
        days.push(line::Parts::of(&stats).timestamp[..10].to_owned());
    }
    assert_eq!(days[0], days[4]);
    days.sort_unstable();
    days.dedup();
    assert!(days.len() >= 4, "the program saw no jump: {days:?}");
    behind.expect(0..sent);
    for forbidden in ["upstream stale", "upstream lost", "client left"] {
        assert!(fanout.lines().matching(forbidden).is_empty(), "{forbidden}");
    }
    // A deadline that begins before a jump into the past ends in its own time all the same.
    set_clock(&clock, "-1d");
    fanout.wait_for_line("upstream stale*silent_for=2s");
    let _ = std::fs::remove_file(clock);
}

/// Starts the program with a wall clock that is shifted by what stands in the file.
fn start_with_clock(library: &str, arguments: &str) -> (Fanout, std::path::PathBuf) {
    let clock = std::env::temp_dir().join(format!("fanout-clock-{}", std::process::id()));
    set_clock(&clock, "+0");
    let fanout = Launch::new(arguments)
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &clock.to_string_lossy())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start();
    (fanout, clock)
}

fn set_clock(clock: &Path, shift: &str) {
    // In one piece: the program reads the file whenever it asks for the time.
    let fresh = clock.with_extension("new");
    let mut file = std::fs::File::create(&fresh).expect("a file for the clock");
    writeln!(file, "{shift}").expect("it can be written");
    std::fs::rename(&fresh, clock).expect("it is in the same folder");
}
