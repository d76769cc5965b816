//! One run of the benchmark: plays what is planned, keeps what comes of it, and says how far it is.
//!
//! Owns the rule that a failing server fails its own sample and nothing else, and the decision whether the run as a
//! whole has failed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::bench::Bench;
use crate::children::Complaint;
use crate::clock::whole_ns;
use crate::plan::{Entrant, Series};
use crate::record::{Figures, Finding, Report, Sample};
use crate::report;
use crate::servers::Server;

/// A run under way.
pub(crate) struct Session {
    pub(crate) bench: Bench,
    pub(crate) servers: Vec<Server>,
    pub(crate) report: Report,
    /// Where the report is kept, after every series.
    pub(crate) json: Option<PathBuf>,
    /// Numbers of clients, and the rate at which the one lossy server loses nothing with so many.
    lossless: Vec<(usize, u64)>,
    /// Samples that failed and must not: one line each.
    faults: Vec<String>,
    begun: Instant,
    planned: Duration,
}

impl Session {
    /// A run that is planned to take so long, with these servers.
    pub(crate) fn new(
        bench: Bench,
        servers: Vec<Server>,
        report: Report,
        planned: Duration,
    ) -> Self {
        Self {
            bench,
            servers,
            report,
            json: None,
            lossless: Vec::new(),
            faults: Vec::new(),
            begun: Instant::now(),
            planned,
        }
    }

    /// Measures all servers of a series in turn. One that fails too often is given up for the rest of it.
    pub(crate) fn play(&mut self, series: &Series) -> Fallible<()> {
        let mut failures = vec![0; series.entrants.len()];
        for (repetition, place) in series.turns() {
            if failures[place] >= MOST_FAILURES {
                continue;
            }
            let entrant = &series.entrants[place];
            let outcome = if entrant.load.rate == 0 && entrant.server.is_lossy() {
                self.measure_lossless(entrant)
            } else {
                self.bench.measure(entrant)
            };
            match outcome {
                Ok(figures) => self.keep(entrant, repetition, figures),
                Err(error) => {
                    failures[place] += 1;
                    let words = what(entrant, repetition);
                    self.fail(&words, &entrant.server, error.as_ref());
                }
            }
        }
        self.save()
    }

    /// Measures a server that loses frames flat out as near to that as it loses none. What is found is kept: the next
    /// time the search goes on from there.
    fn measure_lossless(&mut self, entrant: &Entrant) -> Fallible<Figures> {
        let clients = entrant.load.clients();
        let known = self.lossless.iter().find(|known| known.0 == clients);
        let most = known.map_or(u64::MAX, |known| known.1);
        let mut outcome = Err("no rate is left to try".into());
        for rate in LOSSLESS_RATES.into_iter().filter(|rate| *rate <= most) {
            let mut slower = entrant.clone();
            slower.load.rate = rate;
            outcome = self.bench.measure(&slower);
            let is_lost = outcome.as_ref().is_err_and(|error| error.is::<Complaint>());
            if outcome.is_ok() && most != rate {
                self.learn(entrant, rate);
            }
            if !is_lost {
                break;
            }
        }
        // Flat out there are no latencies that could be compared.
        outcome.map(|figures| Figures {
            p50_us: None,
            p99_us: None,
            p999_us: None,
            max_us: None,
            ..figures
        })
    }

    fn learn(&mut self, entrant: &Entrant, rate: u64) {
        let (clients, name) = (entrant.load.clients(), entrant.server.name);
        self.lossless.retain(|known| known.0 != clients);
        self.lossless.push((clients, rate));
        self.report.skipped.push(format!(
            "not flat out: {name} with {clients} clients loses frames then; it was given {rate} frames/s"
        ));
    }

    /// Plays what is no series: only its findings count.
    pub(crate) fn play_alone(
        &mut self,
        name: &str,
        scenario: impl FnOnce(&mut Self, &Server) -> Fallible<Vec<Finding>>,
    ) -> Fallible<()> {
        let Some(relay) = self
            .servers
            .iter()
            .find(|server| server.is_relay())
            .cloned()
        else {
            self.report
                .skipped
                .push(format!("skipped: {name}: it needs the relay"));
            return Ok(());
        };
        match scenario(self, &relay) {
            Ok(findings) => self.report.findings.extend(findings),
            Err(error) => self.fail(name, &relay, error.as_ref()),
        }
        self.save()
    }

    /// Keeps a sample and prints it.
    pub(crate) fn keep(&mut self, entrant: &Entrant, repetition: u32, figures: Figures) {
        let latency = match (figures.p50_us, figures.p99_us) {
            (Some(p50), Some(p99)) => format!(", p50 {p50:.0} us, p99 {p99:.0} us"),
            _ => String::new(),
        };
        self.say(&format!(
            "{}: {:.3} M deliveries per CPU second, {:.1} k per second, busy {:.0} %, strangers {:.0} %{latency}",
            what(entrant, repetition),
            figures.deliveries_per_cpu_second / 1e6,
            figures.deliveries_per_second / 1e3,
            figures.busy_percent,
            figures.strangers_percent,
        ));
        self.report
            .samples
            .push(sample(entrant, repetition, figures));
    }

    /// Prints a line with the time.
    pub(crate) fn say(&self, line: &str) {
        let [gone, planned] = [self.begun.elapsed(), self.planned].map(clock_face);
        println!("[{gone} of about {planned}] {line}");
    }

    /// Whether anything failed that must not.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }

    fn fail(&mut self, what: &str, server: &Server, error: &(dyn std::error::Error + 'static)) {
        let line = format!("failed: {what}: {error}");
        self.say(&line);
        if is_fault(server, error) {
            self.faults.push(line.clone());
        }
        self.report.skipped.push(line);
    }

    /// Whatever happens next, what was measured so far is not lost.
    fn save(&self) -> Fallible<()> {
        match &self.json {
            Some(path) => report::write_json(&self.report, path),
            None => Ok(()),
        }
    }
}

/// Relay and floor must not fail. Of the variants it is asked that they lose nothing for anybody who stays; to die, or
/// to throw out who lags, is their own affair. What a foreign server does is.
fn is_fault(server: &Server, error: &(dyn std::error::Error + 'static)) -> bool {
    if server.is_relay() || server.is_floor() {
        return true;
    }
    let complaint = error.downcast_ref::<Complaint>();
    server.is_variant() && complaint.is_some_and(Complaint::is_about_frames)
}

fn what(entrant: &Entrant, repetition: u32) -> String {
    let Entrant {
        scenario,
        server,
        load,
        linger,
        repetitions,
        ..
    } = entrant;
    let rate = match load.rate {
        0 => "flat out".to_owned(),
        rate => format!("{rate} frames/s"),
    };
    let size = match load.frame_size {
        crate::plan::FRAME_SIZE => String::new(),
        size => format!(" of {size} bytes"),
    };
    let linger = match linger.as_millis() {
        0 => String::new(),
        linger => format!(", linger {linger} ms"),
    };
    let (clients, name) = (load.clients(), server.name);
    format!(
        "{scenario}, {clients} clients, {rate}{size}: {name}{linger} {repetition}/{repetitions}"
    )
}

fn sample(entrant: &Entrant, repetition: u32, figures: Figures) -> Sample {
    Sample {
        scenario: entrant.scenario.to_owned(),
        server: entrant.server.name.to_owned(),
        clients: u32::try_from(entrant.load.clients()).unwrap_or(u32::MAX),
        rate: entrant.load.rate,
        frame_size: entrant.load.frame_size,
        linger_us: whole_ns(entrant.linger) / 1000,
        repetition,
        figures,
    }
}

/// `12:34`: minutes and seconds.
pub(crate) fn clock_face(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:2}:{:02}", seconds / 60, seconds % 60)
}

/// Failures of one server in one series after which it is not tried again: each may take the longest of all limits.
const MOST_FAILURES: u32 = 3;

/// Frames a second that a server is given which loses some flat out, until it loses none.
const LOSSLESS_RATES: [u64; 8] = [64_000, 32_000, 16_000, 8_000, 4_000, 2_000, 1_000, 500];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::Programs;

    fn server(name: &str) -> Server {
        let programs = Programs::beside_this_one().expect("this program is somewhere");
        let names = [name];
        programs
            .roster(&names)
            .0
            .pop()
            .expect("it needs nothing to be installed")
    }

    #[test]
    fn who_may_fail_and_how() {
        let lost = Complaint("frame-sink: client 3: missing: frame 7 was due, 9 came".to_owned());
        let reset = Complaint("frame-sink: client 3: reset: aborted after 7 frames".to_owned());
        let died = std::io::Error::other("the server ended (signal: 9)");
        assert!(is_fault(&server("fanout"), &died));
        assert!(is_fault(&server("send-floor"), &reset));
        let variant = server("python-threads");
        assert!(is_fault(&variant, &lost));
        assert!(!is_fault(&variant, &reset));
        assert!(!is_fault(&variant, &died));
    }

    #[test]
    fn time_is_told_in_minutes_and_seconds() {
        assert_eq!(clock_face(Duration::from_secs(754)), "12:34");
        assert_eq!(clock_face(Duration::from_secs(5)), " 0:05");
    }
}
