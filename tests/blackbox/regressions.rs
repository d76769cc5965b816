//! Defects that were found once, each named after its cause.

use crate::harness::{Fanout, Launch, Reader, Scene, Upstream};

#[test]
fn frames_of_an_upstream_that_resets_at_once_are_not_lost() {
    let upstream = Upstream::bind();
    let options = "--reconnect-min 1ms --reconnect-max 1ms";
    let fanout = Fanout::start(&upstream, options);
    let mut client = fanout.join();
    for session in 0..30 {
        let mut feed = upstream.accept().starting_at(session * 3);
        feed.send(3);
        // Often before fanout has so much as looked at the outcome of its connect.
        feed.reset();
        client.expect(session * 3..session * 3 + 3);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_that_waits_when_a_frame_comes_is_accepted_first_and_gets_it() {
    use crate::harness::system;
    use rustix::process::Signal;

    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    for number in 0..20 {
        // Both are there when it looks, so that the order of its turn decides.
        scene.fanout.stop();
        let mut client = Reader::connect(scene.fanout.addr(), 1024);
        while system::accept_queue(scene.fanout.addr()) == 0 {
            std::thread::yield_now();
        }
        scene.feed.send(1);
        scene.fanout.signal(Signal::CONT);
        client.expect(number..number + 1);
        witness.expect(number..number + 1);
        client.reset();
    }
}

#[test]
fn a_variable_that_says_no_to_the_demo_is_no_demo() {
    // An upstream on the command line goes before a demo in the environment.
    for value in ["0", "false", "", "1"] {
        let upstream = Upstream::bind();
        let fanout = Launch::new(&format!("{} -l 127.0.0.1:0", upstream.addr()))
            .env("FANOUT_DEMO", value)
            .start();
        fanout.wait_for_line("upstream connected");
    }
}

#[test]
fn an_empty_variable_is_no_variable() {
    let upstream = Upstream::bind();
    let mut launch = Launch::new(&format!("{} -l 127.0.0.1:0", upstream.addr()));
    for name in ["ALLOW", "LINGER", "NO_RECONNECT", "LOG_LEVEL", "UPSTREAM"] {
        launch = launch.env(&format!("FANOUT_{name}"), "");
    }
    let fanout = launch.env("FANOUT_SLOW", " ").start();
    let listening = fanout.wait_for_line("listening addr=");
    assert!(listening.contains("slow=disconnect"), "{listening}");
    fanout.wait_for_line("upstream connected");
    drop(fanout.join());
}

#[test]
fn without_a_log_a_failure_still_says_why() {
    let outcome = Launch::new("127.0.0.1:1 -l 127.0.0.1:0 --no-reconnect --log-level off").run();
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.lines.len(), 1, "{:?}", outcome.lines);
    assert!(outcome.lines[0].contains("upstream 127.0.0.1:1 failed: connection refused"));
}

#[test]
fn a_descriptor_limit_without_room_for_clients_is_an_error() {
    let outcome = Launch::under_limits(30, 30, "127.0.0.1:1 -l 127.0.0.1:0").run();
    assert_eq!(outcome.code, 1);
    let said = outcome.lines.join("\n");
    assert!(said.contains("descriptor limit is 30"), "{said}");
}

#[test]
fn a_value_cannot_break_the_one_line_that_complains_about_it() {
    let outcome = Launch::new("127.0.0.1:1")
        .env("FANOUT_SLOW", "a\n\nUsage: b\u{1b}[31m")
        .run();
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.lines.len(), 1, "{:?}", outcome.lines);
    assert!(outcome.lines[0].contains("'--slow <POLICY>'"));
    assert!(!outcome.lines[0].contains('\u{1b}'));
}

#[cfg(target_os = "linux")]
#[test]
fn bad_arguments_exit_with_2_even_when_nothing_can_be_said() {
    use std::process::{Command, Stdio};

    for arguments in [["--bad", "x"], ["127.0.0.1:1", "--frame-size=0"]] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("there is a file that is always full");
        let status = Command::new(env!("CARGO_BIN_EXE_fanout"))
            .args(arguments)
            .stderr(Stdio::from(full))
            .status()
            .expect("the program starts");
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_newcomer_with_a_whole_backlog_to_replay_gets_all_of_it() {
    let mut scene = Scene::set("--backlog 64 --replay 64");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 100);
    let mut newcomer = scene.fanout.join();
    newcomer.expect(36..100);
    scene.step(&mut witness, 10);
    newcomer.expect(100..110);
}
