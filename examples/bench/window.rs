//! What is measured: the difference between two moments of server and sink.

use crate::mark::Mark;
use crate::record::Figures;

/// All that is read at one end of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) mark: Mark,
    /// When this process read the next two, on the clock of the mark.
    pub(crate) at_ns: u64,
    /// Of all the server's threads so far.
    pub(crate) context_switches: u64,
    /// CPU time so far of all that is no part of the measurement. Only differences mean anything.
    pub(crate) strangers_ns: u64,
}

/// What a server holds at the end of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holding {
    pub(crate) peak_resident_bytes: u64,
    pub(crate) threads: u32,
}

/// The figures of the window from `start` to `end`. Latencies are taken where the load is paced.
pub(crate) fn figures(start: &Moment, end: &Moment, holding: Holding, is_paced: bool) -> Figures {
    let seconds = seconds(end.mark.at_ns - start.mark.at_ns);
    let cpu_seconds = self::seconds(end.mark.cpu_ns.saturating_sub(start.mark.cpu_ns));
    let deliveries = to_float(end.mark.deliveries - start.mark.deliveries);
    let skipped = to_float(end.mark.skipped - start.mark.skipped);
    let outer_seconds = self::seconds(end.at_ns - start.at_ns);
    let strangers_seconds = self::seconds(end.strangers_ns.saturating_sub(start.strangers_ns));
    // A thread that has ended takes its count with it.
    let switches = end.context_switches.saturating_sub(start.context_switches);
    let latency_us = |ns: u64| is_paced.then(|| to_float(ns) / 1e3);
    Figures {
        deliveries_per_second: deliveries / seconds,
        deliveries_per_cpu_second: deliveries / cpu_seconds,
        cpu_ns_per_delivery: cpu_seconds * 1e9 / deliveries,
        p50_us: latency_us(end.mark.p50_ns),
        p99_us: latency_us(end.mark.p99_ns),
        p999_us: latency_us(end.mark.p999_ns),
        max_us: latency_us(end.mark.max_ns),
        peak_resident_bytes: holding.peak_resident_bytes,
        threads: holding.threads,
        context_switches_per_second: to_float(switches) / outer_seconds,
        busy_percent: cpu_seconds / seconds * 100.0,
        strangers_percent: strangers_seconds / outer_seconds * 100.0,
        skipped_percent: if skipped > 0.0 {
            skipped / (skipped + deliveries) * 100.0
        } else {
            0.0
        },
    }
}

fn seconds(ns: u64) -> f64 {
    to_float(ns) / 1e9
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    to_float(bytes) / (1024.0 * 1024.0)
}

/// Bytes in KiB.
pub(crate) fn kibibytes(bytes: u64) -> f64 {
    to_float(bytes) / 1024.0
}

/// A counter as a number to divide with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counters here stay far below 2^53"
)]
pub(crate) fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at_ns: u64, cpu_ns: u64, deliveries: u64) -> Moment {
        let mark = Mark {
            at_ns,
            cpu_ns,
            deliveries,
            skipped: 0,
            p50_ns: 2_000,
            p99_ns: 3_000,
            p999_ns: 4_000,
            max_ns: 5_000,
        };
        Moment {
            mark,
            at_ns,
            context_switches: 10 * deliveries,
            strangers_ns: cpu_ns / 10,
        }
    }

    const HOLDING: Holding = Holding {
        peak_resident_bytes: 1 << 20,
        threads: 3,
    };

    #[test]
    #[expect(clippy::float_cmp, reason = "the quotients are exact")]
    fn figures_are_differences_over_their_own_time() {
        let start = moment(1_000_000_000, 500_000_000, 1_000);
        let mut end = moment(3_000_000_000, 1_500_000_000, 5_000);
        end.mark.skipped = 1_000;
        // What this process reads takes longer than the sink's mark.
        end.at_ns += 2_000_000_000;
        let figures = figures(&start, &end, HOLDING, true);
        assert_eq!(figures.deliveries_per_second, 2_000.0);
        assert_eq!(figures.deliveries_per_cpu_second, 4_000.0);
        assert_eq!(figures.cpu_ns_per_delivery, 250_000.0);
        assert_eq!(figures.context_switches_per_second, 10_000.0);
        assert_eq!(figures.busy_percent, 50.0);
        assert_eq!(figures.strangers_percent, 2.5);
        assert_eq!(figures.skipped_percent, 20.0);
        assert_eq!([figures.p50_us, figures.max_us], [Some(2.0), Some(5.0)]);
    }

    #[test]
    fn flat_out_has_no_latency() {
        let (start, end) = (moment(1, 0, 0), moment(2, 1, 1));
        assert_eq!(figures(&start, &end, HOLDING, false).p99_us, None);
    }
}
