//! The listening sockets, and everybody who waits to be accepted.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use fanout::relay::endpoint::Endpoint;

use crate::client::SimSocket;

#[derive(Debug, Default)]
pub(crate) struct SimListener {
    waiting: VecDeque<(SimSocket, Endpoint)>,
    has_edge: bool,
    /// What the next calls fail with. Each of them costs a connection, if one waits.
    pub(crate) failures: VecDeque<i32>,
}

/// The place of the listener that is a unix socket: its clients have no address of their own.
pub(crate) const UNIX: usize = 2;

/// What the system says when there are no descriptors left, `EMFILE`.
pub(crate) const NO_DESCRIPTOR: i32 = 24;

impl SimListener {
    /// A connection is complete and waits.
    pub(crate) fn arrive(&mut self, socket: SimSocket, addr: Endpoint) {
        self.waiting.push_back((socket, addr));
        self.has_edge = true;
    }

    pub(crate) fn startle(&mut self) {
        self.has_edge = true;
    }

    pub(crate) fn has_event(&self) -> bool {
        self.has_edge
    }

    pub(crate) fn take_event(&mut self) {
        self.has_edge = false;
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Those who wait are not connected after all: the listener is closed.
    pub(crate) fn close(&mut self) {
        self.waiting.clear();
        self.has_edge = false;
    }

    /// As the system call. Without a descriptor, Linux fails even when nobody waits, and leaves whoever does; macOS
    /// drops the connection.
    pub(crate) fn accept(
        &mut self,
        is_exhausted: bool,
        drops_on_exhaustion: bool,
    ) -> io::Result<(SimSocket, Endpoint)> {
        if is_exhausted {
            if drops_on_exhaustion {
                self.waiting.pop_front();
            }
            return Err(io::Error::from_raw_os_error(NO_DESCRIPTOR));
        }
        if self.waiting.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        match self.failures.pop_front() {
            Some(0) => {
                self.waiting.pop_front();
                // macOS: a descriptor without an address.
                Err(ErrorKind::InvalidInput.into())
            }
            Some(number) => {
                self.waiting.pop_front();
                Err(io::Error::from_raw_os_error(number))
            }
            None => Ok(self.waiting.pop_front().expect("somebody waits")),
        }
    }
}
