//! Two runs of the same: do the medians of the ratios agree?
//!
//! Absolute figures of two days have little to do with each other; ratios to the yardstick are what the claims are made
//! of, so these are what has to be found again.

use std::process::ExitCode;

use crate::Fallible;
use crate::record::{Finding, Report};
use crate::report::{BASELINE, Figure, Ratio, Section};

/// Prints what both reports have. The exit code says whether they agree.
pub(crate) fn run(first: &Report, second: &Report) -> Fallible<ExitCode> {
    let (lines, finding) = compare(first, second);
    let finding = finding.ok_or("the reports have no ratio in common")?;
    for line in lines {
        println!("{line}");
    }
    let verdict = if finding.is_met { "met" } else { "NOT MET" };
    println!(
        "{}: {}, {verdict}: {}",
        finding.what, finding.demand, finding.figure
    );
    Ok(if finding.is_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The ratios that are in both reports, as lines to print, and the finding.
fn compare(first: &Report, second: &Report) -> (Vec<String>, Option<Finding>) {
    let second = medians(second);
    let mut lines = Vec::new();
    let mut differences = Vec::new();
    for (what, median) in medians(first) {
        let Some((_, again)) = second.iter().find(|(other, _)| *other == what) else {
            continue;
        };
        let difference = (again / median - 1.0) * 100.0;
        lines.push(format!(
            "{what}: {median:.3}, then {again:.3}, {difference:+.1} %"
        ));
        differences.push((difference.abs(), what));
    }
    let finding = finding(&differences);
    (lines, finding)
}

fn finding(differences: &[(f64, String)]) -> Option<Finding> {
    let (worst, where_worst) = differences
        .iter()
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let close = differences
        .iter()
        .filter(|(difference, _)| *difference <= MOST_PERCENT)
        .count();
    Some(Finding {
        what: "a run repeated: medians of the ratios".to_owned(),
        demand: format!("within {MOST_PERCENT} % of each other"),
        figure: format!(
            "{close} of {} are; the worst, {where_worst}, differs by {worst:.1} %",
            differences.len()
        ),
        is_met: close == differences.len(),
    })
}

/// What was measured, and the median of its ratios to the yardstick.
fn medians(report: &Report) -> Vec<(String, f64)> {
    let sections = Section::all(&report.samples);
    let mut found = Vec::new();
    for section in &sections {
        for row in section.rows.iter().filter(|row| row.server != BASELINE) {
            let ratio = Ratio::of(&row.samples, section.baseline(row), PER_CPU);
            if let Some(spread) = ratio.spread {
                found.push((
                    format!("{}, {}, {}", section.scenario, section.load, row.name()),
                    spread.median,
                ));
            }
        }
    }
    found
}

const PER_CPU: Figure = |figures| Some(figures.deliveries_per_cpu_second);

/// How far medians of two runs may differ.
const MOST_PERCENT: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Machine, Settings};
    use crate::report::made_up::sample;

    fn report(relay: f64, floor: f64) -> Report {
        let samples = [("fanout", relay), ("send-floor", floor)].map(|(server, value)| {
            let mut sample = sample("saturation", server, 10, 1);
            sample.figures.deliveries_per_cpu_second = value;
            sample
        });
        Report {
            machine: Machine::default(),
            settings: Settings::default(),
            samples: samples.into(),
            skipped: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_machine_twice_as_fast_changes_no_ratio() {
        let (lines, finding) = compare(&report(2.0, 1.0), &report(4.0, 2.0));
        assert_eq!(lines.len(), 1);
        assert!(finding.expect("there is a ratio in both").is_met);
    }

    #[test]
    fn a_ratio_that_moves_by_more_is_no_repetition() {
        let (_, finding) = compare(&report(2.0, 1.0), &report(2.3, 1.0));
        let finding = finding.expect("there is a ratio in both");
        assert!(!finding.is_met, "{}", finding.figure);
        assert!(finding.figure.starts_with("0 of 1"), "{}", finding.figure);
    }

    #[test]
    fn nothing_in_common_is_no_finding() {
        let mut other = report(2.0, 1.0);
        other.samples.clear();
        assert!(compare(&report(2.0, 1.0), &other).1.is_none());
    }
}
