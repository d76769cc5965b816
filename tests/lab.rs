//! The laboratory's own instruments as black boxes: `frame-source` and `frame-sink` against each other, against the
//! relay, and each against a server or a client that the test plays.
//!
//! An instrument that does not see what it is made to see makes every figure worthless, so most of this is about what
//! goes wrong on purpose. Nothing sleeps: a test waits for a fact, with a deadline that only a broken program reaches.

#[path = "lab/arguments.rs"]
mod arguments;
#[path = "lab/clients.rs"]
mod clients;
#[path = "lab/conduct.rs"]
mod conduct;
#[path = "lab/dialects.rs"]
mod dialects;
#[path = "lab/endings.rs"]
mod endings;
#[path = "lab/faults.rs"]
mod faults;
#[path = "../examples/lab/frame.rs"]
#[allow(dead_code, reason = "sizes are parsed by the programs")]
mod frame;
#[path = "lab/orders.rs"]
mod orders;
#[path = "lab/program.rs"]
mod program;
#[path = "lab/relayed.rs"]
mod relayed;
#[path = "lab/scene.rs"]
mod scene;
#[path = "lab/socket.rs"]
mod socket;

use std::time::Duration;

/// How long a test waits for a fact.
const DEADLINE: Duration = Duration::from_secs(30);
