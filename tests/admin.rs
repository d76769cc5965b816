//! The admin endpoint of the real program, over real sockets: what it answers and what it refuses, its numbers against
//! what a test has sent and read, what becomes of everybody else while it is abused, and what Prometheus makes of it.
//!
//! Nothing sleeps: a test waits for a fact, with a deadline. Where the fact is that nothing happens for a while, it
//! says so. How long an answer takes is printed; a test fails only when none comes.
//!
//! Two tests need `prometheus` and `promtool`. Where they are missing these tests are skipped, with a line that says
//! so; where `CI` is set, they fail.

#![cfg(target_os = "linux")]

#[path = "admin/abuse.rs"]
mod abuse;
#[path = "admin/abusers.rs"]
mod abusers;
#[path = "admin/books.rs"]
mod books;
#[path = "admin/conversations.rs"]
mod conversations;
#[path = "admin/crowd.rs"]
mod crowd;
#[path = "admin/departures.rs"]
mod departures;
#[path = "admin/doors.rs"]
mod doors;
#[path = "admin/figures.rs"]
mod figures;
#[path = "admin/folder.rs"]
mod folder;
#[path = "blackbox/harness/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of another suite, of which this one needs a part"
)]
mod harness;
#[path = "admin/http.rs"]
mod http;
#[path = "admin/idle.rs"]
mod idle;
#[path = "admin/listings.rs"]
mod listings;
#[path = "admin/numbers.rs"]
mod numbers;
#[path = "admin/paths.rs"]
mod paths;
#[path = "admin/play.rs"]
mod play;
#[path = "admin/prometheus.rs"]
mod prometheus;
#[path = "admin/readiness.rs"]
mod readiness;
#[path = "admin/requests.rs"]
mod requests;
#[path = "admin/scraping.rs"]
mod scraping;
#[path = "admin/series.rs"]
mod series;
#[path = "blackbox/cases/tools.rs"]
#[allow(
    dead_code,
    reason = "the tools of another suite, of which this one needs a part"
)]
mod tools;
#[path = "admin/watched.rs"]
mod watched;
