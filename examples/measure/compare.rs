//! Two arms measured in turn: one, other, one, other, ... so that whatever else the machine does meets both alike.

use crate::Fallible;
use crate::rig::{Bench, Kind, Load};
use crate::table::Spread;
use crate::window::Window;

/// One side of a comparison.
pub(crate) struct Arm {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) load: Load,
}

/// Neighbours in time: the base's window and the other's.
pub(crate) type Pair = (Window, Window);

/// Measures both arms as often as the bench says.
pub(crate) fn measure_pairs(bench: &Bench, base: &Arm, other: &Arm) -> Fallible<Vec<Pair>> {
    let mut pairs = Vec::with_capacity(bench.repetitions);
    for repetition in 1..=bench.repetitions {
        let pair = (
            measure_arm(bench, base, repetition)?,
            measure_arm(bench, other, repetition)?,
        );
        pairs.push(pair);
    }
    Ok(pairs)
}

fn measure_arm(bench: &Bench, arm: &Arm, repetition: usize) -> Fallible<Window> {
    let window = bench.measure(&arm.kind, &arm.load)?;
    let skipped = if arm.load.may_skip {
        format!(", skipped {:.2} %", window.skipped_percent())
    } else {
        String::new()
    };
    let latency = match arm.load.rate {
        0 => String::new(),
        _ => format!(
            ", p50 {:.0} us, p99 {:.0} us",
            window.p50_us(),
            window.p99_us()
        ),
    };
    println!(
        "  {repetition} {:<16}{:8.3} M deliveries per CPU second, {:9.1} k per second, \
         busy {:5.1} %, strangers {:.0} %{skipped}{latency}",
        arm.name,
        window.millions_per_cpu_second(),
        window.thousands_per_second(),
        window.busy_percent(),
        window.strangers_percent(),
    );
    Ok(window)
}

/// One figure of both arms, and the spread of the ratios of each pair.
pub(crate) struct Comparison {
    pub(crate) base: Spread,
    pub(crate) other: Spread,
    pub(crate) ratio: Spread,
}

impl Comparison {
    /// Compares one figure of the windows.
    pub(crate) fn of(pairs: &[Pair], figure: impl Fn(&Window) -> f64) -> Self {
        Self {
            base: Spread::of(pairs.iter().map(|pair| figure(&pair.0))),
            other: Spread::of(pairs.iter().map(|pair| figure(&pair.1))),
            ratio: Spread::of(pairs.iter().map(|pair| figure(&pair.1) / figure(&pair.0))),
        }
    }

    /// Cells of a table: base, other, ratio.
    pub(crate) fn cells(&self, digits: usize) -> [String; 3] {
        let Self { base, other, ratio } = self;
        [
            format!("{base:.digits$}"),
            format!("{other:.digits$}"),
            format!("{ratio:.2}"),
        ]
    }
}
