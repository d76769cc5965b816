//! The cases of a reliability study that are decided on real sockets, each as its row demands it: the stimulus in full
//! size, and counters that are exact.
//!
//! Where a row names milliseconds, the test waits for the fact instead: a busy machine is no fault of the program.

#[cfg(target_os = "linux")]
mod attached;
#[cfg(target_os = "linux")]
mod calls;
mod chatter;
#[cfg(target_os = "linux")]
mod crowds;
mod endings;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod network;
mod refusals;
#[cfg(target_os = "linux")]
mod starting;
#[cfg(target_os = "linux")]
mod stops;
pub(crate) mod tools;
#[cfg(target_os = "linux")]
mod turns;
#[cfg(target_os = "linux")]
mod unread;
mod upstreams;

use crate::harness::{Scene, line};

/// A counter of the program, as of now.
#[track_caller]
fn counter(scene: &Scene, key: &str) -> u64 {
    line::number(&scene.fanout.stats(), key)
}
