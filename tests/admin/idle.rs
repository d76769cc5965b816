//! The endpoint costs nothing while nobody asks.

use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Fanout, Reader, line, system};
use crate::http::{Visitor, get, request};
use crate::watched::Watched;

/// Turns that an answer to a signal costs: the signal ends one sleep, and its pipe the next.
pub(crate) const ANSWER: u64 = 2;

/// Asks for the counters until that is all that has happened since the last time; returns the number of turns then.
#[track_caller]
pub(crate) fn wait_until_it_rests(fanout: &Fanout, witness: &mut Reader) -> u64 {
    let give_up = Instant::now() + DEADLINE;
    let mut before = line::number(&fanout.stats(), "turns");
    loop {
        witness.expect_silence(Duration::from_millis(200));
        let turns = line::number(&fanout.stats(), "turns");
        if turns - before <= ANSWER {
            return turns;
        }
        before = turns;
        assert!(
            Instant::now() < give_up,
            "it never comes to rest: {before} turns"
        );
    }
}

#[test]
fn nobody_asks_and_nothing_wakes_it() {
    let watched = Watched::set("--stale-after 0");
    let mut witness = watched.scene.fanout.join();
    let _clients = watched.scene.fanout.join_many(10);
    assert_eq!(watched.get("/status.json").status, 200);
    // One that never asks is hung up on, and that is the last of it.
    let mut silent = Visitor::connect(watched.admin);
    silent.send("GET /m");
    let _ = silent.try_answer();
    let quiet = wait_until_it_rests(&watched.scene.fanout, &mut witness);
    let pid = watched.scene.fanout.pid();
    let ticks = system::processor_ticks(pid);
    witness.expect_silence(Duration::from_secs(7));
    let ticks = system::processor_ticks(pid) - ticks;
    let stats = watched.scene.fanout.stats();
    assert!(
        line::number(&stats, "turns") - quiet <= ANSWER,
        "{quiet}: {stats}"
    );
    assert!(ticks <= 1, "{ticks} hundredths of a second");
}

/// As many turns for each as for the first: what is over leaves nothing to be looked after.
#[test]
fn an_answer_costs_the_same_few_turns_each_time() {
    let watched = Watched::set("--stale-after 0");
    let mut witness = watched.scene.fanout.join();
    let mut before = wait_until_it_rests(&watched.scene.fanout, &mut witness);
    for _ in 0..5 {
        let mut visitor = Visitor::connect(watched.admin);
        visitor.send(request("GET", "/metrics"));
        assert_eq!(visitor.answer().status, 200);
        let turns = wait_until_it_rests(&watched.scene.fanout, &mut witness);
        // Accept, request, rest, end, and the turns in which it was asked for its counters.
        assert!(
            turns - before <= 6 * ANSWER + 6,
            "{before} turns, then {turns}"
        );
        before = turns;
    }
    assert_eq!(get(watched.admin, "/healthz").status, 200);
}
