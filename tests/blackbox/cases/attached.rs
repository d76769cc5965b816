//! strace(1) on a program that runs: which system calls it makes, from here to there.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::DEADLINE;

/// A tracer, attached.
pub(super) struct Trace {
    strace: Child,
    file: PathBuf,
}

impl Trace {
    /// Attaches to all threads of a program and notes these calls, separated by commas.
    #[track_caller]
    pub(super) fn attach(to: Pid, calls: &str) -> Self {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let number = TAKEN.fetch_add(1, Ordering::Relaxed);
        let name = format!("fanout-trace-{}-{number}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let pid = to.as_raw_nonzero().to_string();
        // A question mark before a name: this machine need not have the call.
        let traced: Vec<_> = calls.split(',').map(|call| format!("?{call}")).collect();
        let strace = Command::new("strace")
            .args([
                "-f",
                "-p",
                &pid,
                "-e",
                &format!("trace={}", traced.join(",")),
            ])
            .arg("-e")
            .arg("signal=none")
            .arg("-o")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("strace is there");
        let give_up = Instant::now() + DEADLINE;
        while !is_traced(to) {
            assert!(Instant::now() < give_up, "strace never attached");
            std::thread::yield_now();
        }
        Self { strace, file }
    }

    /// Detaches, and returns the calls that were made, one a line. The last one may have no result.
    #[track_caller]
    pub(super) fn end(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.strace), Signal::INT).expect("it is running");
        self.strace.wait().expect("it is our child");
        let text = fs::read_to_string(&self.file).expect("strace wrote a file");
        // What is left behind in the folder for such things is the system's to clear.
        let _ = fs::remove_file(&self.file);
        text.lines().map(str::to_owned).collect()
    }
}

/// Whether a tracer is attached to every thread.
fn is_traced(pid: Pid) -> bool {
    let tasks = format!("/proc/{}/task", pid.as_raw_nonzero());
    let tasks = fs::read_dir(tasks).expect("the program is running");
    tasks.flatten().all(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|tracer| tracer.trim() != "0")
    })
}
