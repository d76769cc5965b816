//! Socket options of clients that cannot be set.

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::Reader;
use crate::strace::{self, Strace};

const ERRORS: &[&str] = &[
    "EINVAL",
    "ENOPROTOOPT",
    "ENOBUFS",
    "ENOMEM",
    "EPERM",
    "EBADF",
];

/// `TCP_NODELAY`, four for keepalive, the unsent limit, the user timeout.
const OPTIONS: usize = 7;

#[test]
fn a_client_one_of_whose_options_cannot_be_set_is_served_all_the_same() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("", 1);
        for nth in 1..=OPTIONS {
            let case = Case::new("setsockopt", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.join();
            let injection = strace.wait_for_injections(1);
            let said = crew
                .scene
                .fanout
                .wait_for_lines("DEBUG *socket option not set option=", nth);
            assert_eq!(said.len(), nth, "{case}: {said:?}");
            let due = format!(" error=\"{} (os error", injection.words());
            assert!(
                said[nth - 1].contains(&due),
                "{case}: {due:?} is due in {said:?}"
            );
            crew.step(1);
            strace.detach(&case);
        }
        crew.end_well(0);
    }
}

#[test]
fn a_client_none_of_whose_options_can_be_set_is_served_all_the_same() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("", 1);
        let case = Case::new("setsockopt", error, "1+1");
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.join();
        crew.step(2);
        // Keepalive is given up at the first of its four.
        let lines = strace.detach(&case);
        let failed = lines
            .iter()
            .filter(|line| line.contains("(INJECTED)"))
            .count();
        assert_eq!(failed, OPTIONS - 3, "{case}");
        crew.end_well(0);
    }
}

/// What makes a close a reset: without it, the refused client sees another end, and nobody else anything.
#[test]
fn a_refused_client_that_cannot_be_reset_is_closed() {
    if strace::is_missing() {
        return;
    }
    for &error in ERRORS {
        let mut crew = Crew::gather("--max-clients 2", 2);
        let case = Case::new("setsockopt", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let mut refused = Reader::knock(crew.scene.fanout.addr());
        strace.wait_for_injections(1);
        let due = format!("client refused addr={} reason=max-clients", refused.addr());
        crew.scene.fanout.wait_for_line(&due);
        refused.read_to_end();
        assert_eq!((refused.frames(), refused.torn()), (0, 0), "{case}");
        crew.step(1);
        strace.detach(&case);
        crew.end_well(0);
    }
}
