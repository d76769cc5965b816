//! Waiting for sockets with poll(2).

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether the descriptor becomes ready for these within the time.
pub(crate) fn is_ready(descriptor: impl AsFd, flags: PollFlags, within: Duration) -> bool {
    let mut polled = [PollFd::new(&descriptor, flags)];
    wait_for_some(&mut polled, within) > 0
}

/// Waits until some descriptor is ready or the time is up; returns how many are.
pub(crate) fn wait_for_some(polled: &mut [PollFd<'_>], within: Duration) -> usize {
    let give_up = Instant::now() + within;
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("a deadline is short");
        match poll(polled, Some(&timeout)) {
            Ok(count) => return count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll failed: {error}"),
        }
    }
}
