//! Calls that fail while the program starts: it says what it cannot do, in one line, and ends with 1, or it goes on.

use rustix::process::Signal;

use crate::case::Case;
use crate::harness::launch::Outcome;
use crate::harness::upstream::Closed;
use crate::harness::{End, Reader, Upstream};
use crate::strace::{self, Injection, Strace};

/// A call, the errors it is made to fail with, and the beginnings of the lines that may come of it.
struct Start {
    call: &'static str,
    errors: &'static [&'static str],
    heads: &'static [&'static str],
}

const STARTS: &[Start] = &[
    Start {
        call: "prlimit64",
        errors: &["EPERM", "EINVAL"],
        heads: &["cannot read the descriptor limit: "],
    },
    Start {
        call: "epoll_create1",
        errors: &["EMFILE", "ENFILE", "ENOMEM", "ENOSYS"],
        heads: &["cannot create a poll: "],
    },
    Start {
        call: "socketpair",
        errors: &["EMFILE", "ENFILE", "ENOMEM"],
        heads: &["cannot install signal handlers: "],
    },
    Start {
        call: "ioctl",
        errors: &["EBADF", "ENOTTY"],
        heads: &["cannot install signal handlers: "],
    },
    Start {
        call: "fcntl",
        errors: &["EMFILE", "EINVAL"],
        heads: &["cannot install signal handlers: ", LISTEN],
    },
    Start {
        call: "epoll_ctl",
        errors: &["ENOMEM", "ENOSPC", "EPERM"],
        heads: &[
            "cannot install signal handlers: ",
            "cannot create a waker: ",
            "cannot register a listener: ",
            UPSTREAM,
        ],
    },
    Start {
        call: "eventfd2",
        errors: &["EMFILE", "ENFILE", "ENOMEM", "ENODEV"],
        heads: &["cannot create a waker: "],
    },
    Start {
        call: "socket",
        errors: &[
            "EMFILE",
            "ENFILE",
            "ENOBUFS",
            "ENOMEM",
            "EACCES",
            "EAFNOSUPPORT",
        ],
        heads: &[LISTEN, UPSTREAM],
    },
    Start {
        call: "bind",
        errors: &["EADDRNOTAVAIL", "EACCES", "EINVAL", "ENOMEM"],
        heads: &[LISTEN],
    },
    Start {
        call: "listen",
        errors: &["EOPNOTSUPP", "EACCES", "ENOBUFS"],
        heads: &[LISTEN],
    },
    Start {
        call: "getsockname",
        errors: &["ENOBUFS", "EBADF"],
        heads: &[LISTEN],
    },
    Start {
        call: "setsockopt",
        errors: &["EINVAL", "ENOPROTOOPT", "ENOBUFS", "EPERM"],
        heads: &[LISTEN],
    },
    Start {
        call: "connect",
        errors: &["ENETUNREACH", "EADDRNOTAVAIL", "EACCES"],
        heads: &[UPSTREAM],
    },
];

/// Without a fault the program starts, finds that nobody listens at its upstream, and ends: the sweep of a call is over
/// when that happens although it was told to fail.
#[test]
fn whatever_fails_at_the_start_is_said_in_one_line_or_put_up_with() {
    if strace::is_missing() {
        return;
    }
    let mut failed = 0;
    for start in STARTS {
        for &error in start.errors {
            let mut nth = 1;
            while start.fails(error, nth) {
                nth += 1;
            }
            failed += nth - 1;
        }
    }
    // Not every call of the table has to be made, but a program that makes few of them was not started.
    assert!(failed > 2 * STARTS.len(), "{failed} calls have failed");
}

#[test]
fn a_port_that_is_taken_is_chosen_again_if_it_was_chosen_by_the_system() {
    if strace::is_missing() {
        return;
    }
    for (calls, line) in [
        (1, CONNECTION_REFUSED),
        (15, CONNECTION_REFUSED),
        (16, LISTEN),
    ] {
        let case = Case::new("bind", "EADDRINUSE", format!("1..{calls}"));
        let (failed, said) = start(&case);
        assert_eq!(failed.len(), calls, "{case}");
        assert!(said.contains(line), "{case}: {line:?} is due in {said:?}");
    }
}

/// There is nobody to print then, and everybody is served all the same.
#[test]
fn without_a_thread_for_its_lines_the_program_serves() {
    if strace::is_missing() {
        return;
    }
    let upstream = Upstream::bind();
    let port = Closed::reserve().addr();
    let case = Case::new("?clone3,?clone", "EAGAIN", 1);
    let (strace, mut fanout) = Strace::start(&case, &format!("-l {port} {}", upstream.addr()));
    let mut feed = upstream.accept();
    strace.wait_for_injections(1);
    let mut client = Reader::connect(port, 1024);
    // It does not say when it has accepted: the first frame that comes does.
    while !client.has_frame() {
        feed.send(1);
    }
    client.next();
    client.half_close();
    fanout.signal(Signal::TERM);
    assert_eq!(client.read_to_end(), End::Fin, "{case}");
    assert_eq!(fanout.wait_exit(), 0, "{case}: the exit code");
    assert!(fanout.lines().all().is_empty(), "{case}");
}

#[test]
fn without_a_thread_for_its_lines_the_reason_for_an_end_is_told_all_the_same() {
    if strace::is_missing() {
        return;
    }
    let case = Case::new("?clone3,?clone", "EAGAIN", 1);
    let (failed, outcome) = run(&case);
    assert_eq!(failed.len(), 1, "{case}: {outcome:#?}");
    let told = outcome
        .lines
        .iter()
        .filter(|line| line.contains(CONNECTION_REFUSED));
    assert_eq!(told.count(), 1, "{case}: {outcome:#?}");
}

impl Start {
    /// Starts the program with the n-th call failing; whether there was an n-th call.
    #[track_caller]
    fn fails(&self, error: &'static str, nth: usize) -> bool {
        let case = Case::new(self.call, error, nth);
        let (failed, said) = start(&case);
        let Some(injection) = failed.first() else {
            assert!(
                said.contains(CONNECTION_REFUSED),
                "{case}: {said:?} without any fault"
            );
            return false;
        };
        let is_put_up_with = said.contains(CONNECTION_REFUSED);
        let words = injection.words().to_lowercase();
        let is_told = said.to_lowercase().contains(&words)
            && self.heads.iter().any(|head| said.contains(head));
        assert!(
            is_put_up_with || is_told,
            "{case}: {said:?} after {injection:?}"
        );
        let is_needed = !self.puts_up_with(injection);
        assert!(
            !(is_needed && is_put_up_with),
            "{case}: goes on after {injection:?}"
        );
        true
    }

    /// Calls that the program can do without.
    fn puts_up_with(&self, injection: &Injection) -> bool {
        let is_about = |words: &[&str]| words.iter().any(|word| injection.line().contains(word));
        match self.call {
            // The limit of the stack is the runtime's, and raising the other one is an attempt.
            "prlimit64" => true,
            // Looking at a descriptor's flags before they are set.
            "fcntl" => is_about(&["F_GETFD", "F_SETFD"]),
            // The listener is let go at the end.
            "epoll_ctl" => is_about(&["EPOLL_CTL_DEL"]),
            // TCGETS: whether somebody looks.
            "ioctl" => !is_about(&["FIONBIO"]),
            _ => false,
        }
    }
}

/// Starts the program against an upstream that refuses, and waits for its end; returns the calls that failed, and the
/// one line that says why it has ended.
#[track_caller]
fn start(case: &Case) -> (Vec<Injection>, String) {
    let (failed, outcome) = run(case);
    let mut failures = outcome.lines.clone();
    failures.retain(|line| line.contains(" ERROR ") || line.contains("panicked"));
    assert_eq!(failures.len(), 1, "{case}: {outcome:#?}");
    (failed, failures.remove(0))
}

/// The same, with all that it has left behind.
#[track_caller]
fn run(case: &Case) -> (Vec<Injection>, Outcome) {
    let upstream = Closed::reserve();
    let arguments = format!("--no-reconnect -l 127.0.0.1:0 {}", upstream.addr());
    let (strace, fanout) = Strace::start(case, &arguments);
    let outcome = fanout.wait_for_end();
    assert_eq!(outcome.code, 1, "{case}: {outcome:#?}");
    (strace.finish(), outcome)
}

const LISTEN: &str = "cannot listen on 127.0.0.1:0: ";
const UPSTREAM: &str = "upstream 127.";
const CONNECTION_REFUSED: &str = " failed: connection refused";
