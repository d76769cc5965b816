//! Scripts for the simulator: every choice of a run is a byte of the input, so that whatever finds a new path through
//! the server is kept and varied.
//!
//! The same world, acts and books as in `tests/simulation`; only where chance comes from is different.

#![no_main]

#[path = "../../simulation/acts.rs"]
mod acts;
#[path = "../../simulation/audit.rs"]
mod audit;
#[path = "../../simulation/books.rs"]
mod books;
#[path = "../../simulation/client.rs"]
mod client;
#[path = "../../simulation/content.rs"]
mod content;
#[path = "../../simulation/dialler.rs"]
mod dialler;
#[path = "../../simulation/dialling.rs"]
mod dialling;
#[path = "../../simulation/dice.rs"]
mod dice;
#[path = "../../simulation/events.rs"]
mod events;
#[path = "../../simulation/gates.rs"]
mod gates;
#[path = "../../simulation/parting.rs"]
mod parting;
#[path = "../../simulation/punctuality.rs"]
mod punctuality;
#[path = "../../simulation/rest.rs"]
mod rest;
#[path = "../../simulation/trace.rs"]
mod trace;
#[path = "../../simulation/turn.rs"]
mod turn;
#[path = "../../simulation/upstream.rs"]
mod upstream;
#[path = "../../simulation/weather.rs"]
mod weather;
#[path = "../../simulation/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

/// More than a script of the greatest length comes to.
const STEPS: u64 = 20_000;

fuzz_target!(|script: &[u8]| {
    // Tells the steps of a script that was found: see the script `run`.
    let is_traced = std::env::var_os("FUZZ_TRACE").is_some();
    world::World::new(dice::Dice::scripted(script), is_traced).run(STEPS);
});
