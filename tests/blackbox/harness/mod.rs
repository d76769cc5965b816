//! What the tests share: the program as a process, server A, and clients that check what they read.
//!
//! Nothing in here sleeps. Everything waits for a fact and gives up after [`DEADLINE`], which is long, because a test
//! must not fail for the slowness of a machine.

mod connect;
pub(crate) mod fanout;
pub(crate) mod frame;
pub(crate) mod launch;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod manager;
pub(crate) mod passing;
pub(crate) mod place;
pub(crate) mod reader;
pub(crate) mod scene;
#[cfg(target_os = "linux")]
pub(crate) mod system;
pub(crate) mod upstream;
pub(crate) mod wait;

pub(crate) use fanout::{Fanout, arguments};
pub(crate) use launch::Launch;
pub(crate) use place::Place;
pub(crate) use reader::{End, Reader, all_expect, all_reset};
pub(crate) use scene::Scene;
pub(crate) use upstream::{Feed, Upstream};

use std::time::Duration;

/// How long a test waits for a fact.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The frame size that the program assumes.
pub(crate) const FRAME_SIZE: usize = 1024;
