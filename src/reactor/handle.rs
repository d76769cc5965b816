//! The handle: what other threads may ask of a running server.
//!
//! Layer: reactor. Owns the few shared words and the waker that makes the loop look at them.
//! Knows nothing of what is done about it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::{Registry, Waker};

use super::token::Role;
use crate::relay::phase::Order;
use crate::relay::stats::Stats;

/// Asks a running server for a drain or its end, and reads its statistics. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    drain: AtomicBool,
    stop: AtomicBool,
    stats: Mutex<Stats>,
    waker: Arc<Waker>,
}

impl Handle {
    /// Asks for a drain, as SIGTERM does: [`super::Server::run`] returns when every client has
    /// been given its backlog, or when the drain time is up. Does not wait for it.
    pub fn drain(&self) {
        self.shared.drain.store(true, Ordering::Release);
        self.wake();
    }

    /// Asks for the end, now, as a second signal does. Does not wait for it.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// The statistics as of the end of the last turn. Nothing changes while the loop sleeps.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self
            .shared
            .stats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // It fails only when the poll is gone, and with it whoever could have obeyed.
        let _ = self.shared.waker.wake();
    }
}

/// The server's side of its handles.
pub(super) struct Desk {
    shared: Arc<Shared>,
}

impl Desk {
    pub(super) fn open(registry: &Registry) -> io::Result<Self> {
        let waker = Arc::new(Waker::new(registry, Role::Waker.into())?);
        Ok(Self {
            shared: Arc::new(Shared {
                drain: AtomicBool::new(false),
                stop: AtomicBool::new(false),
                stats: Mutex::default(),
                waker,
            }),
        })
    }

    pub(super) fn handle(&self) -> Handle {
        Handle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What wakes the loop, for the resolver, which has nothing to ask.
    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.shared.waker)
    }

    /// The most that handles ask for.
    pub(super) fn wish(&self) -> Order {
        if self.shared.stop.load(Ordering::Acquire) {
            Order::Stop
        } else if self.shared.drain.load(Ordering::Acquire) {
            Order::Drain
        } else {
            Order::None
        }
    }

    /// Shows the statistics to handles, if there are any.
    pub(super) fn show(&self, stats: &Stats) {
        if Arc::strong_count(&self.shared) > 1 {
            let mut shown = self
                .shared
                .stats
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *shown = *stats;
        }
    }
}
