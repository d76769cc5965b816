//! Bad arguments: exit code 2, one line that names option and value, and nothing else was said or opened.

use crate::program::Program;

#[track_caller]
fn expect_misused(program: &str, arguments: &str, named: &[&str]) {
    let outcome = Program::example(program, arguments).wait_for_end();
    assert_eq!(outcome.code, Some(2), "{arguments}: {outcome:?}");
    assert_eq!(outcome.output, [""; 0], "{arguments}: {outcome:?}");
    let [line] = &outcome.complaints[..] else {
        panic!("{arguments}: not one line: {outcome:?}");
    };
    for words in named {
        assert!(
            line.contains(words),
            "{arguments}: no {words:?} in {line:?}"
        );
    }
}

#[test]
fn bad_arguments_of_the_source_are_named() {
    let cases: [(&str, &[&str]); 16] = [
        ("--rate fast", &["'fast'", "--rate"]),
        ("--rate -1", &["'-1'", "--rate"]),
        ("--burst 0", &["'0'", "--burst"]),
        ("--count x", &["'x'", "--count"]),
        (
            "--frame-size 31",
            &["'31'", "--frame-size", "32 to 1048576"],
        ),
        ("--frame-size 1048577", &["'1048577'", "--frame-size"]),
        ("--listen nowhere", &["'nowhere'", "--listen"]),
        ("--connect 127.0.0.1", &["'127.0.0.1'", "--connect"]),
        ("--connect h:1 --listen h:2", &["--connect", "--listen"]),
        ("--dialect smoke", &["'smoke'", "--dialect"]),
        ("--dialect redis", &["--dialect redis", "--connect"]),
        ("--fault boredom --fault-after 1", &["'boredom'", "--fault"]),
        ("--fault cut", &["--fault-after"]),
        ("--fault cut --fault-after 0", &["'0'", "--fault-after"]),
        ("--pause-for long", &["'long'", "--pause-for"]),
        ("--orders --rate 5", &["--orders", "--rate"]),
    ];
    for (arguments, named) in cases {
        expect_misused("frame-source", arguments, named);
    }
}

#[test]
fn bad_arguments_of_the_sink_are_named() {
    let cases: [(&str, &[&str]); 17] = [
        ("", &["<SERVER>"]),
        ("nowhere", &["'nowhere'", "<SERVER>"]),
        ("h:1 --readers many", &["'many'", "--readers"]),
        ("h:1 --readers -1", &["'-1'", "--readers"]),
        ("h:1 --readers 0", &["--readers 0"]),
        ("h:1 --readers 0 --stalled 1 --frames 3", &["--frames 3"]),
        ("h:1 --slow-rate 9", &["'9'", "--slow-rate"]),
        ("h:1 --for 5", &["'5'", "--for"]),
        ("h:1 --patience x", &["'x'", "--patience"]),
        ("h:1 --frames 0", &["'0'", "--frames"]),
        ("h:1 --check some", &["'some'", "--check"]),
        ("h:1 --frame-size 1k", &["'1k'", "--frame-size"]),
        ("h:1 --dialect smoke", &["'smoke'", "--dialect"]),
        (
            "h:1 --dialect nats --storm 4",
            &["--storm 4", "--dialect nats"],
        ),
        ("h:1 --orders --frames 4", &["--orders", "--frames"]),
        ("h:1 --watch me", &["'me'", "--watch"]),
        ("h:1 --fast", &["'--fast'"]),
    ];
    for (arguments, named) in cases {
        expect_misused("frame-sink", arguments, named);
    }
}

#[test]
fn what_cannot_be_done_is_one_line_and_exit_code_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let taken = taken.local_addr().expect("it is bound");
    let nobody = {
        let closed = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let closed = closed.expect("a socket");
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        closed.bind(&any.into()).expect("loopback has a free port");
        closed
    };
    let nobody_at = nobody.local_addr().expect("it is bound").as_socket();
    let nobody_at = nobody_at.expect("an address of IPv4");
    for (program, arguments, named) in [
        (
            "frame-source",
            format!("--connect {nobody_at}"),
            "cannot connect to 127.0.0.1:",
        ),
        (
            "frame-sink",
            format!("{nobody_at}"),
            "cannot connect to 127.0.0.1:",
        ),
        (
            "frame-sink",
            "nobody.invalid:1".to_owned(),
            "cannot resolve nobody.invalid:1",
        ),
        (
            "frame-sink",
            format!("{taken} --watch 4294967295"),
            "cannot watch process",
        ),
    ] {
        let outcome = Program::example(program, &arguments).wait_for_end();
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.complaints.len(), 1, "{outcome:?}");
        assert!(outcome.complaints[0].contains(named), "{outcome:?}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = taken.local_addr().expect("it is bound");
    let source = Program::example("frame-source", &format!("--listen {addr}"));
    let outcome = source.wait_for_end();
    assert_eq!(
        (outcome.code, outcome.output.len()),
        (Some(1), 0),
        "{outcome:?}"
    );
    assert!(
        outcome.complaints[0].contains(&format!("cannot listen on {addr}")),
        "{outcome:?}"
    );
}

#[test]
fn help_is_no_failure() {
    for program in ["frame-source", "frame-sink"] {
        let outcome = Program::example(program, "--help").wait_for_end();
        assert_eq!(outcome.code, Some(0));
        assert!(
            outcome
                .output
                .iter()
                .any(|line| line.contains("--frame-size"))
        );
    }
}
