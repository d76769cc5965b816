//! Standard error cannot be written: lines are lost and counted, and that is all.

use std::fs;

use rustix::process::{Pid, Signal};

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::line;
use crate::strace::{self, Strace};

const ERRORS: &[&str] = &[
    "EPIPE", "EIO", "EAGAIN", "ENOSPC", "EFBIG", "ENXIO", "ENOBUFS",
];

#[test]
fn a_line_that_cannot_be_written_is_counted_and_the_next_one_is_printed() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("", 2);
        let case = Case::new("write", error, 1);
        let strace = Strace::attach(printer(&crew), &case);
        crew.scene.fanout.signal(Signal::USR1);
        strace.wait_for_injections(1);
        let lost = crew.scene.fanout.wait_for_line("log lines lost lines=");
        assert_eq!(line::number(&lost, "lines"), 1, "{case}");
        crew.step(1);
        crew.scene.fanout.stats();
        strace.detach(&case);
        expect_whole_lines(&crew, &case);
        crew.end_well(0);
    }
}

#[test]
fn lines_that_cannot_be_written_for_a_while_are_counted_exactly() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("", 2);
        let case = Case::new("write", error, "1+1");
        let strace = Strace::attach(printer(&crew), &case);
        for round in 1..=LINES {
            crew.scene.fanout.signal(Signal::USR1);
            // Of each round the line itself, and the one that counts.
            strace.wait_for_injections(usize::try_from(2 * round).expect("it is small"));
            crew.step(1);
        }
        strace.detach(&case);
        crew.scene.fanout.stats();
        let lost = crew.scene.fanout.wait_for_line("log lines lost lines=");
        assert_eq!(line::number(&lost, "lines"), LINES, "{case}");
        expect_whole_lines(&crew, &case);
        crew.end_well(0);
    }
}

#[test]
fn a_write_of_a_line_that_is_interrupted_is_made_again() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", 2);
    for (when, count) in [("1", 1), ("2", 1), ("1..50", 50)] {
        let case = Case::new("write", "EINTR", when);
        let strace = Strace::attach(printer(&crew), &case);
        crew.scene.fanout.stats();
        strace.wait_for_injections(count);
        crew.step(1);
        strace.detach(&case);
        expect_whole_lines(&crew, &case);
    }
    assert!(
        crew.scene
            .fanout
            .lines()
            .matching("log lines lost")
            .is_empty()
    );
    crew.end_well(0);
}

/// A descriptor that was closed by whoever started the program: std writes to nowhere, and says nothing.
#[test]
fn a_standard_error_that_is_closed_ends_nothing() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", 2);
    let case = Case::new("write", "EBADF", "1+1");
    let strace = Strace::attach(printer(&crew), &case);
    for round in 1..=5 {
        crew.scene.fanout.signal(Signal::USR1);
        strace.wait_for_injections(round);
        crew.step(1);
    }
    strace.detach(&case);
    crew.scene.fanout.stats();
    crew.end_well(0);
}

/// At the end of the program its last lines are waited for, but not for ever.
#[test]
fn an_end_whose_lines_cannot_be_written_is_an_end_with_0() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("", 0);
        let case = Case::new("write", error, "1+1");
        let strace = Strace::attach(printer(&crew), &case);
        assert_eq!(crew.scene.fanout.terminate(), 0, "{case}: the exit code");
        let failed = strace.detach(&case);
        assert!(
            failed.iter().any(|line| line.contains("(INJECTED)")),
            "{case}: {failed:?}"
        );
    }
}

/// Lines that cannot be written in a row.
const LINES: u64 = 20;

/// The thread that prints.
#[track_caller]
fn printer(crew: &Crew) -> Pid {
    let tasks = format!("/proc/{}/task", crew.scene.fanout.pid().as_raw_nonzero());
    let tasks = fs::read_dir(tasks).expect("the program is running");
    let mut printers = tasks.filter_map(|task| {
        let task = task.expect("a task");
        let name = fs::read_to_string(task.path().join("comm")).expect("a task has a name");
        let id = task
            .file_name()
            .to_string_lossy()
            .parse()
            .expect("a number");
        (name.trim_end() == "log").then_some(id)
    });
    let id = printers.next().expect("the printing thread has a name");
    Pid::from_raw(id).expect("it is not 0")
}

/// One event a line.
#[track_caller]
fn expect_whole_lines(crew: &Crew, case: &Case) {
    for line in crew.scene.fanout.lines().all() {
        line::Parts::of(&line);
        let modules = line.matches(" [fanout").count();
        assert_eq!(modules, 1, "{case}: {line:?}");
    }
}
