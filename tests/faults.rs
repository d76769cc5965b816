//! Faults at every system call of the running program: whatever the kernel answers, the guilty client leaves and nobody
//! else, or nobody at all.
//!
//! strace makes the n-th call of a kind fail with an error of the tester's choice, for every error of a table and for n
//! from 1 on. The call is not made. Errors only: a short count made up by the tracer would claim bytes that were never
//! moved.
//!
//! What a running program does is tested by attaching to it, one thread and one rule at a time: the count then begins
//! where the test says, signals go to the program as ever, and one program serves many rules. To attach is a fault as
//! well: it interrupts the poll. What the program does while it starts is tested by starting it under strace.
//!
//! Needs strace and the right to trace (root, or `kernel.yama.ptrace_scope` at 0). Without them the tests say that they
//! are skipped; where `CI` is set, they fail.

#![cfg(target_os = "linux")]

#[path = "faults/accepting.rs"]
mod accepting;
#[path = "faults/case.rs"]
mod case;
#[path = "faults/crew.rs"]
mod crew;
#[path = "blackbox/harness/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of another suite, of which this one needs a part"
)]
mod harness;
#[path = "faults/lagging.rs"]
mod lagging;
#[path = "faults/logging.rs"]
mod logging;
#[path = "faults/options.rs"]
mod options;
#[path = "faults/polling.rs"]
mod polling;
#[path = "faults/reading.rs"]
mod reading;
#[path = "faults/redialling.rs"]
mod redialling;
#[path = "faults/signals.rs"]
mod signals;
#[path = "faults/starting.rs"]
mod starting;
#[path = "faults/stopping.rs"]
mod stopping;
#[path = "faults/strace.rs"]
mod strace;
#[path = "faults/writing.rs"]
mod writing;
