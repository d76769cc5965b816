//! What came of a soak, as one JSON object; as tables it is in `tables.rs`.

use serde::Serialize;

use crate::Fallible;
use crate::books::Books;
use crate::cpu;
use crate::fit::Fit;
use crate::journal::Lines;
use crate::ledger::Ledger;
use crate::proc;
use crate::run::Run;
use crate::samples::{Range, double};
use crate::stats::Stats;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) clients: usize,
    /// The load, without closing the books and the drain.
    pub(crate) seconds: f64,
    pub(crate) checks: usize,
    pub(crate) looks: usize,
    /// What was seen from outside when everybody was there for the last time, and everything at rest.
    pub(crate) upstream: Books,
    pub(crate) seen: Ledger,
    /// What the server said in that moment.
    pub(crate) said: Stats,
    pub(crate) lines: Lines,
    /// The first departures with `reason=error`, in the server's words.
    pub(crate) failures: Vec<String>,
    pub(crate) memory: Option<Growth>,
    pub(crate) descriptors: Option<Growth>,
    pub(crate) ranges: Ranges,
    /// How old frames were when clients that read at once read them.
    pub(crate) age_ms: Ages,
    /// The most that the clients' thread did in one turn.
    pub(crate) longest_turn_ms: f64,
    /// Cores that were busy on the average: with the server, with the soak, with anything else.
    pub(crate) cores: [f64; 3],
    /// Each broken promise, up to a limit.
    pub(crate) broken: Vec<String>,
    pub(crate) broken_count: usize,
}

/// A straight line through a series, and what it means.
#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    pub(crate) fit: Fit,
    pub(crate) per_hour: f64,
    pub(crate) per_hour_margin: f64,
    /// What may come in while it is measured, however certain it is.
    pub(crate) allowed: f64,
    pub(crate) is_growing: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Ranges {
    pub(crate) resident_mib: Range,
    pub(crate) descriptors: Range,
    pub(crate) cpu_percent: Range,
    pub(crate) turns_per_second: Range,
    pub(crate) tcp_memory_mib: Range,
}

#[derive(Debug, Serialize)]
pub(crate) struct Ages {
    pub(crate) half: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) most: f64,
}

/// Broken promises: the first ones in words, the others counted.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    pub(crate) lines: Vec<String>,
    pub(crate) count: usize,
}

/// CPU time of the server, of this process and of everything, first and last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    first_ns: [u64; 3],
    last_ns: [u64; 3],
}

impl Broken {
    pub(crate) fn add(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < LINES_KEPT {
            self.lines.push(line);
        }
    }

    /// Adds what explains all the others.
    pub(crate) fn add_cause(&mut self, line: String) {
        self.count += 1;
        self.lines.insert(0, line);
    }
}

impl Machine {
    pub(crate) fn begin(server: u32) -> Fallible<Self> {
        let all = proc::machine_busy_ns()?;
        let first_ns = [cpu::cpu_ns(server)?, cpu::cpu_ns(std::process::id())?, all];
        Ok(Self {
            first_ns,
            last_ns: first_ns,
        })
    }

    pub(crate) fn note(&mut self, server_ns: u64, own_ns: u64, all_ns: u64) {
        self.last_ns = [server_ns, own_ns, all_ns];
    }

    /// Cores that each kept busy over so many seconds: server, soak, others.
    fn cores(&self, seconds: f64) -> [f64; 3] {
        let used = |who: usize| {
            let ns = self.last_ns[who].saturating_sub(self.first_ns[who]);
            double(ns) / 1e9 / seconds
        };
        let [server, own, all] = [used(0), used(1), used(2)];
        [server, own, (all - server - own).max(0.0)]
    }
}

impl Growth {
    fn of(fit: Fit, allowed: f64) -> Self {
        Self {
            fit,
            per_hour: fit.slope * 3600.0,
            per_hour_margin: fit.margin * 3600.0,
            allowed,
            is_growing: fit.is_growing(allowed),
        }
    }

    pub(crate) fn verdict(&self) -> &'static str {
        if self.is_growing {
            "GROWS"
        } else if self.fit.slope - self.fit.margin > 0.0 {
            "within the allowance"
        } else if self.fit.slope + self.fit.margin < 0.0 {
            "shrinks"
        } else {
            "indistinguishable from 0"
        }
    }
}

impl Report {
    pub(crate) fn of(run: &Run<'_>) -> Self {
        let (from, until) = (run.options.warm_up().as_secs_f64(), run.load_ended);
        let samples = &run.samples;
        let memory = samples.fit(from, until, |look| look.resident);
        let memory = memory.map(|fit| Growth::of(fit, MEMORY_ALLOWED_BYTES));
        let descriptors = samples.fit(from, until, |look| look.descriptors);
        let descriptors = descriptors.map(|fit| Growth::of(fit, DESCRIPTORS_ALLOWED));
        let mut broken = run.crowd.broken.lines.clone();
        let mut broken_count = run.crowd.broken.count;
        for (what, growth) in [("memory", &memory), ("descriptors", &descriptors)] {
            if let Some(growth) = growth.as_ref().filter(|growth| growth.is_growing) {
                broken_count += 1;
                broken.push(format!("{what} grows: {:.3} an hour", growth.per_hour));
            }
        }
        let ages = &run.crowd.ages;
        let ms = |ns: u64| double(ns) / 1e6;
        let journal = run.server.journal();
        let last = run.last.map(|last| (last.view, last.stats));
        let (view, said) = last.unwrap_or_default();
        Self {
            seed: run.seed,
            clients: run.options.clients,
            seconds: run.load_ended,
            checks: run.checks,
            looks: samples.count(),
            upstream: view.books,
            seen: view.ledger,
            said,
            lines: journal.lines,
            failures: journal.failures.clone(),
            memory,
            descriptors,
            ranges: Ranges {
                resident_mib: samples.range(|look| look.resident).over(MIB),
                descriptors: samples.range(|look| look.descriptors),
                cpu_percent: samples.range_of_rates(|look| look.cpu_ns).over(1e7),
                turns_per_second: samples.range_of_rates(|look| look.turns),
                tcp_memory_mib: samples.range(|look| look.tcp_memory).over(MIB),
            },
            age_ms: Ages {
                half: ms(ages.value_at_quantile(0.5)),
                p99: ms(ages.value_at_quantile(0.99)),
                p999: ms(ages.value_at_quantile(0.999)),
                most: ms(ages.max()),
            },
            longest_turn_ms: ms(run.longest_turn_ns),
            cores: run.machine.cores(run.elapsed()),
            broken,
            broken_count,
        }
    }

    pub(crate) fn print_json(&self) -> Fallible<()> {
        println!("{}", serde_json::to_string_pretty(self)?);
        Ok(())
    }
}

impl Range {
    fn over(self, unit: f64) -> Self {
        Self {
            least: self.least / unit,
            mean: self.mean / unit,
            most: self.most / unit,
        }
    }
}

const MIB: f64 = 1024.0 * 1024.0;

/// Memory that may come in after the warm-up: pages that are touched for the first time, like those behind a log that
/// was never so full before.
const MEMORY_ALLOWED_BYTES: f64 = MIB;

/// Descriptors that may come in: clients that are thrown out come back all at once, or not.
const DESCRIPTORS_ALLOWED: f64 = 16.0;

/// Broken promises that are reported in words.
const LINES_KEPT: usize = 50;
