//! Source as fast as it can, all clients reading, nothing lost: how much does one CPU second deliver?

use clap::Args;

use crate::Fallible;
use crate::compare::{Arm, Comparison, measure_pairs};
use crate::rig::{Bench, Kind, Load};
use crate::table::{Finding, print_columns};
use crate::window::Window;

#[derive(Debug, Args)]
pub(crate) struct SaturationOptions {
    /// How many clients; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    clients: Vec<usize>,
    /// Bytes that the floor asks for with one read
    #[arg(long, default_value_t = 64 * 1024)]
    block: usize,
}

pub(crate) fn run(bench: &Bench, options: &SaturationOptions) -> Fallible<Vec<Finding>> {
    let mut rows = vec![HEAD.map(String::from)];
    let mut findings = Vec::new();
    for &clients in &options.clients {
        println!("{clients} clients, flat out");
        let load = Load::readers(0, clients);
        let floor = Arm {
            name: "floor",
            kind: Kind::Floor {
                block: options.block,
            },
            load: load.clone(),
        };
        let relay = Arm {
            name: "relay",
            kind: bench.candidate(&["--slow=wait"], options.block),
            load,
        };
        let pairs = measure_pairs(bench, &floor, &relay)?;
        let rate = Comparison::of(&pairs, Window::millions_per_cpu_second);
        let busy = Comparison::of(&pairs, Window::busy_percent);
        let [base, other, ratio] = rate.cells(2);
        let busy = format!("{:.0}, {:.0}", busy.base.median, busy.other.median);
        rows.push([clients.to_string(), base, other, ratio, busy]);
        findings.push(Finding {
            what: format!("saturation, {clients} clients"),
            demand: "deliveries per CPU second at least the floor's".to_owned(),
            figure: format!("{:.2} M, ratio {:.2}", rate.other, rate.ratio),
            is_met: rate.ratio.median >= 1.0,
        });
    }
    print_columns(&rows);
    Ok(findings)
}

const HEAD: [&str; 5] = [
    "clients",
    "floor, M deliveries per CPU second",
    "relay, M deliveries per CPU second",
    "relay / floor",
    "core busy %, floor and relay",
];
