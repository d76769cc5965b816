//! Starting the program: its arguments, its environment, its descriptor limits.

use std::process::{Child, Command, Stdio};

use super::fanout::Fanout;

/// A program that is about to be started.
pub(crate) struct Launch {
    command: Command,
}

/// What a program that ended by itself has left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) lines: Vec<String>,
}

impl Launch {
    /// With these arguments, separated by spaces, and an environment without `FANOUT_*`, `RUST_LOG` and a
    /// service manager.
    pub(crate) fn new(arguments: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.split_whitespace());
        Self { command }.in_clean_environment()
    }

    /// With these limits on open descriptors.
    pub(crate) fn under_limits(soft: u32, hard: u32, arguments: &str) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec {PROGRAM} {arguments}");
        command.args(["-c", &script]);
        Self { command }.in_clean_environment()
    }

    /// By a command that is given the program and these arguments at its end.
    pub(crate) fn by(mut command: Command, arguments: &str) -> Self {
        command.arg(PROGRAM).args(arguments.split_whitespace());
        Self { command }.in_clean_environment()
    }

    pub(crate) fn stdin(mut self, stdin: Stdio) -> Self {
        self.command.stdin(stdin);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it and waits until it listens.
    #[track_caller]
    pub(crate) fn start(self) -> Fanout {
        let fanout = self.start_unheard();
        fanout.wait_for_line("listening addr=");
        fanout
    }

    /// Starts it and waits for nothing, for log levels that do not say where it listens.
    #[track_caller]
    pub(crate) fn start_unheard(self) -> Fanout {
        Fanout::of(self.spawn())
    }

    /// Starts it and leaves its pipes to the test.
    #[track_caller]
    pub(crate) fn spawn(mut self) -> Child {
        self.command.spawn().expect("the program can be started")
    }

    /// Starts it and waits until it ends by itself.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.start_unheard().wait_for_end()
    }

    fn in_clean_environment(mut self) -> Self {
        for (name, _) in std::env::vars_os() {
            let begins_with = |prefix: &&str| name.to_string_lossy().starts_with(*prefix);
            if FOREIGN.iter().any(begins_with) {
                self.command.env_remove(name);
            }
        }
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self
    }
}

/// What variables begin with that would change how the program behaves.
const FOREIGN: &[&str] = &[
    "FANOUT_",
    "RUST_LOG",
    "NOTIFY_SOCKET",
    "WATCHDOG_",
    "LISTEN_",
];

const PROGRAM: &str = env!("CARGO_BIN_EXE_fanout");
