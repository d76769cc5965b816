//! strace, attached to a thread of the running program or above the program from its start, and what it has seen.
//!
//! The invariant: it does not outlive the test, and the program goes on without it.

use std::env;
use std::io::PipeReader;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::case::Case;
use crate::harness::Fanout;
use crate::harness::lines::Lines;

/// strace at work.
pub(crate) struct Strace {
    /// None above a program from its start: it ends with the program.
    child: Option<Child>,
    trace: Arc<Lines>,
}

/// A call that was made to fail.
#[derive(Debug)]
pub(crate) struct Injection {
    line: String,
}

impl Strace {
    /// Attaches to a thread: to the loop, if it is the process's id.
    #[track_caller]
    pub(crate) fn attach(thread: Pid, case: &Case) -> Self {
        Self::attach_to(&["-p", &thread.as_raw_nonzero().to_string()], case)
    }

    /// Attaches to every thread of a process; each has a count of its own.
    #[track_caller]
    pub(crate) fn attach_to_all(process: Pid, case: &Case) -> Self {
        Self::attach_to(&["-f", "-p", &process.as_raw_nonzero().to_string()], case)
    }

    #[track_caller]
    fn attach_to(arguments: &[&str], case: &Case) -> Self {
        let mut child = strace(case)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{case}: no strace: {error}"));
        let trace = Lines::gather(child.stderr.take().expect("stderr is a pipe"));
        let strace = Self {
            child: Some(child),
            trace,
        };
        // From here on no call of that thread goes unseen.
        strace.trace.wait_for(" attached", 1);
        strace
    }

    /// Starts the program under it: the first thread, which becomes the loop.
    #[track_caller]
    pub(crate) fn start(case: &Case, arguments: &str) -> (Self, Fanout) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        // The program stays the child of the test, with its own output. The trace goes to its standard input, which it
        // does not use.
        let child = strace(case)
            .args(["-D", "-o", "/proc/self/fd/0", PROGRAM])
            .args(arguments.split_whitespace())
            .stdin(writer)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{case}: no strace: {error}"));
        (Self::over(reader), Fanout::of(child))
    }

    fn over(reader: PipeReader) -> Self {
        Self {
            child: None,
            trace: Lines::gather(reader),
        }
    }

    /// Waits until so many calls have been made to fail, and returns the last of them.
    #[track_caller]
    pub(crate) fn wait_for_injections(&self, count: usize) -> Injection {
        let line = self.trace.wait_for(INJECTED, count).swap_remove(count - 1);
        Injection { line }
    }

    /// Waits until so many calls of this name have been made.
    #[track_caller]
    pub(crate) fn wait_for_calls(&self, name: &str, count: usize) {
        self.trace.wait_for(&format!("{name}("), count);
    }

    /// The calls that have been made to fail so far.
    pub(crate) fn injections(&self) -> Vec<Injection> {
        let lines = self.trace.matching(INJECTED);
        lines.into_iter().map(|line| Injection { line }).collect()
    }

    /// Leaves the program alone, or waits for its end; returns what was traced. Fails if the program has spun.
    #[track_caller]
    pub(crate) fn detach(mut self, case: &Case) -> Vec<String> {
        self.end();
        let lines = self.trace.wait_for_end();
        let turns = lines.iter().filter(|line| is_call(line, "epoll_")).count();
        assert!(
            turns <= TURNS_AT_MOST,
            "{case}: the program spins, {turns} turns: {:#?}",
            &lines[..TURNS_AT_MOST]
        );
        lines
    }

    /// Waits for the end of the program it was started with; returns the calls that were made to fail.
    #[track_caller]
    pub(crate) fn finish(self) -> Vec<Injection> {
        self.trace.wait_for_end();
        self.injections()
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Interrupted, it detaches; a program that has ended took it along.
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            let _ = child.wait();
        }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the trace:");
            for line in self.trace.all() {
                eprintln!("    {line}");
            }
        }
        self.end();
    }
}

impl Injection {
    /// The client or upstream on whose socket it was, if it was on one that is connected.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        let (_, after) = self.line.split_once("->")?;
        let (addr, _) = after.split_once("]>")?;
        addr.parse().ok()
    }

    /// The system's words for the error.
    #[track_caller]
    pub(crate) fn words(&self) -> &str {
        let words = self.line.rsplit_once(") (INJECTED").map(|(head, _)| head);
        let words = words.and_then(|head| head.rsplit_once(" ("));
        words
            .unwrap_or_else(|| panic!("no words in {:?}", self.line))
            .1
    }

    /// The call as it was traced.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }
}

/// Whether nothing can be traced here; says so, or fails where `CI` is set.
#[track_caller]
pub(crate) fn is_missing() -> bool {
    static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
    let Some(obstacle) = OBSTACLE.get_or_init(obstacle) else {
        return false;
    };
    assert!(env::var_os("CI").is_none(), "cannot trace: {obstacle}");
    eprintln!("SKIPPED, cannot trace: {obstacle}");
    true
}

/// Why strace cannot attach to a process of ours.
fn obstacle() -> Option<String> {
    let mut idle = Command::new("cat")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let outcome = Command::new("strace")
        .args([
            "-p",
            &idle.id().to_string(),
            "-e",
            "inject=read:error=EIO:when=1",
        ])
        .stdin(Stdio::null())
        .output();
    let _ = idle.kill();
    let _ = idle.wait();
    match outcome {
        Err(error) => Some(format!("strace: {error}")),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            (!said.contains(" attached")).then_some(said)
        }
    }
}

fn strace(case: &Case) -> Command {
    let mut command = Command::new("strace");
    // Addresses instead of bare descriptors, and no bytes.
    command.args(["-yy", "-s", "0"]);
    command.args(["-e", &format!("trace={},{POLLS}", case.call())]);
    command.args(["-e", &format!("inject={}", case.rule())]);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("FANOUT_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// A call begins a line, behind the thread's id if there are several.
fn is_call(line: &str, name: &str) -> bool {
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    line.starts_with(name)
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_fanout");
const INJECTED: &str = "(INJECTED)";

/// What the loop sleeps in; each machine has one of them.
const POLLS: &str = "?epoll_wait,?epoll_pwait";

/// Turns that no case needs. Each is brought by an event or a deadline, and there are few of either in a case, however
/// slow the machine; a program that spins makes thousands.
const TURNS_AT_MOST: usize = 200;
