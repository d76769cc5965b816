//! A network of one's own, where limits of the system can be set, and what can be seen in no other: a client that the
//! kernel has to ask after.

use std::fs;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::tools;
use crate::harness::launch::Outcome;
use crate::harness::wait::is_ready;
use crate::harness::{DEADLINE, Fanout, line, system};

/// Half-closed and then closed, case 24: with nothing to send, only the kernel's question after fifteen seconds brings
/// it to light. In a network of its own, because a client's kernel answers that question in its place for a minute
/// (`tcp_fin_timeout`, tcp(7)), which is a second there.
#[test]
fn a_half_closed_client_that_closes_is_found_while_no_frames_come() {
    if !tools::are_there(&["ncat", "nsenter"]) || in_network("true").is_none() {
        return;
    }
    let script = format!(
        "echo 1 >/proc/sys/net/ipv4/tcp_fin_timeout && \
         exec {PROGRAM} -l 127.0.0.1:0 --reconnect-min 1h --reconnect-max 1h 127.0.0.1:1"
    );
    let fanout = start(&script);
    fanout.wait_for_line("upstream retry");
    let mut neighbour = netcat(&fanout, &["127.0.0.1"]);
    fanout.wait_for_stat("clients", 1);
    let descriptors = system::descriptors(fanout.pid());
    let mut client = netcat(&fanout, &["127.0.0.1"]);
    fanout.wait_for_stat("clients", 2);
    wait_for_fins(&fanout, 2);
    end(&mut client);
    let output = neighbour.stdout.as_ref().expect("stdout is a pipe").as_fd();
    let has_ended = is_ready(output, PollFlags::IN, Duration::from_secs(12));
    assert!(!has_ended, "the one that is still there was let go");
    let left = fanout.wait_for_line("client left");
    assert_eq!(line::value(&left, "reason"), "closed", "{left}");
    assert_eq!(line::value(&left, "id"), "2", "{left}");
    // An answer comes a turn later, when its socket has been closed.
    fanout.stats();
    assert_eq!(system::descriptors(fanout.pid()), descriptors);
    end(&mut neighbour);
}

/// Case 48.
#[test]
fn of_one_ipv6_network_of_64_bits_one_gets_in_and_of_the_next_one_too() {
    if !tools::are_there(&["ncat", "nsenter"]) || in_network("true").is_none() {
        return;
    }
    let own = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"];
    let add = own.map(|addr| format!("ip addr add {addr}/128 dev lo"));
    let script = format!(
        "{} && exec {PROGRAM} -l [::]:0 --max-clients-per-ip 1 127.0.0.1:1",
        add.join(" && ")
    );
    let fanout = start(&script);
    let mut clients: Vec<_> = (1..)
        .zip(own)
        .map(|(number, from)| {
            let client = netcat(&fanout, &["-s", from, own[0]]);
            fanout.wait_for_lines(&format!("client *addr=[{from}]:"), 1);
            assert_eq!(fanout.lines().matching("client ").len(), number);
            client
        })
        .collect();
    let refused = format!("client refused addr=[{}]:*reason=per-ip", own[1]);
    fanout.wait_for_line(&refused);
    let stats = fanout.stats();
    assert_eq!(line::number(&stats, "clients"), 2, "{stats}");
    assert_eq!(line::number(&stats, "refused_per_ip"), 1, "{stats}");
    clients.iter_mut().for_each(end);
}

/// The program by a script, in a network of its own.
fn start(script: &str) -> Fanout {
    let mut command = unshare(script);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    Fanout::of(command.spawn().expect("unshare is there"))
}

/// A client without input, in the network of the program, with these options before the port.
fn netcat(fanout: &Fanout, options: &[&str]) -> Child {
    let addr = fanout.addr();
    let mut command = Command::new("nsenter");
    if space().is_some_and(|way| way.contains(&"--user")) {
        command.args(["--preserve-credentials", "--user"]);
    }
    command.args(["--net", "--target"]);
    command.arg(fanout.pid().as_raw_nonzero().to_string());
    command
        .arg("ncat")
        .args(options)
        .arg(addr.port().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().expect("nsenter is there")
}

fn end(child: &mut Child) {
    // One that was refused has ended by itself.
    let _ = child.kill();
    child.wait().expect("it is our child");
}

/// Waits until so many clients have shut down their sending side, as the kernel of the program's network sees it.
#[track_caller]
pub(super) fn wait_for_fins(fanout: &Fanout, count: usize) {
    let table = format!("/proc/{}/net/tcp", fanout.pid().as_raw_nonzero());
    let local = format!(":{:04X}", fanout.addr().port());
    let is_half_closed = |row: &&str| {
        let fields: Vec<_> = row.split_whitespace().collect();
        // proc_net_tcp: 08 is CLOSE_WAIT.
        fields[1].ends_with(&local) && fields[3] == "08"
    };
    let give_up = Instant::now() + DEADLINE;
    loop {
        let table = fs::read_to_string(&table).expect("the program is running");
        if table.lines().filter(is_half_closed).count() >= count {
            return;
        }
        assert!(
            Instant::now() < give_up,
            "a sending side was never shut down"
        );
    }
}

/// Runs a script in a network of its own, as its root, to its end; nothing if that cannot be had here.
#[track_caller]
pub(super) fn in_network(script: &str) -> Option<Outcome> {
    if !tools::are_there(&["unshare", "ip"]) {
        return None;
    }
    if space().is_none() {
        tools::skipped("no network of one's own, neither with privileges nor without");
        return None;
    }
    let output = unshare(script).output().expect("unshare is there");
    let text = String::from_utf8_lossy(&output.stderr);
    Some(Outcome {
        code: output.status.code().expect("it ends by itself"),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        lines: text.lines().map(str::to_owned).collect(),
    })
}

/// A script about to be run in a network of its own, where loopback is up; what it mounts is its own too.
fn unshare(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(space().unwrap_or_default());
    command.args(["--net", "--mount", "sh", "-c"]);
    command.arg(format!("ip link set lo up && {script}"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FANOUT_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// What a space of one's own takes beside a network: a user of one's own, or root, where users may not have that.
fn space() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--user", "--map-root-user"], &[]];
    static WAY: OnceLock<Option<&[&str]>> = OnceLock::new();
    let is_open = |way: &&&[&str]| {
        let mut command = Command::new("unshare");
        command.args(**way);
        command.args(["--net", "--mount", "ip", "link", "set", "lo", "up"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    *WAY.get_or_init(|| WAYS.iter().find(is_open).copied())
}

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_fanout");
