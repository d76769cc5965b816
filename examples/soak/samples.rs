//! The server's process, looked at once a second.

use std::fs;

use serde::Serialize;

use crate::Fallible;
use crate::cpu;
use crate::fit::Fit;
use crate::proc;

/// All looks so far.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    looks: Vec<Look>,
}

/// What there is to see in one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Since the beginning, in seconds.
    pub(crate) at: f64,
    pub(crate) resident: u64,
    pub(crate) descriptors: u64,
    pub(crate) cpu_ns: u64,
    /// As the last `stats` line said.
    pub(crate) turns: u64,
    /// Memory of all TCP sockets of the machine.
    pub(crate) tcp_memory: u64,
}

/// The least, the mean and the most of something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Range {
    pub(crate) least: f64,
    pub(crate) mean: f64,
    pub(crate) most: f64,
}

impl Look {
    /// Looks at a process now.
    pub(crate) fn at(process: u32, at: f64, turns: u64) -> Fallible<Self> {
        Ok(Self {
            at,
            resident: proc::resident_bytes(process)?,
            descriptors: descriptors(process)?,
            cpu_ns: cpu::cpu_ns(process)?,
            turns,
            tcp_memory: proc::tcp_memory_bytes()?,
        })
    }
}

impl Samples {
    pub(crate) fn add(&mut self, look: Look) {
        self.looks.push(look);
    }

    pub(crate) fn count(&self) -> usize {
        self.looks.len()
    }

    /// The line through what is of interest in each look from this second on, up to that one.
    pub(crate) fn fit(&self, from: f64, until: f64, of: impl Fn(&Look) -> u64) -> Option<Fit> {
        let counted = self
            .looks
            .iter()
            .filter(|look| (from..=until).contains(&look.at));
        let points: Vec<_> = counted.map(|look| (look.at, double(of(look)))).collect();
        Fit::through(&points)
    }

    pub(crate) fn range(&self, of: impl Fn(&Look) -> u64) -> Range {
        range(self.looks.iter().map(|look| double(of(look))))
    }

    /// Of something that only grows, how much came in a second.
    pub(crate) fn range_of_rates(&self, of: impl Fn(&Look) -> u64) -> Range {
        range(self.looks.windows(2).map(|pair| {
            let [before, after] = [&pair[0], &pair[1]];
            double(of(after).saturating_sub(of(before))) / (after.at - before.at)
        }))
    }
}

fn range(values: impl Iterator<Item = f64>) -> Range {
    let (mut count, mut sum, mut least, mut most) = (0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        count += 1.0;
        sum += value;
        least = least.min(value);
        most = most.max(value);
    }
    if count == 0.0 {
        return Range::default();
    }
    Range {
        least,
        mean: sum / count,
        most,
    }
}

/// Open descriptors of a process.
pub(crate) fn descriptors(process: u32) -> Fallible<u64> {
    let folder = format!("/proc/{process}/fd");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    Ok(entries.count() as u64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is sampled here stays far below 2^53"
)]
pub(crate) fn double(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Samples {
        let mut samples = Samples::default();
        for (at, turns) in (0..10_u32).zip([0, 5, 10, 15, 20, 30, 40, 50, 60, 70]) {
            samples.add(Look {
                at: f64::from(at),
                resident: 100 + u64::from(at),
                descriptors: 7,
                cpu_ns: 0,
                turns,
                tcp_memory: 0,
            });
        }
        samples
    }

    #[test]
    fn a_fit_takes_only_what_lies_between() {
        let fit = samples().fit(2.0, 8.0, |look| look.resident);
        let fit = fit.expect("there are enough samples");
        assert_eq!((fit.samples, fit.span), (7, 6.0));
        assert!((fit.slope - 1.0).abs() < 1e-9, "{fit:?}");
    }

    #[test]
    fn rates_are_differences_over_time() {
        let rates = samples().range_of_rates(|look| look.turns);
        assert!((rates.least - 5.0).abs() < 1e-9 && (rates.most - 10.0).abs() < 1e-9);
        assert!((rates.mean - 70.0 / 9.0).abs() < 1e-9, "{rates:?}");
        assert_eq!(
            Samples::default().range(|look| look.turns),
            Range::default()
        );
    }
}
