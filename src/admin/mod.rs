//! How the admin endpoint speaks: a request comes in, an answer goes out, the connection ends.
//!
//! Layer: admin, a room beside the relay. Pure like it: no poll, no socket, no clock, no log, no
//! thread. It is generic over `Read` and `Write`, time comes in as `now` (a `Duration` since the
//! start of the caller's clock), and the next deadline comes out. Owns two things: the promise that
//! nothing which is sent to the endpoint stops, bloats or spins the server (every length, number and
//! time has its limit in [`limits`]), and the names that others read the program by: keys, metrics,
//! labels. Knows nothing of `reactor`, which drives it once a turn and in this order: note, advance,
//! answer what is asked, shut down, reap.
//!
//! ```text
//!   bytes ──▶ head, origin ──▶ Request ──▶ (the reactor fills a view) ──▶ metrics, view ──▶ Response ──▶ bytes
//!   └───────── connection, connections, reception: when, how many, how long, whose turn ────────────────┘
//! ```

pub mod connection;
pub mod connections;
pub mod exposition;
pub mod head;
pub mod limits;
pub mod metrics;
pub mod origin;
pub mod query;
pub mod reception;
pub mod response;
pub mod view;

#[cfg(test)]
mod tests;
