//! A program of the laboratory, running: what it says, what it is told, how it ends. It does not outlive the test.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::DEADLINE;

/// A running program.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    complaints: Receiver<String>,
}

/// What a program that ended by itself has left behind: the lines that nobody took before.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<String>,
    pub(crate) complaints: Vec<String>,
}

impl Program {
    /// Starts an example with these arguments, separated by spaces.
    #[track_caller]
    pub(crate) fn example(name: &str, arguments: &str) -> Self {
        Self::start(&examples().join(name), arguments)
    }

    /// Starts the relay, in an environment that does not tell it anything.
    #[track_caller]
    pub(crate) fn relay(arguments: &str) -> Self {
        Self::start(Path::new(env!("CARGO_BIN_EXE_fanout")), arguments)
    }

    #[track_caller]
    fn start(path: &Path, arguments: &str) -> Self {
        let mut command = Command::new(path);
        command.args(arguments.split_whitespace());
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("FANOUT_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program has been built");
        Self {
            input: child.stdin.take(),
            output: lines_of(child.stdout.take().expect("a pipe")),
            complaints: lines_of(child.stderr.take().expect("a pipe")),
            child,
        }
    }

    /// Waits for the next line on standard output.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let outcome = self.output.recv_timeout(DEADLINE);
        outcome.expect("the program says something")
    }

    /// Waits for a line on standard error that has this in it.
    #[track_caller]
    pub(crate) fn complaint(&self, words: &str) -> String {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let line = self.complaints.recv_timeout(left);
            let line = line.unwrap_or_else(|error| panic!("no {words:?}: {error}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Gives an order.
    #[track_caller]
    pub(crate) fn order(&mut self, order: &str) {
        let input = self.input.as_mut().expect("standard input is open");
        writeln!(input, "{order}").expect("the program hears orders");
    }

    /// Gives an order and waits for the next line.
    #[track_caller]
    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.line()
    }

    /// Closes its standard input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program is running");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it waits for something itself, and not only for the moment: so many looks in a row (`proc(5)`).
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn wait_until_asleep(&self) {
        const LOOKS: u32 = 1000;
        let give_up = Instant::now() + DEADLINE;
        let path = format!("/proc/{}/stat", self.id());
        let mut asleep = 0;
        while asleep < LOOKS {
            let stat = std::fs::read_to_string(&path).expect("it is running");
            asleep = if stat.contains(") S ") { asleep + 1 } else { 0 };
            assert!(Instant::now() < give_up, "it never sleeps");
            thread::yield_now();
        }
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn wait_for_end(mut self) -> Outcome {
        let output = drain(&self.output);
        let complaints = drain(&self.complaints);
        let status = self.child.wait().expect("it is our child");
        Outcome {
            code: status.code(),
            output,
            complaints,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, read by a thread so that the pipe never fills and waiting for a line can have a limit.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // When nobody listens any more, the pipe is still to be emptied.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The lines until the pipe is closed.
#[track_caller]
fn drain(lines: &Receiver<String>) -> Vec<String> {
    let give_up = Instant::now() + DEADLINE;
    let mut all = Vec::new();
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => all.push(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return all,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end; so far: {all:?}"),
        }
    }
}

/// The folder of the examples, which are built first: `cargo test --test lab` alone does not do that.
fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let test = env::current_exe().expect("the test is a file");
        // target/PROFILE/deps/lab-HASH
        let builds = test.ancestors().nth(2).expect("a folder of builds");
        let target = builds.parent().expect("a folder of targets");
        let profile = match builds.file_name().and_then(|name| name.to_str()) {
            Some("debug") => "dev",
            Some(name) => name,
            None => panic!("a profile has a name"),
        };
        let status = Command::new(env!("CARGO"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--quiet", "--profile", profile, "--target-dir"])
            .arg(target)
            .args(["--example", "frame-source", "--example", "frame-sink"])
            .status()
            .expect("cargo can be started");
        assert!(status.success(), "the examples cannot be built");
        builds.join("examples")
    })
}
