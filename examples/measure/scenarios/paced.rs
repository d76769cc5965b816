//! A steady rate far below saturation: what does one delivery cost, and how old is a frame when it is read?

use clap::Args;

use crate::Fallible;
use crate::compare::{Arm, Comparison, measure_pairs};
use crate::frame::FRAME_SIZE;
use crate::rig::{Bench, Kind, Load};
use crate::table::{Finding, print_columns};
use crate::window::Window;

#[derive(Debug, Args)]
pub(crate) struct PacedOptions {
    /// Frames in a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// How many clients
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Bytes that the floor asks for with one read
    #[arg(long, default_value_t = FRAME_SIZE)]
    block: usize,
}

pub(crate) fn run(bench: &Bench, options: &PacedOptions) -> Fallible<Vec<Finding>> {
    let &PacedOptions {
        rate,
        clients,
        block,
    } = options;
    println!("{rate} frames a second to {clients} clients");
    let load = Load::readers(rate, clients);
    let floor = Arm {
        name: "floor",
        kind: Kind::Floor { block },
        load: load.clone(),
    };
    let relay = Arm {
        name: "relay",
        kind: bench.candidate(&["--linger=0"], block),
        load,
    };
    let pairs = measure_pairs(bench, &floor, &relay)?;
    let cost = Comparison::of(&pairs, Window::cpu_ns_per_delivery);
    let p50 = Comparison::of(&pairs, Window::p50_us);
    let p99 = Comparison::of(&pairs, Window::p99_us);
    let mut rows = vec![HEAD.map(String::from)];
    let lines = [
        ("CPU ns per delivery", &cost),
        ("p50 us", &p50),
        ("p99 us", &p99),
    ];
    for (name, comparison) in lines {
        let [base, other, ratio] = comparison.cells(0);
        rows.push([name.to_owned(), base, other, ratio]);
    }
    print_columns(&rows);
    let what = format!("{rate} frames/s to {clients} clients");
    Ok(vec![
        Finding {
            what: what.clone(),
            demand: "CPU per delivery at most 1.05 of the floor's".to_owned(),
            figure: format!("{:.0} ns, ratio {:.2}", cost.other, cost.ratio),
            is_met: cost.ratio.median <= 1.05,
        },
        Finding {
            what,
            demand: "p99 at most 1.20 of the floor's".to_owned(),
            figure: format!("{:.0} us, ratio {:.2}", p99.other, p99.ratio),
            is_met: p99.ratio.median <= 1.20,
        },
    ])
}

const HEAD: [&str; 4] = ["", "floor", "relay", "relay / floor"];
