//! Starting where something is missing: descriptors, a permission, an address family, room in the accept queue.

use super::attached::Trace;
use super::network::{PROGRAM, in_network};
use super::tools;
use crate::harness::{Fanout, Launch, Upstream, all_expect, arguments, line};

/// Case 49.
#[test]
fn more_clients_than_descriptors_are_a_warning_and_fewer_clients() {
    let upstream = Upstream::bind();
    let arguments = arguments(&upstream, "--max-clients 1000");
    let fanout = Launch::under_limits(64, 64, &arguments).start();
    let lowered = fanout.wait_for_line("limits lowered");
    line::assert_shape(
        &lowered,
        "WARN",
        "limits lowered max_clients=32 wanted=1000:",
    );
    let limits = fanout.wait_for_line("limits max_clients=");
    line::assert_shape(&limits, "INFO", "limits max_clients=32 descriptors=64");
    let mut feed = upstream.accept();
    let mut clients = fanout.join_many(32);
    feed.send(2);
    all_expect(&mut clients, 0..2);
}

#[test]
fn upstreams_of_the_environment_are_separated_by_spaces_and_tried_in_order() {
    let first = crate::harness::upstream::Closed::reserve();
    let second = Upstream::bind();
    let fanout = Launch::new("-l 127.0.0.1:0 --reconnect-min 60s --reconnect-max 60s")
        .env(
            "FANOUT_UPSTREAM",
            &format!("{} {}", first.addr(), second.addr()),
        )
        .start();
    let mut client = fanout.join();
    second.accept().send(1);
    client.expect(0..1);
    let dialled = fanout.wait_for_lines("upstream connecting", 2);
    assert_eq!(line::addr(&dialled[0]), first.addr());
    assert_eq!(line::addr(&dialled[1]), second.addr());
}

#[test]
fn durations_are_read_in_every_form() {
    for (form, shown) in [
        ("250ms", "250ms"),
        ("5s", "5s"),
        ("2m", "120s"),
        ("0", "0s"),
    ] {
        let upstream = Upstream::bind();
        let mut fanout = Fanout::start(&upstream, &format!("--drain-timeout {form}"));
        assert_eq!(fanout.terminate(), 0);
        fanout.wait_for_line(&format!("draining clients=0 timeout={shown}"));
    }
}

#[test]
fn sizes_are_read_in_every_form() {
    if !tools::are_there(&["strace"]) {
        return;
    }
    for (form, bytes) in [("4096", 4_096), ("128KiB", 131_072), ("1MiB", 1_048_576)] {
        let upstream = Upstream::bind();
        let fanout = Fanout::start(&upstream, &format!("--unsent-limit {form}"));
        let trace = Trace::attach(fanout.pid(), "setsockopt");
        let _client = fanout.join();
        let is_set = |call: &String| call.contains(&format!("[{bytes}]"));
        assert!(trace.end().iter().any(is_set), "{form}");
    }
}

/// Case 49: no permission.
#[test]
fn a_port_that_only_the_privileged_may_bind_is_an_error_in_one_line() {
    let upstream = Upstream::bind();
    let arguments = arguments(&upstream, "-l 127.0.0.1:0 -l 127.0.0.1:81");
    // In a user namespace without a single capability, where ports below 1024 are reserved.
    let script = format!(
        "echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start && \
         exec setpriv --bounding-set=-all --inh-caps=-all {PROGRAM} {arguments}"
    );
    let Some(outcome) = in_network(&script) else {
        return;
    };
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    let named = |line: &&String| line.contains("127.0.0.1:81");
    let errors: Vec<_> = outcome.lines.iter().filter(named).collect();
    assert_eq!(errors.len(), 1, "{:#?}", outcome.lines);
    let error = errors[0].to_lowercase();
    let said = "cannot listen on 127.0.0.1:81: permission denied";
    assert!(error.contains(said), "{error}");
    let started = outcome
        .lines
        .iter()
        .any(|line| line.contains("upstream connecting"));
    assert!(!started, "{:#?}", outcome.lines);
}

#[test]
fn of_a_name_with_an_address_that_this_host_does_not_have_the_others_are_bound() {
    let script = format!(
        "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && {NAME} && \
         exec {PROGRAM} -l localhost:0 --no-reconnect 127.0.0.1:1"
    );
    let Some(outcome) = in_network(&script) else {
        return;
    };
    let said = outcome.lines.join("\n");
    let one = |pattern: &str| {
        let mut found = outcome
            .lines
            .iter()
            .filter(|line| line::matches(line, pattern));
        let first = found
            .next()
            .unwrap_or_else(|| panic!("{pattern} in {said}"));
        assert!(found.next().is_none(), "{pattern} twice in {said}");
        line::Parts::of(first).level
    };
    assert_eq!(one("listener passed over addr=[::1]:"), "WARN");
    assert_eq!(one("listening addr=127.0.0.1:"), "INFO");
    // It came as far as its upstream, which is not there.
    assert_eq!(outcome.code, 1, "{said}");
}

#[test]
fn without_options_it_listens_on_every_localhost_at_1235() {
    // Where the port is free, and the name stands for both addresses.
    let script = format!("{NAME} && exec {PROGRAM} --no-reconnect 127.0.0.1:1");
    let Some(outcome) = in_network(&script) else {
        return;
    };
    for addr in ["127.0.0.1:1235", "[::1]:1235"] {
        let shape = format!("listening addr={addr} slow=disconnect replay=0");
        let listening = outcome.lines.iter().find(|line| line.contains(&shape));
        let listening = listening.unwrap_or_else(|| panic!("{addr}: {:#?}", outcome.lines));
        line::assert_shape(listening, "INFO", &shape);
    }
}

#[test]
fn an_accept_queue_that_the_system_cuts_short_is_a_warning() {
    for (limit, warnings) in [(4_095, 1), (4_096, 0)] {
        let script = format!(
            "echo {limit} >/proc/sys/net/core/somaxconn && \
             exec {PROGRAM} -l 127.0.0.1:0 --no-reconnect 127.0.0.1:1"
        );
        let Some(outcome) = in_network(&script) else {
            return;
        };
        let said = outcome.lines.join("\n");
        let warned = outcome
            .lines
            .iter()
            .filter(|line| line::matches(line, "WARN*somaxconn"));
        assert_eq!(warned.count(), warnings, "{said}");
        assert!(said.contains("upstream connecting"), "{said}");
    }
}

/// In a network of its own: `localhost` stands for an address of either family.
const NAME: &str = "file=$(mktemp) && printf '127.0.0.1 localhost\\n::1 localhost\\n' >$file && \
                    mount --bind $file /etc/hosts && rm $file";
