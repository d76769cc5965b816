//! Fuzz target: what comes out of the frame log and its backlogs is what a naive model says, whatever happens in
//! whatever order.
//!
//! The input is a script: the sizes of a log, and steps such as a read that is cut short, a publication, a lost
//! upstream, a client that joins, is offered bytes, is skipped ahead. The model keeps every byte for ever and counts in
//! frames; after each step everything that can be asked must be answered alike.

#![no_main]

#[path = "framing/client_model.rs"]
mod client_model;
#[path = "framing/kernel.rs"]
mod kernel;
#[path = "framing/log_model.rs"]
mod log_model;
#[path = "framing/script.rs"]
mod script;
#[path = "framing/stage.rs"]
mod stage;

use libfuzzer_sys::fuzz_target;

use script::Script;
use stage::Stage;

fuzz_target!(|script: Script| {
    let mut stage = Stage::set(&script.sizes);
    for step in &script.steps {
        stage.play(step);
        stage.check();
    }
    stage.finish();
});
