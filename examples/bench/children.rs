//! The processes that are started: their lines, their orders, and what they said when something went wrong.
//!
//! Nothing here waits for ever: a child that does not answer in time is an error. A child ends with its owner.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::ending::Ended;

/// `frame-source` or `frame-sink`, which do as they are told on standard input.
pub(crate) struct Helper {
    name: &'static str,
    child: Ended,
    orders: ChildStdin,
    answers: Lines,
    complaints: Lines,
}

impl Helper {
    /// Starts `program` with these arguments, and with orders.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
    ) -> Fallible<Self> {
        let mut command = Command::new(program);
        command.arg("--orders").args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Ended::spawn(&mut command)?;
        let orders = child.0.stdin.take().ok_or("no pipe to the helper")?;
        let answers = Lines::of([child.0.stdout.take()]);
        let complaints = Lines::of([child.0.stderr.take()]);
        Ok(Self {
            name,
            child,
            orders,
            answers,
            complaints,
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Gives an order that has no answer.
    pub(crate) fn order(&mut self, order: &str) -> Fallible<()> {
        if writeln!(self.orders, "{order}").is_err() {
            return Err(self.explain("has ended"));
        }
        Ok(())
    }

    /// Gives an order and waits for its answer, a line that starts with `word`.
    pub(crate) fn ask(&mut self, order: &str, word: &str, limit: Duration) -> Fallible<String> {
        self.order(order)?;
        self.hear(word, limit)
    }

    /// Waits for a line with `word` in it.
    pub(crate) fn hear(&mut self, word: &str, limit: Duration) -> Fallible<String> {
        match self.answers.find(word, limit) {
            Ok(line) => Ok(line),
            Err(what) => Err(self.explain(&what)),
        }
    }

    /// Waits for the end of the process: what it said was broken, if it ended with that.
    pub(crate) fn complains_within(&mut self, limit: Duration) -> Fallible<Option<String>> {
        let status = wait(&mut self.child, limit)?;
        let is_complaint = status.is_some_and(|status| status.code() == Some(PROMISE_BROKEN));
        Ok(is_complaint.then(|| self.complaints.last(LAST_WORDS)))
    }

    /// What went wrong, in the helper's own words if it has said anything.
    fn explain(&mut self, what: &str) -> Box<dyn Error> {
        let status = wait(&mut self.child, LAST_WORDS);
        let said = self.complaints.last(LAST_WORDS);
        match status {
            Ok(Some(status)) if status.code() == Some(PROMISE_BROKEN) && !said.is_empty() => {
                Box::new(Complaint(said))
            }
            Ok(Some(status)) => format!("{} ended ({status}) {said}", self.name).into(),
            _ => format!("{}: {what} {said}", self.name).trim_end().into(),
        }
    }
}

/// What a helper said before it ended with exit code 1: of the sink, that a promise was broken.
#[derive(Debug)]
pub(crate) struct Complaint(pub(crate) String);

impl Complaint {
    /// Whether frames were wrong, and it is not just that a stream broke off.
    pub(crate) fn is_about_frames(&self) -> bool {
        [
            "missing:",
            "repeated:",
            "torn:",
            "garbage:",
            "off-boundary:",
            "cut:",
        ]
        .iter()
        .any(|word| self.0.contains(word))
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for Complaint {}

/// A server under test.
pub(crate) struct Running {
    child: Ended,
    log: Lines,
}

impl Running {
    /// Starts `command`, without the settings that this program's own environment has for fanout.
    pub(crate) fn start(mut command: Command) -> Fallible<Self> {
        for (name, _) in std::env::vars_os() {
            let is_setting = name
                .to_str()
                .is_some_and(|name| name.starts_with("FANOUT_"));
            if is_setting || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Ended::spawn(&mut command)?;
        let log = Lines::both(child.0.stdout.take(), child.0.stderr.take());
        Ok(Self { child, log })
    }

    /// Waits for a line of its log with `words` in it.
    pub(crate) fn hear(&self, words: &str, limit: Duration) -> Fallible<String> {
        let outcome = self.log.find(words, limit);
        outcome.map_err(|error| format!("the server: {error}").into())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// What became of it, if it has ended: its status and the last line it printed.
    pub(crate) fn end_by_now(&mut self) -> Option<String> {
        self.end_within(Duration::ZERO)
    }

    /// The same of a server that may be about to end.
    pub(crate) fn end_within(&mut self, limit: Duration) -> Option<String> {
        let status = wait(&mut self.child, limit).ok()??;
        Some(format!(
            "the server ended ({status}): {}",
            self.log.last(LAST_WORDS)
        ))
    }
}

/// The status of a child that ends within `limit`.
fn wait(child: &mut Ended, limit: Duration) -> Fallible<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.0.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The lines of a process, read by threads so that no pipe ever fills and waiting for a line can have a limit.
struct Lines(Receiver<String>);

impl Lines {
    fn of<P: Read + Send + 'static>(pipes: impl IntoIterator<Item = Option<P>>) -> Self {
        let (sender, receiver) = mpsc::channel();
        for pipe in pipes.into_iter().flatten() {
            forward(pipe, sender.clone());
        }
        Self(receiver)
    }

    fn both(
        first: Option<impl Read + Send + 'static>,
        second: Option<impl Read + Send + 'static>,
    ) -> Self {
        let boxed = |pipe: Box<dyn Read + Send>| Some(pipe);
        Self::of([
            first.and_then(|pipe| boxed(Box::new(pipe))),
            second.and_then(|pipe| boxed(Box::new(pipe))),
        ])
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

    /// The last line there is: of a process that has ended, once its pipes are empty.
    fn last(&self, limit: Duration) -> String {
        let deadline = Instant::now() + limit;
        let mut last = String::new();
        while let Ok(line) = self
            .0
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if !line.trim().is_empty() {
                last = line;
            }
        }
        last
    }
}

fn forward(pipe: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            // When nobody listens any more, the pipe is still to be emptied.
            let _ = sender.send(line);
        }
    });
}

/// The sink's exit code when a server has not kept what it promises.
const PROMISE_BROKEN: i32 = 1;

/// How long a process that goes wrong is given to say why.
const LAST_WORDS: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_line_that_never_comes_is_an_error_in_time() {
        let server = Running::start(shell("echo hello >&2; sleep 60")).expect("there is a shell");
        let error = server
            .hear("listening", Duration::from_millis(200))
            .expect_err("it never says so");
        assert!(
            error.to_string().contains("last line: \"hello\""),
            "{error}"
        );
    }

    #[test]
    fn a_server_that_died_is_quoted() {
        let mut server =
            Running::start(shell("echo no more memory >&2; exit 3")).expect("there is a shell");
        server
            .hear("listening", Duration::from_secs(5))
            .expect_err("it never says so");
        let end = server
            .end_within(Duration::from_secs(5))
            .expect("it has ended");
        assert!(end.contains("exit status: 3"), "{end}");
    }

    #[test]
    fn a_running_server_has_no_end() {
        let mut server =
            Running::start(shell("echo listening; sleep 60")).expect("there is a shell");
        server
            .hear("listening", Duration::from_secs(5))
            .expect("it says so");
        assert_eq!(server.end_by_now(), None);
    }
}
