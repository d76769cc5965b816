//! Signals: read from a pipe in the same poll, so that no work is done in a handler.
//!
//! Layer: reactor. Owns what each signal asks for, and the rule that a handler writes one byte to
//! a pipe and nothing else. Knows nothing of how an order is carried out.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mio::{Interest, Registry};
use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::low_level::pipe;
use signal_hook_mio::v1_0::Signals;

use super::token::Role;

/// What signals have asked for since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// How many SIGTERM and SIGINT have come: the first of all asks for a drain, the second for
    /// the end, now.
    pub(super) stops: usize,
    /// Whether SIGUSR1 has come: print all counters.
    pub(super) wants_stats: bool,
}

/// The signals that the server heeds. SIGPIPE is not among them: Rust's runtime ignores it before
/// `main`, and a write to a closed connection fails with EPIPE instead.
pub(super) struct SignalPipe {
    /// Wakes the poll, and tells which signals have come, but not how often.
    signals: Signals,
    /// One byte for each SIGTERM and SIGINT that is delivered: two between two turns are two. (Two of
    /// one kind that are sent before the first is delivered are one to the kernel, signal(7).)
    stops: UnixStream,
    /// Something may be in the pipes: set by an event, cleared by emptying them.
    noted: bool,
}

impl SignalPipe {
    /// Installs the handlers and registers the pipe. SIGCONT sets `continued` and asks for
    /// nothing.
    pub(super) fn open(registry: &Registry, continued: Arc<AtomicBool>) -> io::Result<Self> {
        signal_hook::flag::register(SIGCONT, continued)?;
        let (stops, handler_end) = UnixStream::pair()?;
        stops.set_nonblocking(true)?;
        // Before the pipe that wakes the poll: handlers run in the order of their registration.
        pipe::register(SIGTERM, handler_end.try_clone()?)?;
        pipe::register(SIGINT, handler_end)?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
        registry.register(&mut signals, Role::Signals.into(), Interest::READABLE)?;
        Ok(Self {
            signals,
            stops,
            // A signal may have come before the pipe was registered.
            noted: true,
        })
    }

    pub(super) fn note(&mut self) {
        self.noted = true;
    }

    /// What has been asked for since the last call.
    pub(super) fn orders(&mut self) -> Orders {
        if !std::mem::take(&mut self.noted) {
            return Orders::default();
        }
        Orders {
            wants_stats: self.signals.pending().any(|signal| signal == SIGUSR1),
            // More than these few make no difference. Nothing to read is an error, and no stop.
            stops: self.stops.read(&mut [0; 8]).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::low_level::raise;

    #[test]
    fn two_signals_of_one_kind_between_two_turns_are_two() {
        let poll = mio::Poll::new().unwrap();
        let mut pipe = SignalPipe::open(poll.registry(), Arc::default()).unwrap();
        assert_eq!(pipe.orders(), Orders::default());
        for signal in [SIGTERM, SIGTERM, SIGUSR1, SIGINT] {
            raise(signal).unwrap();
        }
        assert_eq!(pipe.orders(), Orders::default(), "nothing has been noted");
        pipe.note();
        let (stops, wants_stats) = (3, true);
        assert_eq!(pipe.orders(), Orders { stops, wants_stats });
        pipe.note();
        assert_eq!(pipe.orders(), Orders::default());
    }
}
