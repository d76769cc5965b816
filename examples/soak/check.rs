//! The comparison of the books: bring everything to rest, ask the server, compare, look whether it is idle, go on.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::audit::{self, View};
use crate::balance::Statement;
use crate::books::Shared;
use crate::clock::{monotonic_ns, whole_ns};
use crate::crowd::Mood;
use crate::journal::Lines;
use crate::options::Options;
use crate::proc;
use crate::run::{MOMENT_NS, Run};
use crate::samples;
use crate::stats::Stats;

/// What the server may have at most, and what the last comparison saw.
#[derive(Debug)]
pub(crate) struct Limits {
    idle_descriptors: u64,
    resident: u64,
    lines: Lines,
    lines_at_ns: u64,
}

impl Limits {
    /// Measures the server before the first client and the first frame.
    pub(crate) fn of(options: &Options, server: u32, shared: &Arc<Shared>) -> Fallible<Self> {
        let deadline = Instant::now() + REST_LIMIT;
        while !shared.books().is_at_rest() {
            if Instant::now() > deadline {
                return Err("the server does not connect to its upstream".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let log_bytes = u64::from(options.backlog) * options.frame_size as u64;
        let clients_bytes = options.clients as u64 * CLIENT_BYTES;
        Ok(Self {
            // One of them is the upstream's.
            idle_descriptors: samples::descriptors(server)?.saturating_sub(1),
            resident: proc::resident_bytes(server)?
                + 2 * log_bytes
                + WINDOW_BYTES
                + clients_bytes
                + SLACK_BYTES,
            lines: Lines::default(),
            lines_at_ns: monotonic_ns(),
        })
    }
}

impl Run<'_> {
    /// Compares the books, and goes on with the load.
    pub(crate) fn check(&mut self) -> Fallible<()> {
        self.rest()?;
        self.last = self.compare(true, |_| Vec::new())?.or(self.last);
        self.look_for_idleness()?;
        self.check_lines();
        self.stir(Mood::Unruly);
        self.checks += 1;
        Ok(())
    }

    pub(crate) fn stir(&mut self, mood: Mood) {
        self.shared.release();
        self.crowd.stir(mood);
    }

    /// Holds the upstream back, and waits until everybody who reads has everything.
    pub(crate) fn rest(&mut self) -> Fallible<()> {
        self.shared.hold();
        self.crowd.come_to_rest();
        let deadline_ns = monotonic_ns() + whole_ns(REST_LIMIT);
        loop {
            self.turn_until(monotonic_ns() + MOMENT_NS)?;
            let books = self.shared.books();
            let obstacle = if books.is_at_rest() {
                self.crowd.straggler(books.next)
            } else {
                Some("the upstream is not connected, or cannot write".to_owned())
            };
            let Some(obstacle) = obstacle else {
                return Ok(());
            };
            if self.is_dead {
                return Ok(());
            }
            if monotonic_ns() > deadline_ns {
                self.break_promise(format!("no rest after {REST_LIMIT:?}: {obstacle}"));
                return Ok(());
            }
        }
    }

    /// Asks the server for its books until they agree with what is seen from outside and `more` finds nothing either;
    /// if they do not in time, each difference is a broken promise.
    pub(crate) fn compare(
        &mut self,
        reasons_are_known: bool,
        more: impl Fn(&Statement) -> Vec<String>,
    ) -> Fallible<Option<Statement>> {
        // Where something is broken already, both sides may never agree again.
        let limit = match self.crowd.broken.count {
            0 => AGREEMENT_LIMIT,
            _ => AGREEMENT_LIMIT / 15,
        };
        let deadline_ns = monotonic_ns() + whole_ns(limit);
        loop {
            self.crowd.poke();
            let Some(stats) = self.ask()? else {
                if !self.is_dead {
                    self.break_promise(format!("no answer to SIGUSR1 in {REST_LIMIT:?}"));
                }
                return Ok(None);
            };
            let view = self.view(reasons_are_known)?;
            let statement = Statement { stats, view };
            let mut found = audit::differences(&stats, &view);
            found.extend(more(&statement));
            if found.is_empty() {
                return Ok(Some(statement));
            }
            if monotonic_ns() > deadline_ns {
                for difference in found {
                    let at = self.elapsed();
                    self.break_promise(format!("after {at:.0} s, {difference}"));
                }
                return Ok(Some(statement));
            }
            self.turn_until(monotonic_ns() + 5 * MOMENT_NS)?;
        }
    }

    /// The server's counters as of now; none if they do not come.
    fn ask(&mut self) -> Fallible<Option<Stats>> {
        let before = self.server.journal().stats_lines;
        self.server.ask_for_stats();
        let deadline_ns = monotonic_ns() + whole_ns(REST_LIMIT);
        while monotonic_ns() < deadline_ns && !self.is_dead {
            self.turn_until(monotonic_ns() + MOMENT_NS / 4)?;
            let journal = self.server.journal();
            if journal.stats_lines > before {
                return Ok(journal.stats);
            }
        }
        Ok(None)
    }

    fn view(&self, reasons_are_known: bool) -> Fallible<View> {
        Ok(View {
            books: self.shared.books(),
            ledger: self.crowd.ledger(),
            descriptors: samples::descriptors(self.server.id())?,
            idle_descriptors: self.limits.idle_descriptors,
            resident: proc::resident_bytes(self.server.id())?,
            resident_limit: self.limits.resident,
            reasons_are_known,
        })
    }

    /// With nothing to do, the server sleeps.
    fn look_for_idleness(&mut self) -> Fallible<()> {
        let (began_ns, before) = (monotonic_ns(), self.ask()?);
        self.turn_until(began_ns + IDLE_NS)?;
        let (Some(before), Some(after)) = (before, self.ask()?) else {
            return Ok(());
        };
        let seconds = samples::double(monotonic_ns() - began_ns) / 1e9;
        let per_second = samples::double(after.turns.saturating_sub(before.turns)) / seconds;
        if per_second > IDLE_TURNS_PER_SECOND {
            self.break_promise(format!(
                "{per_second:.0} turns a second with nothing to do, which is more than {IDLE_TURNS_PER_SECOND}"
            ));
        }
        Ok(())
    }

    /// Nobody can fill the disk, and nothing alarming was said.
    fn check_lines(&mut self) {
        let (lines, alarming) = {
            let mut journal = self.server.journal();
            (journal.lines, std::mem::take(&mut journal.alarming))
        };
        for line in alarming {
            self.break_promise(format!("the server said: {line}"));
        }
        let now_ns = monotonic_ns();
        let seconds = samples::double(now_ns - self.limits.lines_at_ns) / 1e9;
        let come = lines.about_clients() - self.limits.lines.about_clients();
        // A line that was written a moment earlier may be read a moment later: a second at either end.
        let most = CLIENT_LINES_PER_SECOND * (seconds + 2.0);
        if samples::double(come) > most {
            self.break_promise(format!(
                "{come} lines about clients in {seconds:.1} s, and no more than {most:.0} may come"
            ));
        }
        self.limits.lines = lines;
        self.limits.lines_at_ns = now_ns;
    }

    /// What was said last: in the end, the server has closed the pipe.
    pub(crate) fn check_last_lines(&mut self) {
        self.check_lines();
        let (lines, connects) = (self.limits.lines, self.crowd.ledger().connects);
        let told = lines.joined + lines.joined_unsaid;
        if lines.lost == 0 && told != connects {
            self.break_promise(format!(
                "lines tell of {told} clients that joined, left out ones included, and there were {connects}"
            ));
        }
    }
}

/// How long everybody may take to come to rest, and the server to answer. On a machine that is not busy it is
/// milliseconds.
const REST_LIMIT: Duration = Duration::from_secs(30);

/// How long both sides may take to agree when everything is at rest: clients that left a moment ago are reaped.
const AGREEMENT_LIMIT: Duration = Duration::from_secs(15);

/// For how long idleness is looked at.
const IDLE_NS: u64 = 500_000_000;

/// Stalled clients may be looked for 20 times a second, and be reset; every question is a turn as well. A loop that is
/// busy comes round a hundred thousand times.
const IDLE_TURNS_PER_SECOND: f64 = 500.0;

const CLIENT_LINES_PER_SECOND: f64 = 20.0;

/// What the server may have for each client in user space, as the contract says.
const CLIENT_BYTES: u64 = 256;

/// The most that the upstream is read ahead.
const WINDOW_BYTES: u64 = 256 * 1024;

/// Heap and stack that came into use after the first look, lines on their way to be printed included.
const SLACK_BYTES: u64 = 2 * 1024 * 1024;
