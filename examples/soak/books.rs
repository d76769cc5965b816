//! What the upstream and the clients, which are two threads, know of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The one thing that both threads hold.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    books: Mutex<Books>,
    /// Whether the upstream is to end.
    is_over: AtomicBool,
    /// The clients have had all frames before this one.
    seen: AtomicU64,
    /// When the clients' thread last came round, on the monotonic clock.
    alive_at_ns: AtomicU64,
}

/// What the upstream has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Books {
    /// Whole frames that have been written.
    pub(crate) frames: u64,
    /// Frames that have been written, or are just being written.
    pub(crate) offered: u64,
    /// The sequence number of the frame that comes next.
    pub(crate) next: u64,
    pub(crate) bytes: u64,
    /// Bytes of frames that were cut.
    pub(crate) partial_bytes: u64,
    /// Connections of the server so far.
    pub(crate) connects: u64,
    /// Connections that came while there was one already.
    pub(crate) second_connects: u64,
    /// Connections that the server has ended, or said something on.
    pub(crate) lost_by_server: u64,
    pub(crate) cuts_by_fin: u64,
    pub(crate) cuts_by_rst: u64,
    /// Time in which nothing was sent because the clients' thread did not get to run.
    pub(crate) waited_ns: u64,
    pub(crate) is_connected: bool,
    #[serde(skip)]
    pub(crate) rest: Rest,
}

/// Whether the upstream is held back at a frame boundary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    #[default]
    Unwanted,
    Wanted,
    Reached,
}

impl Shared {
    /// A copy: whoever held the lock in the middle of an expression would wait for itself.
    pub(crate) fn books(&self) -> Books {
        *self.lock()
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        // They are numbers: a thread that panicked has left none of them half written.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hold(&self) {
        self.change(|books| books.rest = Rest::Wanted);
    }

    pub(crate) fn release(&self) {
        self.change(|books| books.rest = Rest::Unwanted);
    }

    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(crate) fn note_seen(&self, next: u64) {
        self.seen.fetch_max(next, Ordering::Relaxed);
    }

    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    pub(crate) fn note_alive(&self, now_ns: u64) {
        self.alive_at_ns.store(now_ns, Ordering::Relaxed);
    }

    pub(crate) fn alive_at_ns(&self) -> u64 {
        self.alive_at_ns.load(Ordering::Relaxed)
    }
}

impl Books {
    /// Whether nothing more will be sent before the release, to a server that is connected.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.rest == Rest::Reached && self.is_connected
    }

    /// Takes a rest if one is wanted. Only the upstream asks, and only at a frame boundary.
    pub(crate) fn rest_if_wanted(&mut self) -> bool {
        if self.rest == Rest::Wanted {
            self.rest = Rest::Reached;
        }
        self.rest == Rest::Reached
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.cuts_by_fin + self.cuts_by_rst
    }
}
