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
//! std::thread::spawn(move || {
//!     std::thread::sleep(std::time::Duration::from_secs(60));
//!     println!("{} frames in the first minute", handle.stats().frames);
//!     handle.drain();
//! });
//! server.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! What happens to clients and upstreams is said through the [`log`] crate: without a logger of
//! the embedding program it is not seen. Without the default feature `cli`, the library does not
//! bring the dependencies of the binary.
//!
//! Two rooms with a one-way door: `reactor` meets the kernel and calls down into [`relay`], which
//! is pure and does what the program is for. What is named at this level is the interface to rely
//! on; the rest of [`relay`], and [`admin`] beside it, which is how the admin endpoint speaks, are
//! public so that they can be studied and tested, and may change.

pub mod admin;
mod config;
mod error;
mod reactor;
pub mod relay;

pub use config::{
    AdminConfig, Config, ConfigError, HostPort, ListenAddress, ListenerConfig, UnixPath,
    UpstreamAddress,
};
pub use error::Error;
pub use ipnet::IpNet;
pub use reactor::{Handle, Inherited, ListenerSetup, Server, Setup};
#[doc(inline)]
pub use relay::admission::Refusal;
#[doc(inline)]
pub use relay::departure::Reason;
#[doc(inline)]
pub use relay::policy::{SlowPolicy, UnknownPolicy};
#[doc(inline)]
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
