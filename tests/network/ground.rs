//! The ground that a test stands on: a process of its own, in a user, network, mount and process namespace of its own.
//!
//! The invariant: nothing outlives the test. Everything that it starts lives in its process namespace, whose first
//! process is the test, so the kernel ends all of it when the test ends, in whatever way. And a test ends when whoever
//! started it does: it then meets the end of its input.

use std::any::type_name;
use std::collections::HashMap;
use std::env;
use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio, exit};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use crate::network::Network;

/// Runs the body of the test that calls this, in a process and on a network of its own.
pub(crate) fn on_private_ground<F: FnOnce(&Network)>(body: F) {
    if env::var_os(INSIDE).is_some() {
        end_with_input();
        return body(&Network::lay());
    }
    if let Err(why) = possibility() {
        return skip(why);
    }
    let output = outcome_of(name_of::<F>());
    // What the test has said, for the one who runs it to see if it has failed.
    println!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "it failed on its private ground");
    let has_run = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(has_run, "no test of that name was run");
}

/// What became of a test, which may be under way already.
fn outcome_of(name: String) -> Output {
    let mut started = started().lock().unwrap_or_else(PoisonError::into_inner);
    let test = started.remove(&name).unwrap_or_else(|| start(name));
    drop(started);
    test.join().expect("it only waits for a process")
}

type Started = HashMap<String, JoinHandle<Output>>;

/// The tests that are under way or over, and have not been asked about: at first all that the command line asks for.
fn started() -> &'static Mutex<Started> {
    static STARTED: OnceLock<Mutex<Started>> = OnceLock::new();
    STARTED.get_or_init(|| {
        let names = asked_for().into_iter();
        Mutex::new(names.map(|name| (name.clone(), start(name))).collect())
    })
}

/// The tests that the command line of this process asks for, in the runner's own opinion.
fn asked_for() -> Vec<String> {
    let listed = Command::new(own_program())
        .args(env::args_os().skip(1))
        .arg("--list")
        .output()
        .expect("this program can be started again");
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = names.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

fn start(name: String) -> JoinHandle<Output> {
    thread::spawn(move || {
        let mut child = unshare()
            .arg(own_program())
            .args(["--exact", &name, "--nocapture", "--test-threads", "1"])
            .env(INSIDE, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare has been tried");
        // Held until the test is over: its end tells the test that nobody waits for it any more.
        let _input = child.stdin.take();
        child.wait_with_output().expect("it is our child")
    })
}

/// The beginning of a command line that runs a program in namespaces of its own, as their root.
fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "--pid"]);
    command.args(["--fork", "--kill-child"]);
    command
}

/// Whether this system gives a user what these tests take; tried once, by doing a little of all of it.
fn possibility() -> Result<(), &'static str> {
    static TRIED: OnceLock<Result<(), String>> = OnceLock::new();
    let outcome = TRIED.get_or_init(|| {
        let tried = unshare().args(["sh", "-ec", REHEARSAL]).output();
        let tried = tried.map_err(|error| format!("unshare: {error}"))?;
        if tried.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&tried.stderr);
        Err(why.trim().to_owned())
    });
    outcome.as_ref().copied().map_err(String::as_str)
}

/// Says once that these tests are skipped, where it is seen: what a test prints, the test runner keeps to itself.
fn skip(why: &'static str) {
    static SAID: OnceLock<()> = OnceLock::new();
    assert!(
        env::var_os("CI").is_none(),
        "no private network can be had here: {why}"
    );
    SAID.get_or_init(|| {
        let line = format!("skipped: no private network can be had here ({why})");
        writeln!(io::stderr(), "{line}").expect("stderr takes a line");
    });
}

/// Ends this process when its input ends.
fn end_with_input() {
    thread::spawn(|| {
        let mut rest = Vec::new();
        // Whether it ends or fails, whoever held the other end is gone.
        let _ = io::stdin().read_to_end(&mut rest);
        exit(1);
    });
}

/// The name of the test whose body this is, as the test runner spells it: the closure's path without the crate's name.
fn name_of<F>() -> String {
    let path = type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    let (_, name) = path.split_once("::").expect("a function of this crate");
    name.to_owned()
}

fn own_program() -> std::path::PathBuf {
    env::current_exe().expect("this program has a path")
}

/// Set for a process that stands on private ground.
const INSIDE: &str = "FANOUT_TEST_GROUND";

/// A little of everything: a cable, a rule, a slow line, a file in the place of another, a second namespace.
const REHEARSAL: &str = "
    ip link add near0 type veth peer name far0
    nft add table inet fault
    tc qdisc add dev near0 root tbf rate 80kbit burst 4kb latency 50ms
    mount --bind /etc/hosts /etc/resolv.conf
    unshare --net true
";
