//! What the source waits for: its socket, the clock, and a wake-up by a signal or an order (`poll(2)`).

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::clock::monotonic_ns;
use crate::orders;

/// Everything that may interrupt the source.
pub(crate) struct Interruptions {
    /// A byte comes with every signal and every order.
    wake_up: UnixStream,
    is_stopped: Arc<AtomicBool>,
    orders: Receiver<String>,
}

impl Interruptions {
    /// Watches for signals, and for orders on standard input if told to.
    pub(crate) fn watch(takes_orders: bool) -> io::Result<Self> {
        let (wake_up, mut waker) = UnixStream::pair()?;
        wake_up.set_nonblocking(true)?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Whoever signals twice does not want to wait: the second signal ends the process at once.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_stopped))?;
            signal_hook::flag::register(signal, Arc::clone(&is_stopped))?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        let (sender, orders) = mpsc::channel();
        if takes_orders {
            orders::listen(move |order| {
                // The receiver lives as long as the process, and so does the other end of the socket.
                let _ = sender.send(order);
                let _ = waker.write_all(b".");
            });
        }
        Ok(Self {
            wake_up,
            is_stopped,
            orders,
        })
    }

    /// Waits until the socket is ready for something, or an interruption comes, or the clock shows so much. Returns
    /// what the socket is ready for.
    pub(crate) fn wait(
        &mut self,
        socket: Option<(BorrowedFd<'_>, PollFlags)>,
        until_ns: Option<u64>,
    ) -> io::Result<PollFlags> {
        let timeout = until_ns.map(|until_ns| until_ns.saturating_sub(monotonic_ns()));
        let timeout = timeout.and_then(|ns| Timespec::try_from(Duration::from_nanos(ns)).ok());
        let mut polled = vec![PollFd::new(&self.wake_up, PollFlags::IN)];
        if let Some((descriptor, flags)) = socket {
            polled.push(PollFd::from_borrowed_fd(descriptor, flags));
        }
        match poll(&mut polled, timeout.as_ref()) {
            Err(Errno::INTR) => return Ok(PollFlags::empty()),
            outcome => outcome?,
        };
        let found = polled.get(1).map_or(PollFlags::empty(), PollFd::revents);
        if !polled[0].revents().is_empty() {
            // What it was is asked of the flag and the channel: one byte or many, it is a wake-up.
            let _ = (&self.wake_up).read(&mut [0; 64]);
        }
        Ok(found)
    }

    /// Whether a signal has asked for the end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// The next order.
    pub(crate) fn order(&self) -> Option<String> {
        self.orders.try_recv().ok()
    }
}
