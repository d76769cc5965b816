//! The server as a process: its start, its listeners, signals to it, its end.
//!
//! The invariant: it does not outlive the soak.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Fallible;
use crate::journal::Journal;
use crate::kind::Policy;
use crate::options::Options;

pub(crate) struct Server {
    child: Child,
    journal: Arc<Mutex<Journal>>,
    /// Writes the journal until the server's standard error ends.
    writer: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(options: &Options, upstream: SocketAddr) -> Fallible<Self> {
        let program = match &options.program {
            Some(program) => program.clone(),
            None => built_beside(&env::current_exe()?)?,
        };
        let mut command = Command::new(&program);
        for policy in Policy::ALL {
            let listener = format!("127.0.0.1:0,slow={}", policy.name());
            command.args(["--listen", &listener]);
        }
        command.args(["--backlog", &options.backlog.to_string()]);
        command.args(["--frame-size", &options.frame_size.to_string()]);
        let stall_timeout = humantime::format_duration(options.stall_timeout).to_string();
        command.args(["--stall-timeout", &stall_timeout.replace(' ', "")]);
        command.args(["--reconnect-max", "1s"]);
        command.args(&options.arguments);
        command.arg(upstream.to_string());
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("FANOUT_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let journal = Arc::default();
        let lines = child.stderr.take();
        let mut server = Self {
            child,
            writer: lines.map(|lines| gather(lines, &journal)),
            journal,
        };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self) -> Fallible<()> {
        let deadline = Instant::now() + START_LIMIT;
        while self.journal().listeners.len() < Policy::ALL.len() {
            if self.end()?.is_some() || Instant::now() > deadline {
                let said = self.journal().last.join("; ");
                return Err(format!("the server does not listen; it said: {said}").into());
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Where the listener with this policy is.
    pub(crate) fn addr(&self, policy: Policy) -> Fallible<SocketAddr> {
        let journal = self.journal();
        let mut listeners = journal.listeners.iter();
        let found = listeners.find(|(name, _)| name == policy.name());
        let (_, addr) = found.ok_or_else(|| format!("no listener with slow={}", policy.name()))?;
        Ok(*addr)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        // A thread that panicked in between has lost a line, and said so.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended, if it has.
    pub(crate) fn end(&mut self) -> Fallible<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until the last line of a server that has ended is in the journal.
    pub(crate) fn hear_out(&mut self) -> Fallible<()> {
        if self.end()?.is_some()
            && let Some(writer) = self.writer.take()
        {
            writer
                .join()
                .map_err(|_| "the thread that reads the server's lines has panicked")?;
        }
        Ok(())
    }

    /// Asks for the counters; they come as a line.
    pub(crate) fn ask_for_stats(&self) {
        // One that has died is noticed elsewhere.
        let _ = kill_process(Pid::from_child(&self.child), Signal::USR1);
    }

    pub(crate) fn ask_for_drain(&self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes down every line, from a thread of its own, until there are no more.
fn gather(lines: ChildStderr, journal: &Arc<Mutex<Journal>>) -> JoinHandle<()> {
    let journal = Arc::clone(journal);
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            journal.note(&line);
        }
    })
}

/// `target/PROFILE/fanout`, where this is `target/PROFILE/examples/soak`.
fn built_beside(this: &Path) -> Fallible<PathBuf> {
    let program = this.ancestors().nth(2).map(|folder| folder.join("fanout"));
    match program.filter(|program| program.is_file()) {
        Some(program) => Ok(program),
        None => Err("no fanout beside this program: build it, or name one with --program".into()),
    }
}

/// How long the server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(5);
