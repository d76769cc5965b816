//! What is demanded, and whether the samples show it.
//!
//! It sees samples only, so it finds the same in a file of last year as in the run that
//! has just ended. What is not measured is neither met nor missed.

use crate::demands::{Clients, DEMANDS, Demand, Measure, Other};
use crate::record::{Finding, Sample};
use crate::report::{Load, Ratio, Section, Spread};

/// All findings that these samples allow.
pub(crate) fn of(samples: &[Sample]) -> Vec<Finding> {
    let sections = Section::all(samples);
    let mut findings = Vec::new();
    for demand in DEMANDS {
        let asked = sections
            .iter()
            .filter(|section| section.scenario == demand.scenario);
        for section in asked.filter(|section| demand.covers(&section.load)) {
            findings.extend(demand.check(section, &sections));
        }
    }
    findings
}

impl Demand {
    fn covers(&self, load: &Load) -> bool {
        let is_rate = self.rate.is_none_or(|rate| rate == load.rate);
        let is_count = match self.clients {
            Clients::Any => true,
            Clients::One(clients) => clients == load.clients,
            Clients::AtLeast(least) => load.clients >= least,
        };
        is_rate && is_count
    }

    fn check(&self, section: &Section<'_>, all: &[Section<'_>]) -> Option<Finding> {
        let (server, linger_us) = self.server;
        let own = samples_of(section, server, Some(linger_us))?;
        let (other, name) = match self.other {
            Other::Server(name) => (samples_of(section, name, None)?, name),
            Other::Undisturbed => {
                let base = all.iter().find(|other| is_base(other, section))?;
                (samples_of(base, server, Some(linger_us))?, "without")
            }
        };
        let Measure {
            name: measured,
            figure,
            factor,
            unit,
        } = self.figure;
        let ratio = Ratio::of(own, other, figure).spread?;
        let figures = Spread::of_samples(own, figure)?.times(factor);
        let linger = match linger_us {
            0 => String::new(),
            linger => format!(" lingering {} ms", linger / 1000),
        };
        Some(Finding {
            what: format!(
                "{}, {}: {measured} of {server}{linger}",
                self.scenario, section.load
            ),
            demand: self.bound.text(name),
            figure: format!("ratio {ratio}, {figures} {unit}"),
            is_met: self.bound.allows(ratio.median),
        })
    }
}

/// The samples of a server in a section; of one that lingers so long, if that is asked.
fn samples_of<'a>(
    section: &'a Section<'_>,
    server: &str,
    linger_us: Option<u64>,
) -> Option<&'a [&'a Sample]> {
    let mut rows = section.rows.iter().filter(|row| row.server == server);
    let row = rows.find(|row| linger_us.is_none_or(|linger_us| row.linger_us == linger_us))?;
    Some(&row.samples)
}

/// Whether `base` is the same as `section` without what disturbs: there, half of the clients may have stalled.
fn is_base(base: &Section<'_>, section: &Section<'_>) -> bool {
    let Load {
        clients,
        rate,
        frame_size,
    } = section.load;
    let is_same = base.load.rate == rate && base.load.frame_size == frame_size;
    let is_named = base.scenario.strip_suffix(BASE) == Some(section.scenario);
    is_same && is_named && [clients, clients - clients / 2].contains(&base.load.clients)
}

/// What the name of an undisturbed scenario ends in.
pub(crate) const BASE: &str = "-base";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::made_up::sample;

    /// Samples of one server whose deliveries per CPU second are these, in repetitions from 1.
    fn samples(scenario: &str, server: &str, clients: u32, values: &[f64]) -> Vec<Sample> {
        let repetitions = 1..;
        let made = repetitions.zip(values).map(|(repetition, &value)| {
            let mut sample = sample(scenario, server, clients, repetition);
            sample.figures.deliveries_per_cpu_second = value;
            sample.figures.deliveries_per_second = value;
            sample
        });
        made.collect()
    }

    fn verdicts(samples: &[Sample], word: &str) -> Vec<bool> {
        let findings = of(samples);
        findings
            .iter()
            .filter(|finding| finding.what.contains(word))
            .map(|finding| finding.is_met)
            .collect()
    }

    #[test]
    fn a_demand_is_on_the_median_of_ratios_of_neighbours() {
        // The medians alone would say 2 to 2; the neighbours say 1, 0.5, 0.5.
        let relay = samples("saturation", "fanout", 10, &[2.0, 1.0, 3.0]);
        let floor = samples("saturation", "send-floor", 10, &[2.0, 2.0, 6.0]);
        let both = [relay, floor].concat();
        assert_eq!(verdicts(&both, "per CPU second"), [false]);
        let finding = &of(&both)[0];
        assert_eq!(finding.demand, "at least 1.00 of send-floor");
        assert!(
            finding.figure.starts_with("ratio 0.5"),
            "{}",
            finding.figure
        );
    }

    #[test]
    fn what_is_not_measured_is_neither_met_nor_missed() {
        assert!(of(&samples("saturation", "fanout", 10, &[1.0])).is_empty());
        let no_demand = [
            samples("saturation", "fanout", 1, &[1.0]),
            samples("saturation", "send-floor", 1, &[2.0]),
        ];
        assert!(of(&no_demand.concat()).is_empty());
    }

    #[test]
    fn ten_thousand_clients_may_cost_a_tenth_more() {
        let of_many = |value| {
            let relay = samples("saturation", "fanout", 10_000, &[value]);
            [relay, samples("saturation", "send-floor", 10_000, &[1.0])].concat()
        };
        assert_eq!(verdicts(&of_many(0.95), "per CPU second"), [true]);
        assert_eq!(verdicts(&of_many(0.85), "per CPU second"), [false]);
    }

    #[test]
    fn stalled_clients_are_compared_with_the_readers_alone() {
        let with = samples("half-stalled-skip", "fanout", 200, &[0.8]);
        let without = samples("half-stalled-skip-base", "fanout", 100, &[1.0]);
        assert_eq!(
            verdicts(&[with.clone(), without].concat(), "deliveries per second"),
            [false]
        );
        let others = samples("half-stalled-skip-base", "fanout", 400, &[1.0]);
        assert!(verdicts(&[with, others].concat(), "deliveries per second").is_empty());
    }
}
