//! The program as a black box: the binary itself, over real loopback sockets, held against the contract.
//!
//! Server A and the clients are played by the test, and every frame can be checked. Nothing sleeps: a test waits for a
//! fact, with a deadline that only a broken program reaches. Where something must not happen, the test waits for
//! something that comes after it.

mod activation;
mod addresses_unix;
mod admission;
mod arguments;
mod cases;
mod check;
mod clients;
mod clients_unix;
mod cost;
mod demo;
mod endings;
mod environment;
mod faults;
mod harness;
mod linger;
mod listeners;
mod log_lines;
mod options;
mod pages;
mod policies;
mod policies_unix;
mod promises;
mod reconnect;
mod regressions;
mod service;
mod signals;
mod stderr;
mod stdin;
mod upstream_unix;
mod upstreams;
#[cfg(target_os = "linux")]
mod windows;
