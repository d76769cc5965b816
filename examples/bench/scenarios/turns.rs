//! How long is the relay away from its poll? Seen from outside, with strace.
//!
//! strace runs on the server's core: whenever it works the server is stopped anyway, and it need not wait for the busy
//! source and sink. A filter in the kernel (`--seccomp-bpf`) lets all calls but the polls pass at full speed, so what
//! is measured is nearly the undisturbed turn; it is longer by strace's own work at both ends, never shorter.

use std::fs;
use std::path::Path;

use hdrhistogram::Histogram;

use crate::Fallible;
use crate::ending::Folder;
use crate::foreign::find_program;
use crate::plan::{FRAME_SIZE, Load};
use crate::record::Finding;
use crate::rig::Rig;
use crate::scenarios::saturation::{self, BLOCK};
use crate::servers::Server;
use crate::session::Session;
use crate::window::to_float;

pub(crate) fn run(session: &mut Session, relay: &Server, clients: usize) -> Fallible<Vec<Finding>> {
    let Some(strace) = find_program("strace") else {
        session.report.skipped.push("skipped: no strace".to_owned());
        return Ok(Vec::new());
    };
    let load = Load::readers(0, clients);
    let folder = Folder::new("turns")?;
    let trace = folder.path().join("trace");
    session.say(&format!("turns: {clients} clients, flat out, polls traced"));
    let bench = &session.bench;
    let mut rig = Rig::start_with(
        bench,
        relay,
        &saturation::terms(BLOCK, FRAME_SIZE),
        &load,
        &[],
        |program| {
            let mut command = bench.launch(&strace);
            command
                .args(STRACE_OPTIONS)
                .arg("-o")
                .arg(&trace)
                .arg(program);
            command
        },
    )?;
    rig.connect(&load)?;
    rig.begin(&load)?;
    rig.sleep(bench.pace.warm_up);
    let skip = fs::metadata(&trace)?.len();
    let figures = rig.window(&load, bench.pace.window * WINDOWS)?;
    drop(rig);
    let turns = turns(&read_from(&trace, skip)?)?;
    let [median, p99, longest] =
        [0.5, 0.99, 1.0].map(|q| to_float(turns.value_at_quantile(q)) / 1e3);
    let above = turns.len() - turns.count_between(0, LIMIT_US);
    let figure = format!(
        "longest {longest:.2} ms, p99 {p99:.2} ms, median {median:.2} ms, {above} of {} above",
        turns.len()
    );
    session.say(&format!(
        "turns: {figure}, {:.2} M deliveries per CPU second",
        figures.deliveries_per_cpu_second / 1e6
    ));
    Ok(vec![Finding {
        what: format!("turns, {clients} clients flat out: time between two polls"),
        demand: "at most 5 ms".to_owned(),
        figure,
        is_met: above == 0,
    }])
}

fn read_from(path: &Path, skip: u64) -> Fallible<String> {
    let bytes = fs::read(path)?;
    let rest = bytes.get(usize::try_from(skip)?..).unwrap_or_default();
    Ok(String::from_utf8_lossy(rest).into_owned())
}

/// The times from the end of a poll to the start of the next, in microseconds.
fn turns(trace: &str) -> Fallible<Histogram<u64>> {
    let mut turns = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let mut ended_us = None;
    // The first line may be cut.
    for poll in trace.lines().skip(1).filter_map(parse_line) {
        if let Some(ended_us) = ended_us {
            turns.saturating_record(poll.started_us.saturating_sub(ended_us));
        }
        ended_us = Some(poll.started_us + poll.lasted_us);
    }
    if turns.is_empty() {
        return Err(
            "the trace has no polls: is strace 5.3 or later installed, and allowed to trace?"
                .into(),
        );
    }
    Ok(turns)
}

#[derive(Debug, PartialEq, Eq)]
struct Poll {
    started_us: u64,
    lasted_us: u64,
}

/// `PID 1700000000.000123 epoll_wait(3, [...], 1024, -1) = 2 <0.000045>`; anything else is no poll.
fn parse_line(line: &str) -> Option<Poll> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let started_us = microseconds(words.next()?)?;
    if !words.next()?.starts_with("epoll_") {
        return None;
    }
    let lasted = line.rsplit_once('<')?.1.strip_suffix('>')?;
    Some(Poll {
        started_us,
        lasted_us: microseconds(lasted)?,
    })
}

/// `12.000345` as whole microseconds.
fn microseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_six_digits = fraction.len() == 6;
    let seconds: u64 = seconds.parse().ok()?;
    is_six_digits.then_some(seconds * 1_000_000 + fraction.parse::<u64>().ok()?)
}

/// Clients at whose number the longest turn is asked for.
pub(crate) const CLIENTS: usize = 10_000;

/// Windows that are looked at: the longest of many turns is more than that of some.
pub(crate) const WINDOWS: u32 = 3;

/// The longest time between two polls that is asked for.
const LIMIT_US: u64 = 5_000;

/// `-D`: the server stays this program's child. `-f` is what `--seccomp-bpf` asks for.
const STRACE_OPTIONS: [&str; 8] = [
    "-D",
    "-f",
    "--seccomp-bpf",
    "-qq",
    "-ttt",
    "-T",
    "-e",
    "trace=epoll_wait,epoll_pwait,epoll_pwait2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_from_the_end_of_a_poll_to_the_start_of_the_next() {
        let trace = "cut\n\
            7 100.000100 epoll_wait(3, [{events=EPOLLIN, data={u32=1, u64=1}}], 1024, -1) = 1 <0.000050>\n\
            8 100.000200 +++ exited with 0 +++\n\
            7 100.001150 epoll_wait(3, [], 1024, 0) = 0 <0.000010>\n";
        let turns = turns(trace).expect("a good trace");
        assert_eq!((turns.len(), turns.max()), (1, 1000));
    }
}
