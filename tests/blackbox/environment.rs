//! Every option as an environment variable.

use crate::arguments::INVALID;
use crate::harness::{Fanout, Launch, Reader, Upstream, line};

#[test]
fn every_option_is_read_from_its_variable() {
    for (option, values) in INVALID {
        let name = variable(option);
        let value = values.split_whitespace().next().expect("a value");
        let outcome = Launch::new("127.0.0.1:1").env(&name, value).run();
        assert_eq!(outcome.code, 2, "{name}={value}: {:#?}", outcome.lines);
        assert_eq!(
            outcome.lines.len(),
            1,
            "{name}={value}: one line, not {:#?}",
            outcome.lines
        );
        assert!(
            outcome.lines[0].contains(value),
            "{:?} does not name {value}",
            outcome.lines[0]
        );
    }
}

#[test]
fn valid_values_are_taken_from_the_environment() {
    let upstream = Upstream::with_frame_size(64);
    let mut launch = Launch::new(&upstream.addr().to_string());
    for (name, value) in VALID {
        launch = launch.env(name, value);
    }
    let mut fanout = launch.start().framing(64);
    let listening = fanout.wait_for_line("listening addr=");
    line::assert_shape(&listening, "INFO", "listening addr=@ slow=skip replay=3");
    let limits = fanout.wait_for_line("limits max_clients=");
    assert_eq!(line::number(&limits, "max_clients"), 2, "{limits}");
    let mut feed = upstream.accept();
    let mut client = fanout.join();
    feed.send(5);
    client.expect(0..5);
    let mut late = fanout.join();
    late.expect(2..5);
    client.half_close();
    late.half_close();
    drop(feed);
    assert_eq!(fanout.wait_exit(), 0, "FANOUT_NO_RECONNECT");
}

#[test]
fn several_listeners_are_separated_by_spaces() {
    let upstream = Upstream::bind();
    let fanout = Launch::new(&upstream.addr().to_string())
        .env(
            "FANOUT_LISTEN",
            "127.0.0.1:0 127.0.0.1:0,slow=skip 127.0.0.1:0,slow=wait,replay=7",
        )
        .start();
    fanout.wait_for_lines("listening addr=", 3);
    fanout.wait_for_line("slow=disconnect replay=0");
    fanout.wait_for_line("slow=skip replay=0");
    let third = line::addr(&fanout.wait_for_line("slow=wait replay=7"));
    fanout.joined(Reader::connect(third, 1024));
}

#[test]
fn several_allowed_blocks_are_separated_by_spaces() {
    let upstream = Upstream::bind();
    let options = format!("-l 127.0.0.1:0 {}", upstream.addr());
    let fanout = Launch::new(&options)
        .env("FANOUT_ALLOW", "10.0.0.0/8 127.0.0.0/8")
        .start();
    fanout.join();
}

#[test]
fn the_command_line_beats_the_environment() {
    let upstream = Upstream::with_frame_size(64);
    let fanout = Launch::new(&format!(
        "-l 127.0.0.1:0 --frame-size 64 --slow wait {}",
        upstream.addr()
    ))
    .env("FANOUT_FRAME_SIZE", "100")
    .env("FANOUT_SLOW", "skip")
    .env("FANOUT_LISTEN", "192.0.2.1:1")
    .start()
    .framing(64);
    fanout.wait_for_line("listening addr=127.0.0.1:*slow=wait");
    let mut feed = upstream.accept();
    let mut client = fanout.join();
    feed.send(3);
    client.expect(0..3);
}

#[test]
fn rust_log_is_honoured_when_the_option_is_absent() {
    assert_eq!(levels_with("", &[("RUST_LOG", "warn")]), ["WARN"]);
    assert!(levels_with("--log-level info", &[("RUST_LOG", "error")]).contains(&"INFO".to_owned()));
    assert!(
        levels_with("", &[("RUST_LOG", "error"), ("FANOUT_LOG_LEVEL", "info")])
            .contains(&"INFO".to_owned())
    );
}

/// The levels of the lines of a run that ends with a lost upstream.
fn levels_with(options: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let upstream = Upstream::bind();
    let mut launch = Launch::new(&crate::harness::arguments(&upstream, options));
    for (name, value) in environment {
        launch = launch.env(name, value);
    }
    let mut fanout: Fanout = launch.start_unheard();
    drop(upstream.accept());
    drop(upstream.accept());
    assert_eq!(fanout.terminate(), 0);
    let lines = fanout.lines().wait_for_end();
    let mut levels: Vec<_> = lines
        .iter()
        .map(|line| line::Parts::of(line).level.to_owned())
        .collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

/// `FANOUT_` and the option's name in capitals.
fn variable(option: &str) -> String {
    format!(
        "FANOUT_{}",
        option
            .trim_start_matches('-')
            .replace('-', "_")
            .to_uppercase()
    )
}

const VALID: &[(&str, &str)] = &[
    ("FANOUT_LISTEN", "127.0.0.1:0"),
    ("FANOUT_FRAME_SIZE", "64"),
    ("FANOUT_BACKLOG", "100"),
    ("FANOUT_SLOW", "skip"),
    ("FANOUT_STALL_TIMEOUT", "2m"),
    ("FANOUT_REPLAY", "3"),
    ("FANOUT_LINGER", "0"),
    ("FANOUT_UNSENT_LIMIT", "64KiB"),
    ("FANOUT_MAX_CLIENTS", "2"),
    ("FANOUT_MAX_CLIENTS_PER_IP", "2"),
    ("FANOUT_ALLOW", "127.0.0.0/8"),
    ("FANOUT_RECONNECT_MIN", "1s"),
    ("FANOUT_RECONNECT_MAX", "2s"),
    ("FANOUT_NO_RECONNECT", "true"),
    ("FANOUT_CONNECT_TIMEOUT", "5s"),
    ("FANOUT_UPSTREAM_TIMEOUT", "0"),
    ("FANOUT_STALE_AFTER", "1m"),
    ("FANOUT_DRAIN_TIMEOUT", "5s"),
    ("FANOUT_LOG_LEVEL", "info"),
];
