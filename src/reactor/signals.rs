//! Signals: read from a pipe in the same poll, so that no work is done in a handler.
//!
//! Layer: reactor. Owns what each signal asks for, and the rule that a handler writes one byte to
//! a pipe and nothing else. Knows nothing of how an order is carried out.

use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mio::net::UnixStream;
use mio::{Interest, Registry};
use signal_hook::consts::{SIGCONT, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::low_level::pipe;
use signal_hook_mio::v1_0::Signals;

use super::token::Role;
use crate::relay::limits::INTERRUPTS;

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
    /// A SIGTERM or SIGINT has been heeded.
    has_stopped: bool,
    /// Bytes in the pipe of signals that have been heeded: they could not be read at the time.
    heeded_unread: usize,
}

impl SignalPipe {
    /// Installs the handlers and registers the pipe. SIGCONT sets `continued` and asks for
    /// nothing.
    pub(super) fn open(registry: &Registry, continued: Arc<AtomicBool>) -> io::Result<Self> {
        signal_hook::flag::register(SIGCONT, continued)?;
        let (mut stops, handler_end) = UnixStream::pair()?;
        // Before the pipe that wakes the poll: handlers run in the order of their registration.
        let handler_end = net::UnixStream::from(OwnedFd::from(handler_end));
        pipe::register(SIGTERM, handler_end.try_clone()?)?;
        pipe::register(SIGINT, handler_end)?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
        // Either pipe wakes: the handler may have been able to write to one only.
        registry.register(&mut signals, Role::Signals.into(), Interest::READABLE)?;
        registry.register(&mut stops, Role::Signals.into(), Interest::READABLE)?;
        Ok(Self {
            signals,
            stops,
            // A signal may have come before the pipe was registered.
            noted: true,
            has_stopped: false,
            heeded_unread: 0,
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
        let mut orders = Orders::default();
        let mut is_stop_pending = false;
        for signal in self.signals.pending() {
            orders.wants_stats |= signal == SIGUSR1;
            is_stop_pending |= signal != SIGUSR1;
        }
        let read = self.read_stops();
        if let Some(bytes) = read {
            orders.stops = bytes.saturating_sub(std::mem::take(&mut self.heeded_unread));
        }
        if orders.stops == 0 && is_stop_pending && !self.has_stopped {
            // Its byte could not be written: unix sockets take memory (`ENOBUFS`). Or not be read.
            orders.stops = 1;
            self.heeded_unread = usize::from(read.is_none());
        }
        self.has_stopped |= orders.stops > 0;
        orders
    }

    /// How many bytes are in the pipe, if that can be found out; more than a few make no difference.
    fn read_stops(&mut self) -> Option<usize> {
        for _ in 0..INTERRUPTS {
            match self.stops.read(&mut [0; 8]) {
                Ok(count) => return Some(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(0),
                // Asked again at once: the poll has told of it and will not tell twice.
                Err(_) => {}
            }
        }
        None
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
