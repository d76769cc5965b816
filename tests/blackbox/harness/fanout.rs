//! The program under test, running: what it says, where it listens, signals to it, its end.
//!
//! The invariant: it does not outlive the test. A test that fails prints every line that the program has said.

use std::net::SocketAddr;
use std::process::Child;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::DEADLINE;
use super::launch::{Launch, Outcome};
use super::line;
use super::lines::Lines;
use super::reader::Reader;
use super::upstream::Upstream;

pub(crate) struct Fanout {
    child: Child,
    output: Arc<Lines>,
    lines: Option<Arc<Lines>>,
    addr: Option<SocketAddr>,
    frame_size: usize,
}

impl Fanout {
    /// Starts it with this upstream and the upstream's frame size, and with a listener of its own unless the options
    /// name one.
    #[track_caller]
    pub(crate) fn start(upstream: &Upstream, options: &str) -> Self {
        Launch::new(&arguments(upstream, options))
            .start()
            .framing(upstream.frame_size())
    }

    /// Takes charge of a program that has just been started.
    pub(crate) fn of(mut child: Child) -> Self {
        let output = Lines::gather(child.stdout.take().expect("stdout is a pipe"));
        let lines = child.stderr.take().map(Lines::gather);
        Self {
            child,
            output,
            lines,
            addr: None,
            frame_size: super::FRAME_SIZE,
        }
    }

    /// For a program that was told another frame size than its default.
    pub(crate) fn framing(mut self, frame_size: usize) -> Self {
        self.frame_size = frame_size;
        self
    }

    /// For a program whose stderr the test has taken: it cannot say where it listens.
    pub(crate) fn at(mut self, addr: SocketAddr) -> Self {
        self.addr = Some(addr);
        self
    }

    /// The address of the first listener.
    #[track_caller]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
            .unwrap_or_else(|| line::addr(&self.wait_for_line("listening addr=")))
    }

    /// The address of the first listener whose line matches.
    #[track_caller]
    pub(crate) fn addr_of(&self, pattern: &str) -> SocketAddr {
        line::addr(&self.wait_for_line(&format!("listening addr=*{pattern}")))
    }

    /// Waits for a line; the parts of the pattern are separated by `*`.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, pattern: &str) -> String {
        self.lines().wait_for(pattern, 1).swap_remove(0)
    }

    /// Waits for so many lines.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, pattern: &str, count: usize) -> Vec<String> {
        self.lines().wait_for(pattern, count)
    }

    /// The lines so far.
    #[track_caller]
    pub(crate) fn lines(&self) -> &Lines {
        self.lines.as_ref().expect("the test has not taken stderr")
    }

    /// A new client on the first listener, once the program says that it has joined.
    #[track_caller]
    pub(crate) fn join(&self) -> Reader {
        self.joined(Reader::connect(self.addr(), self.frame_size))
    }

    /// The same with the smallest receive buffer that the system grants.
    #[track_caller]
    pub(crate) fn join_small(&self) -> Reader {
        self.joined(Reader::connect_small(self.addr(), self.frame_size))
    }

    /// So many clients at once, beside those that are there; the log need not name them all.
    #[track_caller]
    pub(crate) fn join_many(&self, count: u64) -> Vec<Reader> {
        let before = line::number(&self.stats(), "clients");
        let readers = (0..count)
            .map(|_| Reader::connect(self.addr(), self.frame_size))
            .collect();
        self.wait_for_stat("clients", before + count);
        readers
    }

    /// Waits until the program says that this client has joined.
    #[track_caller]
    pub(crate) fn joined(&self, reader: Reader) -> Reader {
        self.wait_for_line(&format!("client joined*addr={} ", reader.addr()));
        reader
    }

    /// Waits until the program says that this client has left, and returns the line.
    #[track_caller]
    pub(crate) fn wait_for_departure(&self, of: SocketAddr) -> String {
        self.wait_for_line(&format!("client left*addr={of} "))
    }

    /// All counters, as of now.
    #[track_caller]
    pub(crate) fn stats(&self) -> String {
        let seen = self.lines().count();
        self.signal(Signal::USR1);
        self.lines()
            .wait_for_after(seen, "stats frames=", 1)
            .swap_remove(0)
    }

    /// Asks for the counters until this one has this value.
    #[track_caller]
    pub(crate) fn wait_for_stat(&self, key: &str, value: u64) {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let stats = self.stats();
            if line::number(&stats, key) == value {
                return;
            }
            assert!(
                Instant::now() < give_up,
                "{key}={value} never came; at last {stats:?}"
            );
        }
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the program is running");
    }

    /// Stops it, and returns when it stands still.
    #[track_caller]
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let status = waitpid(Some(self.pid()), WaitOptions::UNTRACED).expect("it is our child");
        let (_, status) = status.expect("waitpid waits");
        assert!(status.stopped(), "{status:?}");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it has ended by itself; returns its exit code.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> i32 {
        self.output.wait_for_end();
        let status = self.child.wait().expect("it is our child");
        status
            .code()
            .unwrap_or_else(|| panic!("a signal ended the program: {status}"))
    }

    /// Asks it to drain and waits until it has ended.
    #[track_caller]
    pub(crate) fn terminate(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.wait_exit()
    }

    /// Waits until it has ended by itself; returns all that it has left behind.
    #[track_caller]
    pub(crate) fn wait_for_end(mut self) -> Outcome {
        let code = self.wait_exit();
        let lines = self.lines().wait_for_end();
        Outcome {
            code,
            output: self.output.wait_for_end().join("\n"),
            lines,
        }
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        if let (true, Some(lines)) = (thread::panicking(), &self.lines) {
            eprintln!("the program said:");
            for line in lines.all() {
                eprintln!("    {line}");
            }
        }
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The arguments for this upstream and these options.
pub(crate) fn arguments(upstream: &Upstream, options: &str) -> String {
    let is_listener = |word: &str| word == "-l" || word == "--listen";
    let listener = if options.split_whitespace().any(is_listener) {
        ""
    } else {
        "-l 127.0.0.1:0"
    };
    format!(
        "{options} {listener} --frame-size {} {}",
        upstream.frame_size(),
        upstream.addr()
    )
}
