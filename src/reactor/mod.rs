//! How the program meets the kernel: one poll over the upstream, the listeners, the signals and
//! all clients.
//!
//! Layer: reactor, the upper room, and thin. The only code that names mio and socket2. It asks
//! the kernel what is ready and calls the verbs of [`crate::relay`]; what a frame, a lag or a slow
//! client is, it does not know.
//!
//! To read it in ten minutes: `server.rs` (the turn), `token.rs`, `accept.rs`, `upstream.rs`,
//! `orders.rs`, `clock.rs`. The rest is opening, options, words and other threads.

mod accept;
mod admin;
mod clock;
mod effective;
mod handle;
mod inherited;
mod inlet;
mod listener;
mod notify;
mod openings;
mod orders;
mod process;
mod report;
mod resolver;
mod server;
mod setup;
mod signals;
mod socket;
mod stream;
mod token;
mod unix_socket;
mod upstream;

pub use effective::{ListenerSetup, Setup};
pub use handle::Handle;
pub use inherited::Inherited;
pub use server::Server;
