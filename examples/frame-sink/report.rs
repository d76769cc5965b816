//! What a run has found: a table, or one JSON object.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock::monotonic_ns;
use crate::sink::Sink;
use crate::tally::{End, Tally};
use crate::watch::{Usage, Watch};

/// What a run has found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    seconds: f64,
    /// Complete frames that all clients together have read.
    deliveries: u64,
    /// Frames that clients were skipped over.
    skipped: u64,
    /// How many promises were broken.
    broken: u64,
    /// The first of them, in words.
    complaints: Vec<String>,
    kinds: Vec<Row>,
    server: Option<Usage>,
}

/// What the clients of one kind have found.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    clients: u64,
    frames: u64,
    skipped: u64,
    /// How many ended in which way; `open` are those that did not.
    ends: BTreeMap<&'static str, u64>,
    latency_ns: Option<Latency>,
}

/// Percentiles in nanoseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Report {
    pub(crate) fn of(sink: Sink<'_>) -> Self {
        let elapsed = Duration::from_nanos(monotonic_ns() - sink.began_ns);
        let tallies = sink.tallies.iter().filter(|tally| tally.clients > 0);
        Self {
            seconds: elapsed.as_secs_f64(),
            deliveries: sink.deliveries(),
            skipped: sink.skipped(),
            broken: sink.broken_count,
            kinds: tallies.map(Row::of).collect(),
            server: sink.watch.as_ref().map(Watch::usage),
            complaints: sink.broken,
        }
    }

    /// Whether every promise was kept.
    pub(crate) fn is_good(&self) -> bool {
        self.broken == 0
    }

    /// As one JSON object.
    pub(crate) fn print_json(&self) -> serde_json::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }

    /// As a table and what there is to say beside.
    pub(crate) fn print_table(&self) {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN);
        table.set_header(HEAD);
        for row in &self.kinds {
            table.add_row(row.cells());
        }
        for column in table.column_iter_mut().skip(1).take(HEAD.len() - 2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        println!("{table}");
        let elapsed = Duration::from_secs_f64(self.seconds);
        println!(
            "{} deliveries in {:.3} s, {:.0} a second",
            self.deliveries,
            self.seconds,
            per_second(self.deliveries, elapsed)
        );
        if let Some(usage) = &self.server {
            let cpu = Duration::from_nanos(usage.cpu_ns);
            println!(
                "the server used {:.3} s of CPU time for {} deliveries, {:.0} deliveries for a second of it",
                cpu.as_secs_f64(),
                usage.deliveries,
                per_second(usage.deliveries, cpu)
            );
        }
        for complaint in &self.complaints {
            println!("BROKEN {complaint}");
        }
        let others = self.broken - self.complaints.len() as u64;
        if others > 0 {
            println!("BROKEN and {others} times more");
        }
    }
}

impl Row {
    fn of(tally: &Tally) -> Self {
        let ends = End::ALL.map(|end| (end.name(), tally.ends[end as usize]));
        let ends = ends.into_iter().chain([("open", tally.open())]);
        let latencies = tally.latencies.as_ref();
        Self {
            kind: tally.kind.name(),
            clients: tally.clients,
            frames: tally.frames,
            skipped: tally.skipped,
            ends: ends.filter(|(_, clients)| *clients > 0).collect(),
            latency_ns: latencies
                .filter(|latencies| !latencies.is_empty())
                .map(Latency::of),
        }
    }

    fn cells(&self) -> Vec<String> {
        let [p50, p99, p999, max] = match &self.latency_ns {
            Some(latency) => [latency.p50, latency.p99, latency.p999, latency.max]
                .map(|ns| (ns / 1000).to_string()),
            None => [const { String::new() }; 4],
        };
        let ends = self
            .ends
            .iter()
            .map(|(name, clients)| format!("{clients} {name}"));
        let ends = ends.collect::<Vec<_>>().join(", ");
        let [clients, frames, skipped] =
            [self.clients, self.frames, self.skipped].map(|number| number.to_string());
        vec![
            self.kind.to_owned(),
            clients,
            frames,
            skipped,
            p50,
            p99,
            p999,
            max,
            ends,
        ]
    }
}

impl Latency {
    fn of(latencies: &Histogram<u64>) -> Self {
        Self {
            p50: latencies.value_at_quantile(0.50),
            p99: latencies.value_at_quantile(0.99),
            p999: latencies.value_at_quantile(0.999),
            max: latencies.max(),
        }
    }
}

/// How many of something there were in a second.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is shown has three digits, and a float keeps fifteen"
)]
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() {
        return 0.0;
    }
    count as f64 / time.as_secs_f64()
}

const HEAD: [&str; 9] = [
    "client",
    "clients",
    "frames",
    "skipped",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "max us",
    "ended how",
];
