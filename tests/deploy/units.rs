//! The units of systemd: that it takes them, what it thinks of their safety, and that what they forbid is nothing that
//! the program does.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::shipped::{self, PROGRAM};
use crate::tools;

/// systemd counts tenths: 2.0, where 10 is a service without any protection.
const GREATEST_EXPOSURE: &str = "--threshold=20";

#[test]
fn systemd_has_nothing_to_say_about_the_units() {
    if !tools::are_there(&["systemd-analyze"]) {
        return;
    }
    let folder = shipped::empty_folder("units");
    let units = ["fanout.service", "fanout.socket"].map(|name| {
        let text = shipped::text(&format!("systemd/{name}"));
        let unit = folder.join(name);
        // It looks whether the program is there, and whether it can be executed.
        let text = text.replace("/usr/bin/fanout", PROGRAM);
        fs::write(&unit, text).expect("a file for the unit");
        unit
    });
    // The manual page is not installed for a test.
    let mut verify = Command::new("systemd-analyze");
    let said = shipped::run(verify.args(["--man=no", "verify"]).args(units));
    assert_eq!(said, "");
}

#[test]
fn the_service_is_exposed_to_little() {
    if !tools::are_there(&["systemd-analyze"]) {
        return;
    }
    let mut security = Command::new("systemd-analyze");
    security.args([
        "security",
        "--offline=true",
        "--no-pager",
        GREATEST_EXPOSURE,
    ]);
    shipped::run(security.arg(shipped::path("systemd/fanout.service")));
}

#[test]
fn the_service_is_stopped_later_than_its_drain_ends() {
    let seconds = |text: &str, before: &str, after: &str| -> u32 {
        let (_, rest) = text.split_once(before).expect("it is set");
        let (number, _) = rest.split_once(after).expect("it ends");
        number.parse().expect("a number of seconds")
    };
    let stop = seconds(&setting("TimeoutStopSec"), "", "\n");
    let env = shipped::text("systemd/fanout.env");
    let drain = seconds(&env, "FANOUT_DRAIN_TIMEOUT=", "s\n");
    assert!(stop > drain, "{stop} s are not more than {drain} s");
}

#[test]
fn the_service_restarts_after_failures_but_not_with_bad_options() {
    assert_eq!(setting("Type"), "notify\n");
    assert_eq!(setting("Restart"), "on-failure\n");
    let misused = Command::new(PROGRAM).arg("--frame-size=0").output();
    let code = misused.expect("the program can be started").status.code();
    let code = code.expect("it ends by itself");
    assert_eq!(setting("RestartPreventExitStatus"), format!("{code}\n"));
}

/// Its start, a name to resolve, an upstream, a client, frames, its drain: the kernel is asked for nothing that the
/// unit refuses.
#[test]
fn the_service_is_allowed_every_system_call_that_it_makes() {
    if !tools::are_there(&["systemd-analyze", "strace"]) {
        return;
    }
    let trace = shipped::empty_folder("calls").join("trace");
    let mut program = Command::new("strace")
        .args(["-f", "-q", "-o"])
        .arg(&trace)
        .args([PROGRAM, "--demo", "--listen", "localhost:0"])
        .env_clear()
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace can be started");
    let stderr = program.stderr.take().expect("stderr is a pipe");
    let mut lines = BufReader::new(stderr).lines();
    let Some(addr) = lines.by_ref().find_map(|line| addr_in(&line.ok()?)) else {
        let _ = program.wait();
        tools::skipped("strace cannot trace here");
        return;
    };
    let mut client = TcpStream::connect(addr).expect("it listens");
    let mut frames = [0; 2048];
    client.read_exact(&mut frames).expect("two frames");
    terminate(&program);
    // What it still says is taken, so that it need not wait for anybody.
    lines.for_each(drop);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("a clean end");
    assert!(program.wait().expect("it ends").success());

    let trace = fs::read_to_string(trace).expect("a trace");
    let made: BTreeSet<_> = trace.lines().filter_map(call_in).collect();
    for expected in ["accept4", "epoll_wait", "clone3"] {
        assert!(made.contains(expected), "{expected} is not in {made:?}");
    }
    let allowed = allowed_calls();
    let refused: Vec<_> = made
        .iter()
        .filter(|call| !allowed.contains(**call))
        .collect();
    // systemd itself makes this one, before the filter is on.
    assert_eq!(refused, [&"execve"; 0]);

    let families = setting("RestrictAddressFamilies");
    for line in trace.lines().filter(|line| line.contains(" socket(AF_")) {
        let (_, family) = line.split_once("socket(").expect("it is in there");
        let family = family.split(',').next().unwrap_or_default();
        let is_allowed = families.split_whitespace().any(|known| known == family);
        assert!(is_allowed, "{family} is refused");
    }
}

fn addr_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening addr=")?;
    rest.split(' ').next().map(str::to_owned)
}

/// Asks the program below strace to drain.
fn terminate(strace: &Child) {
    let id = strace.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.expect("strace runs");
    let child = children
        .split_whitespace()
        .next()
        .expect("so does the program");
    let child = Pid::from_raw(child.parse().expect("a number")).expect("a process");
    kill_process(child, Signal::TERM).expect("it is ours");
}

/// `1234 accept4(...) = 5`: `accept4`. The second half of a call that others interrupt in the trace has no name there.
fn call_in(line: &str) -> Option<&str> {
    let call = line.split_whitespace().nth(1)?;
    let (name, _) = call.split_once('(')?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    Some(name).filter(|name| !name.is_empty() && name.chars().all(is_name))
}

/// The calls that the two `SystemCallFilter=` lines leave.
fn allowed_calls() -> BTreeSet<String> {
    let text = shipped::text("systemd/fanout.service");
    let lines = text.lines();
    // systemd adds it to every list of what is allowed.
    let mut allowed = calls_of("@default");
    for sets in lines.filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let taken_away = sets.strip_prefix('~');
        for set in taken_away.unwrap_or(sets).split_whitespace() {
            let calls = calls_of(set);
            match taken_away {
                Some(_) => allowed.retain(|call| !calls.contains(call)),
                None => allowed.extend(calls),
            }
        }
    }
    allowed
}

fn calls_of(set: &str) -> BTreeSet<String> {
    let mut command = Command::new("systemd-analyze");
    let listed = shipped::run(command.args(["--no-pager", "syscall-filter", set]));
    let names = listed.lines().skip(1).map(str::trim);
    let names = names.filter(|name| !name.is_empty() && !name.starts_with('#'));
    let calls = names.flat_map(|name| match name.strip_prefix('@') {
        Some(_) => calls_of(name),
        None => BTreeSet::from([name.to_owned()]),
    });
    calls.collect()
}

/// The last value of a setting of the service, with the end of its line.
fn setting(name: &str) -> String {
    let text = shipped::text("systemd/fanout.service");
    let start = format!("{name}=");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = lines.next_back();
    format!("{}\n", value.unwrap_or_else(|| panic!("{name} is not set")))
}
