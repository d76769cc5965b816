//! How long does an answer of the admin endpoint hold the loop, with many clients?
//!
//! The relay says so itself: it counts its turns by their length, and the demands are on two of the lengths that it
//! counts by. Some of the clients lag, because then the greatest lag takes a walk over all of them; no frame comes
//! meanwhile, so that every turn is one that somebody's question has caused.

use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::ending::Folder;
use crate::plan::{FRAME_SIZE, Gaps, Load};
use crate::record::Finding;
use crate::rig::Rig;
use crate::servers::{Patience, Server, Terms};
use crate::session::Session;

pub(crate) fn run(session: &mut Session, relay: &Server, clients: usize) -> Fallible<Vec<Finding>> {
    let folder = Folder::new("scrape")?;
    let socket = folder.path().join("admin.sock");
    let admin = format!("--admin=unix:{}", socket.display());
    let backlog = format!("--backlog={BACKLOG}");
    let stalled = STALLED.min(clients / 2);
    let load = Load {
        stalled,
        gaps: Gaps::Allowed,
        ..Load::readers(0, clients - stalled)
    };
    let terms = Terms {
        relay: ["--slow=skip", "--stall-timeout=0", &backlog, &admin]
            .map(String::from)
            .to_vec(),
        block: FRAME_SIZE as usize,
        patience: Patience::ThrowsOut,
    };
    session.say(&format!(
        "scrape: {clients} clients, {stalled} of them stalled"
    ));
    let mut rig = Rig::start(&session.bench, relay, &terms, &load)?;
    rig.connect(&load)?;
    rig.burst(u64::from(BACKLOG) * BURST_BACKLOGS)?;
    await_rest(&socket, stalled, rig.limit())?;
    let mut findings = Vec::new();
    for (path, bound, demand) in DEMANDS {
        let before = Turns::read(&socket, bound)?;
        for _ in 0..QUESTIONS {
            ask(&socket, path)?;
        }
        let after = Turns::read(&socket, bound)?;
        let (turns, within) = (after.count - before.count, after.within - before.within);
        let each_ms = (after.seconds - before.seconds) * 1e3 / f64::from(QUESTIONS);
        let above = turns - within;
        findings.push(Finding {
            what: format!("scrape, {clients} clients: {path} holds the loop"),
            demand: demand.to_owned(),
            figure: format!(
                "{each_ms:.2} ms a question in all its turns; {above} of {turns} turns above"
            ),
            is_met: above == 0 && turns >= u64::from(QUESTIONS),
        });
    }
    Ok(findings)
}

/// Waits until everybody but the stalled has everything: from then on nothing happens but questions.
fn await_rest(socket: &Path, stalled: usize, limit: Duration) -> Fallible<()> {
    let give_up = Instant::now() + limit;
    let mut before = 0;
    loop {
        let text = ask(socket, "/metrics")?;
        let delivered: u64 = value(&text, "fanout_frames_delivered_total")?;
        let lagging: usize = value(&text, "fanout_clients_lagging")?;
        if (lagging, delivered) == (stalled, before) {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(format!("{lagging} clients lag, not {stalled}").into());
        }
        before = delivered;
        thread::sleep(QUIET);
    }
}

/// The turns so far, as the relay counts them.
struct Turns {
    count: u64,
    /// Those that were no longer than a bound.
    within: u64,
    /// How long they took together.
    seconds: f64,
}

impl Turns {
    fn read(socket: &Path, bound: &str) -> Fallible<Self> {
        let text = ask(socket, "/metrics")?;
        Ok(Self {
            count: value(&text, "fanout_turn_seconds_count")?,
            within: value(
                &text,
                &format!("fanout_turn_seconds_bucket{{le=\"{bound}\"}}"),
            )?,
            seconds: value(&text, "fanout_turn_seconds_sum")?,
        })
    }
}

fn ask(socket: &Path, path: &str) -> Fallible<String> {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        let line = answer.lines().next().unwrap_or("nothing");
        return Err(format!("{path} was answered with {line}").into());
    }
    Ok(answer)
}

/// The value of one sample.
fn value<T: FromStr<Err: Error + 'static>>(text: &str, sample: &str) -> Fallible<T> {
    let line = text.lines().find_map(|line| line.strip_prefix(sample));
    let number = line.and_then(|rest| rest.strip_prefix(' '));
    let number = number.ok_or_else(|| format!("{sample} is not among the metrics"))?;
    Ok(number.parse()?)
}

/// Clients at whose number it is asked for.
pub(crate) const CLIENTS: usize = 10_000;

/// What is asked for, and how long it may hold the loop: the bound as the metrics write it, and in words.
const DEMANDS: [(&str, &str, &str); 3] = [
    ("/metrics", "0.001", "less than 1 ms"),
    ("/clients.json?limit=100", "0.005", "less than 5 ms"),
    (
        "/status.json",
        "0.005",
        "less than 5 ms, as the page asks each second",
    ),
];

/// How often each is asked for.
const QUESTIONS: u32 = 300;

/// Clients that do not read.
const STALLED: usize = 100;

/// Frames that they may lag.
const BACKLOG: u32 = 1024;

/// What the burst sends: it fills the kernel's buffers first.
const BURST_BACKLOGS: u64 = 4;

/// Silence after which nothing is on its way any more.
const QUIET: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_by_all_of_its_name() {
        let text = "# TYPE a counter\na_total 5\na{b=\"c\"} 0.25\n";
        assert_eq!(value::<u64>(text, "a_total").expect("it is there"), 5);
        assert_eq!(
            value::<String>(text, "a{b=\"c\"}").expect("it is there"),
            "0.25"
        );
        assert!(value::<f64>(text, "a").is_err());
    }
}
