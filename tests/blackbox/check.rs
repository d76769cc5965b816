//! `--check`: what a setup would come to, without serving anybody.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use crate::harness::{Launch, Place};

/// An upstream that is not there: nobody dials it.
const NOBODY: &str = "127.0.0.1:9";

#[test]
fn the_setup_is_printed_and_everything_that_was_tried_is_given_back() {
    let place = Place::new();
    let socket = place.path();
    let free = free_port();
    let arguments = format!(
        "{NOBODY} -l 127.0.0.1:{free},slow=skip,replay=3 -l unix:{} --admin 127.0.0.1:0 --max-clients 7 --check",
        socket.display()
    );
    // The second time proves that the first has kept nothing.
    for _ in 0..2 {
        let outcome = Launch::new(&arguments).run();
        let (code, lines, text) = (outcome.code, outcome.lines, outcome.output);
        assert_eq!((code, lines), (0, Vec::new()), "{text}");
        for expected in [
            format!("upstream       {NOBODY}\n"),
            format!("listen         127.0.0.1:{free} slow=skip replay=3\n"),
            format!(
                "listen         unix:{} slow=disconnect replay=0\n",
                socket.display()
            ),
            "admin          127.0.0.1:".to_owned(),
            "frame log      16.2 MiB: a backlog of 16384 frames and a window of 192.0 KiB\n"
                .to_owned(),
            "clients        7 at most: ".to_owned(),
            " descriptors, of which 49 are kept back; --max-clients 7\n".to_owned(),
            // Beside the log 1,792 bytes, seven times 1,023 and 64, and what the endpoint takes.
            "memory         28.3 MiB at most: 16.2 MiB for the frame log, 1.8 KiB for clients (256 bytes each), \
             7.4 KiB for the rests of frames before a skip, 12.1 MiB for the admin endpoint; \
             without the program itself, a few MiB\n"
                .to_owned(),
            "in the kernel  ".to_owned(),
            "128.0 KiB unsent".to_owned(),
        ] {
            assert!(
                text.contains(&expected),
                "{expected:?} is missing in\n{text}"
            );
        }
        assert!(!socket.exists(), "the socket's file is left");
        assert!(
            TcpStream::connect(("127.0.0.1", free)).is_err(),
            "somebody listens"
        );
    }
}

#[test]
fn what_is_taken_is_one_line_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let addr = taken.local_addr().expect("it has an address").to_string();
    let place = Place::new();
    let socket = place.path();
    let _live = UnixListener::bind(socket).expect("the path is free");
    let live = format!("unix:{}", socket.display());
    for (arguments, named) in [
        (format!("{NOBODY} -l {addr} --check"), addr.as_str()),
        (
            format!("{NOBODY} -l 127.0.0.1:0 --admin {addr} --check"),
            addr.as_str(),
        ),
        (format!("{NOBODY} -l {live} --check"), live.as_str()),
        (
            "nobody.invalid:1 -l 127.0.0.1:0 --check".to_owned(),
            "nobody.invalid:1",
        ),
    ] {
        let outcome = Launch::new(&arguments).run();
        assert_eq!(outcome.code, 1, "{arguments}: {:?}", outcome.lines);
        assert_eq!(outcome.lines.len(), 1, "{:?}", outcome.lines);
        assert!(outcome.lines[0].contains(named), "{:?}", outcome.lines);
    }
    assert!(socket.exists(), "a live socket's file is removed");
}

#[test]
fn a_setup_that_cannot_be_printed_is_a_failure_and_one_that_nobody_reads_is_none() {
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
        command.args([NOBODY, "-l", "127.0.0.1:0", "--check"]);
        command
    };
    let (reader, unread) = std::io::pipe().expect("the system gives a pipe");
    drop(reader);
    let outcome = check().stdout(unread).output();
    let outcome = outcome.expect("the program can be started");
    assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    assert!(outcome.stderr.is_empty(), "{outcome:?}");
    if cfg!(target_os = "linux") {
        let full = File::options().write(true).open("/dev/full");
        let full = full.expect("there is a file that is always full");
        let outcome = check().stdout(full).output();
        let outcome = outcome.expect("the program can be started");
        let said = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn bad_arguments_are_bad_arguments_here_too() {
    for arguments in [
        "--check",
        "127.0.0.1:9 --check --frame-size 0",
        "127.0.0.1:9 --check --man",
    ] {
        let outcome = Launch::new(arguments).run();
        assert_eq!(outcome.code, 2, "{arguments}: {:?}", outcome.lines);
        assert_eq!(outcome.lines.len(), 1, "{:?}", outcome.lines);
    }
}

#[test]
fn the_demo_can_be_checked_and_standard_input_is_left_alone() {
    let demo = Launch::new("--demo -l 127.0.0.1:0 --check").run();
    assert_eq!(demo.code, 0, "{:?}", demo.lines);
    assert!(demo.output.starts_with("upstream       embedded"));
    let (_kept_open, input) = UnixStream::pair().expect("there is memory");
    let outcome = Launch::new("- -l 127.0.0.1:0 --check")
        .stdin(OwnedFd::from(input).into())
        .run();
    assert_eq!(outcome.code, 0, "{:?}", outcome.lines);
    let first = "upstream       standard input\n";
    assert!(outcome.output.starts_with(first), "{}", outcome.output);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    listener.local_addr().expect("it has an address").port()
}
