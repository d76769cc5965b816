//! Half of the clients stop reading, policy `skip`: do the others notice? The base is the relay without the stalled.

use clap::Args;

use crate::Fallible;
use crate::compare::{Arm, Comparison, measure_pairs};
use crate::rig::{Bench, Load};
use crate::table::{Finding, print_columns};
use crate::window::Window;

#[derive(Debug, Args)]
pub(crate) struct HalfStalledOptions {
    /// How many clients, the stalled half included
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// Frames in a second, 0 for flat out; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 0])]
    rate: Vec<u64>,
    /// Frames that a client may lag: small, so that the stalled ones are skipped ahead again and again
    #[arg(long, default_value_t = 1024)]
    backlog: u64,
}

pub(crate) fn run(bench: &Bench, options: &HalfStalledOptions) -> Fallible<Vec<Finding>> {
    let mut rows = vec![HEAD.map(String::from)];
    let mut findings = Vec::new();
    for &rate in &options.rate {
        let name = if rate == 0 {
            "flat out".to_owned()
        } else {
            format!("{rate} frames/s")
        };
        println!(
            "{name} to {} clients, half of them stalled",
            options.clients
        );
        let pairs = measure(bench, options, rate)?;
        let throughput = Comparison::of(&pairs, Window::thousands_per_second);
        let efficiency = Comparison::of(&pairs, Window::millions_per_cpu_second);
        let p99 = Comparison::of(&pairs, Window::p99_us);
        let what = format!("half of {} stalled, {name}", options.clients);
        push_row(&mut rows, &what, "k deliveries per second", &throughput);
        push_row(&mut rows, &what, "M deliveries per CPU second", &efficiency);
        findings.push(Finding {
            what: what.clone(),
            demand: "the readers' throughput at least 0.90 of that without".to_owned(),
            figure: format!("{:.1} k/s, ratio {:.2}", throughput.other, throughput.ratio),
            is_met: throughput.ratio.median >= 0.90,
        });
        if rate > 0 {
            push_row(&mut rows, &what, "p99 us", &p99);
            findings.push(Finding {
                what,
                demand: "the readers' p99 at most 1.10 of that without".to_owned(),
                figure: format!("{:.0} us, ratio {:.2}", p99.other, p99.ratio),
                is_met: p99.ratio.median <= 1.10,
            });
        }
    }
    print_columns(&rows);
    Ok(findings)
}

fn measure(
    bench: &Bench,
    options: &HalfStalledOptions,
    rate: u64,
) -> Fallible<Vec<(Window, Window)>> {
    let backlog = format!("--backlog={}", options.backlog);
    // Stalled clients are to stay: here they are the load, not the fault.
    let kind = bench.fanout(&["--slow=skip", "--stall-timeout=0", &backlog])?;
    let stalled = options.clients / 2;
    let base = Load {
        may_skip: true,
        // Fills the stalled clients' kernel buffers and their backlog, so that skipping is under way when measured.
        opening_burst: options.backlog * BURST_BACKLOGS,
        ..Load::readers(rate, options.clients - stalled)
    };
    let loaded = Load {
        stalled,
        ..base.clone()
    };
    let without = Arm {
        name: "without stalled",
        kind: kind.clone(),
        load: base,
    };
    let with = Arm {
        name: "with stalled",
        kind,
        load: loaded,
    };
    measure_pairs(bench, &without, &with)
}

fn push_row(rows: &mut Vec<[String; 5]>, what: &str, unit: &str, comparison: &Comparison) {
    let [base, other, ratio] = comparison.cells(2);
    rows.push([what.to_owned(), unit.to_owned(), base, other, ratio]);
}

const HEAD: [&str; 5] = [
    "readers of",
    "unit",
    "without stalled",
    "with stalled",
    "with / without",
];

/// Backlogs that the opening burst sends: the first fills the kernel's buffers, the second the backlog, two to spare.
const BURST_BACKLOGS: u64 = 4;
