//! One upstream TCP stream of fixed-length frames in, any number of clients out.
//!
//! The upstream serves one client only; this is that client, and gives every frame to any number
//! of clients of its own. One thread runs a readiness reactor by hand: one poll over the upstream
//! socket, the listeners, the signals and all clients.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = fanout::Config::new("127.0.0.1:1234".parse()?);
//! let server = fanout::Server::bind(&config)?;
//! println!("clients connect to {:?}", server.local_addrs());
//!
//! let handle = server.handle();
//! let running = std::thread::spawn(move || server.run());
//! println!("{} frames so far", handle.stats().frames);
//! handle.drain();
//! running.join().expect("the server does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! Two rooms with a one-way door: `reactor` meets the kernel and calls down into [`relay`], which
//! is pure and does what the program is for. The limits of every loop and queue are in
//! [`relay::limits`].

mod config;
mod error;
mod reactor;
pub mod relay;

pub use config::{Config, ConfigError, HostPort, ListenerConfig};
pub use error::Error;
pub use reactor::{Handle, Server};
pub use relay::admission::Refusal;
pub use relay::departure::Reason;
pub use relay::policy::{SlowPolicy, UnknownPolicy};
pub use relay::stats::Stats;

/// Raises the soft descriptor limit of this process to the hard one, and says what it is now.
///
/// The limit decides how many clients a [`Server`] can have; it is read by [`Server::bind`]. On
/// macOS the limit is clamped to `kern.maxfilesperproc`.
///
/// # Errors
/// When the system refuses.
pub fn raise_descriptor_limit() -> std::io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}
