//! Signals: read from a pipe in the same poll, so that no work is done in a handler.
//!
//! Layer: reactor. Owns what each signal asks for, and the rule that a handler writes one byte to
//! a pipe and nothing else. Knows nothing of how an order is carried out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mio::{Interest, Registry};
use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_mio::v1_0::Signals;

use super::token::Role;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// SIGTERM, SIGINT: drain; a second time: stop now.
    Stop,
    /// SIGUSR1: print all counters.
    PrintStats,
}

/// The signals that the server heeds. SIGPIPE is not among them: Rust's runtime ignores it before
/// `main`, and a write to a closed connection fails with EPIPE instead.
pub(super) struct SignalPipe {
    signals: Signals,
    /// Something may be in the pipe: set by an event, cleared by emptying it.
    noted: bool,
}

impl SignalPipe {
    /// Installs the handlers and registers the pipe. SIGCONT sets `continued` and asks for
    /// nothing.
    pub(super) fn open(registry: &Registry, continued: Arc<AtomicBool>) -> io::Result<Self> {
        signal_hook::flag::register(SIGCONT, continued)?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
        registry.register(&mut signals, Role::Signals.into(), Interest::READABLE)?;
        Ok(Self {
            signals,
            // A signal may have come before the pipe was registered.
            noted: true,
        })
    }

    pub(super) fn note(&mut self) {
        self.noted = true;
    }

    /// What has been asked for since the last call. Two signals of one kind that came between two
    /// turns count once, as with any pending signal (`signal(7)`).
    pub(super) fn orders(&mut self) -> impl Iterator<Item = Order> + '_ {
        let pending = std::mem::take(&mut self.noted).then(|| self.signals.pending());
        pending.into_iter().flatten().map(|signal| match signal {
            SIGUSR1 => Order::PrintStats,
            _ => Order::Stop,
        })
    }
}
