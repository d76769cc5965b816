//! How the admin endpoint speaks: what is shown of the program, as JSON and as metrics.
//!
//! Layer: admin, a room beside the relay. Pure: no poll, no socket, no clock, no log, no thread.
//! Owns the names that others read the program by: keys, metrics, labels. Knows nothing of where
//! the values come from: they are handed in as plain structs, and text comes out.

pub mod exposition;
pub mod metrics;
pub mod query;
pub mod view;
