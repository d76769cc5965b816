//! The relay, offline: fake sockets with an edge-triggered kernel behind them, and a clock that
//! stands still until a test moves it.
//!
//! `fake.rs` has the sockets, `rig.rs` runs turns in the order in which the reactor does, and
//! `audit.rs` checks after every one of them that the books balance. The other files are claims.
//!
//! Random runs print their seed; `FANOUT_SEED=n` repeats one of them alone, and `FANOUT_SEEDS=n` makes
//! so many of them at the most.

mod audit;
mod chaos;
mod core;
mod deadlines;
mod dialled;
mod drain;
mod entrance;
mod fake;
mod hearing;
mod intake;
mod joining;
mod line;
mod linger;
mod listing;
mod order;
mod rig;
mod scene;
mod seats;
mod skipping;
mod slow;
mod standing;
mod upstream;
mod views;
mod writing;

use std::ops::Range;
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn just_before(at: Duration) -> Duration {
    at.saturating_sub(MS(1))
}

/// The frame with this number: no two of the first 65,536 are alike if a frame has two bytes.
fn frame(number: u64, size: usize) -> Vec<u8> {
    (0..size).map(|offset| frame_byte(number, offset)).collect()
}

fn frame_byte(number: u64, offset: usize) -> u8 {
    number.to_le_bytes()[offset % 8] ^ (offset * 37).to_le_bytes()[0]
}

/// The frames with these numbers, one behind the other.
fn frames(numbers: Range<u64>, size: usize) -> Vec<u8> {
    numbers.flat_map(|number| frame(number, size)).collect()
}

/// The seeds of a random run: `count` of them, or fewer if `FANOUT_SEEDS` says so, or the one in `FANOUT_SEED`.
fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let number = |variable| {
        let text = std::env::var(variable).ok();
        text.map(|text| text.parse().expect("a seed and a count are numbers"))
    };
    let most: u64 = number("FANOUT_SEEDS").unwrap_or(count);
    let seeds = number("FANOUT_SEED").map_or(0..count.min(most), |seed| seed..seed + 1);
    seeds.inspect(|seed| println!("FANOUT_SEED={seed}"))
}
