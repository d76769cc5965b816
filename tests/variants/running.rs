//! A server that has been started: what it says, where it listens, how it ends.
//!
//! The invariant: it does not outlive the check, and what it has said is printed, for a test that fails.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use crate::DEADLINE;
use crate::fault::{Fault, Outcome, broken};

pub(crate) struct Running {
    child: Child,
    /// Lines of stderr as they come; closed when it has closed its stderr.
    coming: Receiver<String>,
    /// The lines that have been looked at.
    said: Vec<String>,
}

/// How it ended by itself.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) code: Option<i32>,
    pub(crate) said: Vec<String>,
}

impl Running {
    /// Starts a command line, in an environment without the relay's variables.
    pub(crate) fn start(words: &[String]) -> Self {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FANOUT_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn().expect("the program can be started");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stderr).lines().map_while(Result::ok);
            // Nobody listens any more once the check is over.
            lines
                .map(|line| sender.send(line))
                .take_while(Result::is_ok)
                .for_each(drop);
        });
        Self {
            child,
            coming,
            said: Vec::new(),
        }
    }

    /// Waits until it says where it listens.
    pub(crate) fn addr(&mut self) -> Outcome<SocketAddr> {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let line = match self.coming.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    return unproven("it does not say where it listens");
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return unproven("it ended before it listened");
                }
            };
            let addr = addr_in(&line);
            self.said.push(line);
            if let Some(addr) = addr {
                return Ok(addr);
            }
        }
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_for_end(mut self) -> Outcome<Ending> {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            match self.coming.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => return broken("it runs on and on"),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.child.wait().expect("it is our child");
        Ok(Ending {
            code: status.code(),
            said: self.said.clone(),
        })
    }

    /// Its number among the processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.said.extend(self.coming.iter());
        println!("the server said:");
        for line in &self.said {
            println!("    {line}");
        }
    }
}

impl Ending {
    /// Whether it said something besides where it listens.
    pub(crate) fn has_explained(&self) -> bool {
        let mut lines = self.said.iter();
        lines.any(|line| addr_in(line).is_none() && !line.trim().is_empty())
    }

    /// Whether it ever said that it listens.
    pub(crate) fn has_listened(&self) -> bool {
        self.said.iter().any(|line| addr_in(line).is_some())
    }
}

/// The address in `listening addr=127.0.0.1:1235`, which other words may surround.
fn addr_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening addr=")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn unproven<T>(what: &str) -> Outcome<T> {
    Err(Fault::Unproven(what.to_owned()))
}
