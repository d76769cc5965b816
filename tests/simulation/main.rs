//! The simulator: the code that decides, driven through the verbs that the reactor calls, over a made-up kernel.
//!
//! A run is made of one seed: what the server is told to do, what clients, server A, the network and the machine do,
//! and what goes wrong. After every verb the books are audited; when the faults end, everything that can be sent must
//! be sent. `FANOUT_SEED=7` repeats one run and tells it step by step; `FANOUT_SEEDS=200000` makes so many of them.
//!
//! ```sh
//! FANOUT_SEEDS=200000 cargo test --release --test simulation -- --nocapture
//! ```

mod acts;
mod audit;
mod books;
mod client;
mod content;
mod dialler;
mod dialling;
mod dice;
mod events;
mod gates;
mod parting;
mod punctuality;
mod regressions;
mod rest;
mod sights;
mod trace;
mod turn;
mod upstream;
mod weather;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use dice::Dice;
use sights::Sights;
use world::World;

/// Runs, unless the environment says otherwise.
const SEEDS: u64 = 2000;

/// Things that happen in each of them, at least.
const STEPS: u64 = 2000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
    )
}

/// One run; says how many steps it took until the faults ended. When the server ends by itself before that, another one
/// begins.
fn live(seed: u64, is_traced: bool, sights: &mut Sights) -> u64 {
    let mut steps = 0;
    for life in 0.. {
        let dice = Dice::seeded(seed.wrapping_mul(1000).wrapping_add(life));
        let mut world = World::new(dice, is_traced);
        world.run(STEPS - steps);
        steps += world.lived;
        sights.turns += world.turns;
        sights.at_rest += world.steps - world.lived;
        sights.add(&world);
        if steps >= STEPS {
            break;
        }
    }
    steps
}

#[test]
fn whatever_goes_wrong_every_promise_is_kept_and_in_the_end_everybody_has_everything() {
    if let Some(seed) = number("FANOUT_SEED") {
        live(seed, true, &mut Sights::default());
        return;
    }
    let seeds = number("FANOUT_SEEDS").unwrap_or(SEEDS);
    let (next, steps, has_failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let all = Mutex::new(Sights::default());
    let work = || {
        let mut sights = Sights::default();
        while !has_failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let life = AssertUnwindSafe(|| live(seed, false, &mut sights));
            if let Ok(count) = catch_unwind(life) {
                steps.fetch_add(count, Ordering::Relaxed);
            } else {
                println!("FANOUT_SEED={seed} fails: that repeats it, step by step");
                has_failed.store(true, Ordering::Relaxed);
            }
        }
        all.lock().expect("no other panics").join(&sights);
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (steps, seconds) = (steps.into_inner(), start.elapsed().as_secs_f64());
    assert!(!has_failed.into_inner(), "a seed fails");
    assert!(steps >= seeds * STEPS, "every run takes its steps");
    let all = all.into_inner().expect("no thread panics");
    if seeds >= SEEDS {
        all.check();
    }
    let (turns, at_rest) = (all.turns, all.at_rest);
    println!(
        "{seeds} seeds in {seconds:.1} s on {threads} threads: {steps} steps among faults, {at_rest} while it came to \
         rest, {turns} turns"
    );
}
