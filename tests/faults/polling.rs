//! The poll and its registrations fail.

use std::time::Instant;

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::{Launch, Reader, Upstream};
use crate::strace::{self, Strace};

const CLIENTS: usize = 3;

/// Out of memory, over `fs.epoll.max_user_watches`, and what the kernel never says.
const REGISTRATION_ERRORS: &[&str] = &["ENOMEM", "ENOSPC", "EPERM", "EEXIST", "EBADF", "EINVAL"];

#[test]
fn an_interrupted_poll_is_polled_again() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", CLIENTS);
    for (when, count) in [("1", 1), ("2", 1), ("3", 1), ("4", 1), ("1..100", 100)] {
        let case = Case::new(POLLS, "EINTR", when);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.step(3);
        crew.join();
        crew.step(1);
        strace.wait_for_injections(count);
        strace.detach(&case);
    }
    crew.end_well(0);
}

#[test]
fn a_broken_poll_ends_the_program_with_1_and_one_line() {
    if strace::is_missing() {
        return;
    }
    for error in ["EBADF", "EINVAL", "EFAULT", "ENOMEM"] {
        let mut crew = Crew::gather("", CLIENTS);
        let case = Case::new(POLLS, error, 2);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.step(1);
        crew.scene.feed.send(1);
        let injection = strace.wait_for_injections(1);
        crew.expect_failure(
            &case,
            &format!("cannot poll: {} (os error", injection.words()),
        );
        for client in &mut crew.clients {
            client.read_to_end();
            assert_eq!(client.torn(), 0, "{case}: a torn frame");
        }
    }
}

#[test]
fn a_client_that_cannot_be_registered_is_reset_and_its_seat_is_free_again() {
    if strace::is_missing() {
        return;
    }
    for &error in REGISTRATION_ERRORS {
        // With one seat to spare: one that got lost would be missed.
        let mut crew = Crew::gather("--max-clients 4 --max-clients-per-ip 4", CLIENTS);
        for round in 1..=3 {
            let case = Case::new("epoll_ctl", error, 1);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            let mut unlucky = Reader::knock(crew.scene.fanout.addr());
            let injection = strace.wait_for_injections(1);
            assert_eq!(injection.addr(), Some(unlucky.addr()), "{case}");
            unlucky.expect_reset();
            assert_eq!(unlucky.frames(), 0, "{case}");
            let said = crew
                .scene
                .fanout
                .wait_for_lines("client not registered addr=", round);
            let due = format!(
                "addr={} error=\"{} (os error",
                unlucky.addr(),
                injection.words()
            );
            assert!(
                said[round - 1].contains(&due),
                "{case}: {due:?} is due in {said:?}"
            );
            crew.step(1);
            strace.detach(&case);
        }
        crew.join();
        crew.scene.fanout.wait_for_stat("accept_errors", 3);
        crew.end_well(0);
    }
}

#[test]
fn clients_that_cannot_be_registered_do_not_fill_the_log() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", 1);
    let case = Case::new("epoll_ctl", "ENOSPC", format!("1..{CROWD}"));
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    let begun = Instant::now();
    for _ in 0..CROWD {
        Reader::pass_by(crew.scene.fanout.addr());
    }
    strace.wait_for_injections(usize::try_from(CROWD).expect("it is small"));
    crew.scene.fanout.wait_for_stat("accept_errors", CROWD);
    let seconds = begun.elapsed().as_secs() + 2;
    let lines = crew.scene.fanout.lines().matching("WARN *client ").len() as u64;
    assert!(
        lines <= 20 * seconds,
        "{case}: {lines} lines in {seconds} seconds"
    );
    crew.step(1);
    drop(strace);
    crew.end_well(0);
}

#[test]
fn a_client_that_cannot_be_deregistered_leaves_all_the_same() {
    if strace::is_missing() {
        return;
    }
    for &error in REGISTRATION_ERRORS {
        let mut crew = Crew::gather("--max-clients 3", CLIENTS);
        for _ in 1..=3 {
            let case = Case::new("epoll_ctl", error, 1);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            let gone = crew.clients.remove(0).reset();
            let injection = strace.wait_for_injections(1);
            assert!(
                injection.line().contains("EPOLL_CTL_DEL"),
                "{case}: {injection:?}"
            );
            let left = crew.scene.fanout.wait_for_departure(gone);
            assert!(left.contains(" reason=closed "), "{case}: {left}");
            strace.detach(&case);
            // It is given the seat, and the slab key, of the one that has left.
            crew.join();
            crew.step(1);
        }
        crew.end_well(3);
    }
}

/// While frames are held back, the upstream is not registered.
#[test]
fn an_upstream_that_cannot_be_registered_again_is_dialled_again() {
    if strace::is_missing() {
        return;
    }
    for &error in REGISTRATION_ERRORS {
        // It is deregistered, and registered again.
        for (nth, losses) in [(1, 0), (2, 1)] {
            let mut crew = Crew::gather("--linger 5ms", CLIENTS);
            let case = Case::new("epoll_ctl", error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            crew.scene.feed.send(1);
            let injection = strace.wait_for_injections(1);
            crew.all_read();
            assert_eq!(injection.addr(), Some(crew.scene.upstream.addr()), "{case}");
            if losses == 1 {
                assert!(
                    injection.line().contains("EPOLL_CTL_ADD"),
                    "{case}: {injection:?}"
                );
                crew.expect_loss(1, &injection.words().to_lowercase(), "discarded_bytes=0");
                crew.redial(0);
            } else {
                assert!(
                    injection.line().contains("EPOLL_CTL_DEL"),
                    "{case}: {injection:?}"
                );
            }
            crew.step(2);
            strace.detach(&case);
            let lost = crew.scene.fanout.lines().matching("upstream lost");
            assert_eq!(lost.len(), losses, "{case}: {lost:?}");
            crew.end_well(0);
        }
    }
}

/// The helper thread of the resolver, and the byte that wakes the loop when it has an answer.
#[test]
fn an_upstream_whose_name_cannot_be_looked_up_for_lack_of_threads_is_tried_again() {
    if strace::is_missing() {
        return;
    }
    let upstream = Upstream::bind();
    let name = format!("localhost:{}", upstream.addr().port());
    let options =
        "-l 127.0.0.1:0 --reconnect-min 10ms --reconnect-max 10ms --connect-timeout 500ms";
    let fanout = Launch::new(&format!("{options} {name}")).start();
    // Nobody listens at that port of localhost, so it is dialled for ever.
    fanout.wait_for_lines("upstream lost addr=127.0.0.1", 2);
    for (round, error) in ["EAGAIN", "ENOMEM", "EPERM"].into_iter().enumerate() {
        let case = Case::new("?clone3", error, 1);
        let strace = Strace::attach(fanout.pid(), &case);
        strace.wait_for_injections(1);
        fanout.wait_for_lines(
            "upstream lost addr=localhost*reason=\"name lookup failed: ",
            round + 1,
        );
        // Dialling again and again takes turns, as many as there is time for: they are not counted.
        drop(strace);
        let seen = fanout.lines().count();
        fanout
            .lines()
            .wait_for_after(seen, "upstream lost addr=127.0.0.1", 1);
    }
}

/// More clients than there are lines for them in a second.
const CROWD: u64 = 120;

const POLLS: &str = "?epoll_wait,?epoll_pwait";
