//! The processes that the orchestrator starts: their lines, their orders, their end.
//!
//! Nothing here waits for ever: a child that does not answer in time is an error. A child ends with its owner.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;

/// The source or the sink: this program, started again as something else.
pub(crate) struct Helper {
    role: &'static str,
    child: Ended,
    orders: ChildStdin,
    answers: Lines,
}

impl Helper {
    /// Starts this program again as `role`.
    pub(crate) fn start(role: &'static str, arguments: &[String]) -> Fallible<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(role)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no pipe to the helper")?;
        let answers = Lines::of(child.stdout.take().ok_or("no pipe from the helper")?);
        Ok(Self {
            role,
            child: Ended(child),
            orders,
            answers,
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Gives an order that has no answer.
    pub(crate) fn order(&mut self, order: &str) -> Fallible<()> {
        let outcome = writeln!(self.orders, "{order}");
        outcome.map_err(|_| format!("the {} has ended", self.role).into())
    }

    /// Gives an order and waits for its answer, a line that starts with `word`.
    pub(crate) fn ask(&mut self, order: &str, word: &str) -> Fallible<String> {
        self.order(order)?;
        self.hear(word)
    }

    /// Waits for a line that starts with `word`.
    pub(crate) fn hear(&mut self, word: &str) -> Fallible<String> {
        let outcome = self.answers.find(word, ANSWER_LIMIT);
        outcome.map_err(|error| format!("the {}: {error}", self.role).into())
    }

    /// Waits for the end of the process: whether it said that something is wrong (exit code 1).
    pub(crate) fn fails_within(&mut self, limit: Duration) -> Fallible<bool> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.0.try_wait()? {
                return Ok(status.code() == Some(1));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }
}

/// The server under test, or the floor in its place: found by the `listening` line on its standard error.
pub(crate) struct Server {
    // Ended when dropped.
    child: Ended,
    log: Lines,
    addr: SocketAddr,
}

impl Server {
    /// Starts `command` and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Fallible<Self> {
        for (name, _) in std::env::vars_os() {
            let is_setting = name
                .to_str()
                .is_some_and(|name| name.starts_with("FANOUT_"));
            if is_setting || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let mut child = Ended(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()?,
        );
        let log = Lines::of(child.0.stderr.take().ok_or("no pipe from the server")?);
        let outcome = log.find("listening addr=", ANSWER_LIMIT);
        let line = outcome.map_err(|error| format!("the server: {error}"))?;
        let addr = line.split_once("addr=").ok_or("no address")?.1;
        let addr = addr
            .split_ascii_whitespace()
            .next()
            .unwrap_or_default()
            .parse()?;
        Ok(Self { child, log, addr })
    }

    /// Waits for a line of its log that has `words` in it.
    pub(crate) fn hear(&self, words: &str) -> Fallible<String> {
        let outcome = self.log.find(words, ANSWER_LIMIT);
        outcome.map_err(|error| format!("the server: {error}").into())
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }
}

/// A child that does not outlive its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines of a pipe, read by a thread so that the pipe never fills and waiting for a line can have a limit.
struct Lines(Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                // When nobody listens any more, the pipe is still to be emptied.
                let _ = sender.send(line);
            }
        });
        Self(receiver)
    }

    /// The next line with `words` in it. Other lines are passed over, the last of them is part of the error.
    fn find(&self, words: &str, limit: Duration) -> Result<String, String> {
        let deadline = Instant::now() + limit;
        let mut last = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(line) => last = line,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "no {words:?} within {limit:?}; last line: {last:?}"
                    ));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(format!("ended before {words:?}; last line: {last:?}"));
                }
            }
        }
    }
}

/// How long any answer may take: connecting 10,000 clients takes a second or two.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
