//! Networks that fail, and the real binary between them: hosts that vanish, links that go down, lines that lose or
//! crawl, windows that stay closed, names that do not resolve.
//!
//! Each test has a network of its own: two network namespaces and a cable between them (`network/network.rs`), in a
//! process of its own (`network/ground.rs`). The program runs on the near side; server A and the clients, which the
//! test plays, on the far side. Nothing of the machine's own network is touched, and nothing outlives the test.
//!
//! Most of these tests wait for timers of the kernel, up to half a minute, so the first to be run starts all that were
//! asked for, side by side. Nothing sleeps: a test waits for a fact, with a deadline. Where the fact is that nothing
//! happens for a while, it says so.
//!
//! It takes `unshare`, `ip`, `tc` and `nft`, and a system that lets this user make namespaces. Where that is missing
//! the tests are skipped, with a line that says so; where `CI` is set, they fail.

#![cfg(target_os = "linux")]

#[path = "network/ground.rs"]
mod ground;
#[allow(
    dead_code,
    unused_imports,
    reason = "it is made for the black-box tests, and has more than is needed here"
)]
#[path = "blackbox/harness/mod.rs"]
mod harness;
#[path = "network/lossy.rs"]
mod lossy;
#[path = "network/names.rs"]
mod names;
#[path = "network/network.rs"]
mod network;
#[path = "network/resolver.rs"]
mod resolver;
#[path = "network/slow.rs"]
mod slow;
#[path = "network/stage.rs"]
mod stage;
#[path = "network/stuck.rs"]
mod stuck;
#[path = "network/upstreams.rs"]
mod upstreams;
#[path = "network/vanished.rs"]
mod vanished;
