//! Writes to clients that fail.

use crate::case::Case;
use crate::crew::Crew;
use crate::harness::Reader;
use crate::strace::{self, Injection, Strace};

/// What a failed write means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// The client leaves, for this reason.
    Leaves(&'static str),
    /// It gets the frame all the same, without any further event.
    Gets,
    /// It gets the frame with its next event. A real kernel says EAGAIN only of a full send queue, and owes an edge
    /// for it; an injected one is a lie, after which nothing changes in the kernel. So the test makes an event.
    GetsWithNextEvent,
}

use Outcome::{Gets, GetsWithNextEvent, Leaves};

pub(crate) const ERRORS: &[(&str, Outcome)] = &[
    ("EPIPE", Leaves("closed")),
    ("ECONNRESET", Leaves("closed")),
    ("ECONNABORTED", Leaves("closed")),
    ("ENOTCONN", Leaves("closed")),
    ("ETIMEDOUT", Leaves("error")),
    ("ENETUNREACH", Leaves("error")),
    ("EHOSTUNREACH", Leaves("error")),
    ("ENETDOWN", Leaves("error")),
    ("EHOSTDOWN", Leaves("error")),
    ("EPROTOTYPE", Leaves("error")),
    ("ENODATA", Leaves("error")),
    ("ENOMEM", Leaves("error")),
    ("EPERM", Leaves("error")),
    ("EACCES", Leaves("error")),
    ("EINVAL", Leaves("error")),
    ("EBADF", Leaves("error")),
    ("EIO", Leaves("error")),
    ("EINTR", Gets),
    ("ENOBUFS", Gets),
    ("EAGAIN", GetsWithNextEvent),
];

/// With each frame every client is written to once.
const CLIENTS: usize = 3;

#[test]
fn a_write_that_fails_costs_its_client_at_most() {
    sweep("", "sendto", 2 * CLIENTS, |crew, nth| {
        crew.step((nth - 1) / CLIENTS);
        crew.scene.feed.send(1);
    });
}

/// With frames replayed the log goes round in full, and frames that lie across its end are given with `writev`.
#[test]
fn a_write_in_two_pieces_that_fails_costs_its_client_at_most() {
    // The ring: the backlog and a window of 192 KiB.
    const RING: u64 = 64 + 192;
    sweep(
        "-l 127.0.0.1:0,replay=1 --backlog 64",
        "writev",
        CLIENTS,
        |crew, _| {
            let before_end = RING - 1 - crew.scene.feed.next() % RING;
            crew.scene.feed.send(before_end);
            crew.all_read();
            crew.scene.feed.send(2);
        },
    );
}

#[test]
fn the_first_write_to_a_newcomer_that_fails_costs_it_at_most() {
    if strace::is_missing() {
        return;
    }
    for &(error, outcome) in ERRORS {
        let mut crew = Crew::gather("-l 127.0.0.1:0,replay=8", CLIENTS);
        crew.step(8);
        let last = crew.scene.feed.next() - 1;
        let case = Case::new("sendto", error, 1);
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        let mut newcomer = crew.scene.fanout.join();
        let injection = strace.wait_for_injections(1);
        strace.detach(&case);
        assert_eq!(injection.addr(), Some(newcomer.addr()), "{case}");
        match outcome {
            Leaves(reason) => {
                crew.expect_departure(newcomer.addr(), reason, &injection);
                expect_end(&case, newcomer);
            }
            Gets | GetsWithNextEvent => {
                if matches!(outcome, GetsWithNextEvent) {
                    newcomer.send(b"!");
                }
                newcomer.expect(last - 7..last + 1);
                crew.clients.push(newcomer);
            }
        }
        crew.step(1);
        crew.end_well(departures(outcome, 1));
    }
}

#[test]
fn no_memory_for_any_write_for_a_while_costs_nobody_a_frame() {
    if strace::is_missing() {
        return;
    }
    let mut crew = Crew::gather("", CLIENTS);
    for (error, calls) in [("ENOBUFS", 12), ("EINTR", 60)] {
        let case = Case::new("sendto", error, format!("1..{calls}"));
        let strace = Strace::attach(crew.scene.fanout.pid(), &case);
        crew.scene.feed.send(2);
        crew.all_read();
        strace.wait_for_injections(calls);
        crew.step(1);
        // Two frames in one write, or in two, and the third: no call more than that.
        let lines = strace.detach(&case);
        let made = lines
            .iter()
            .filter(|line| line.starts_with("sendto("))
            .count();
        assert!(made <= calls + 3 * CLIENTS, "{case}: {made} calls");
    }
    crew.end_well(0);
}

/// Once a client has shut down its sending side, an empty write asks for errors that no read tells of any more.
#[test]
fn an_empty_write_that_fails_costs_its_client_at_most() {
    if strace::is_missing() {
        return;
    }
    for &(error, outcome) in ERRORS {
        if error != "ENOBUFS" {
            fail_empty_write(error, outcome);
        }
    }
}

/// `ENOBUFS` is as would-block, for a write that sends nothing too.
#[test]
fn no_memory_for_an_empty_write_costs_nobody_anything() {
    if strace::is_missing() {
        return;
    }
    fail_empty_write("ENOBUFS", Gets);
}

#[track_caller]
fn fail_empty_write(error: &'static str, outcome: Outcome) {
    let mut crew = Crew::gather("", CLIENTS);
    let case = Case::new("sendto", error, 1);
    let strace = Strace::attach(crew.scene.fanout.pid(), &case);
    crew.clients[1].half_close();
    let injection = strace.wait_for_injections(1);
    strace.detach(&case);
    if let Leaves(reason) = outcome {
        let guilty = crew.guilty(&injection);
        crew.expect_departure(guilty.addr(), reason, &injection);
        expect_end(&case, guilty);
    }
    crew.step(1);
    crew.end_well(departures(outcome, 1));
}

/// Makes a call fail in every way, at each count up to `most`, while `stimulate` makes the program call it.
#[track_caller]
fn sweep(options: &str, call: &'static str, most: usize, stimulate: fn(&mut Crew, usize)) {
    if strace::is_missing() {
        return;
    }
    for &(error, outcome) in ERRORS {
        let mut crew = Crew::gather(options, CLIENTS);
        for nth in 1..=most {
            let case = Case::new(call, error, nth);
            let strace = Strace::attach(crew.scene.fanout.pid(), &case);
            stimulate(&mut crew, nth);
            let injection = strace.wait_for_injections(1);
            judge(&case, &mut crew, outcome, &injection);
            strace.detach(&case);
        }
        crew.end_well(departures(outcome, most));
    }
}

/// The innocent get the last frame; what the guilty one gets is said by the table.
#[track_caller]
fn judge(case: &Case, crew: &mut Crew, outcome: Outcome, injection: &Injection) {
    let mut guilty = crew.guilty(injection);
    let last = crew.scene.feed.next() - 1;
    crew.all_read();
    match outcome {
        Leaves(reason) => {
            crew.expect_departure(guilty.addr(), reason, injection);
            expect_end(case, guilty);
            crew.step(1);
            return crew.join();
        }
        Gets => {}
        GetsWithNextEvent => guilty.send(b"!"),
    }
    guilty.read_to(last);
    crew.clients.push(guilty);
}

fn departures(outcome: Outcome, cases: usize) -> usize {
    match outcome {
        Leaves(_) => cases,
        Gets | GetsWithNextEvent => 0,
    }
}

/// It has been given whole frames, and sees an end.
#[track_caller]
fn expect_end(case: &Case, mut guilty: Reader) {
    let end = guilty.read_to_end();
    assert_eq!(guilty.torn(), 0, "{case}: a torn frame before {end:?}");
}
