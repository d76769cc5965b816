//! A connection to an upstream without a kernel.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;

use super::super::endpoint::Endpoint;
use super::super::upstream::Dialled;

/// What has become of a connection, and what can be read from it.
#[derive(Debug)]
pub(super) struct Line {
    addr: SocketAddr,
    pub(super) link: Link,
    /// Bytes that can be read.
    pub(super) available: usize,
    /// What comes behind them.
    pub(super) end: LineEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Connecting,
    Made,
    Refused,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum LineEnd {
    Open,
    Ended,
    Failed(ErrorKind),
}

impl Line {
    /// A connection to `addr` is being made.
    pub(super) fn to(addr: SocketAddr) -> Self {
        Self {
            addr,
            link: Link::Connecting,
            available: 0,
            end: LineEnd::Open,
        }
    }

    fn check(&self, most: usize) -> io::Result<usize> {
        match self.link {
            Link::Connecting => Err(ErrorKind::WouldBlock.into()),
            Link::Refused => Err(ErrorKind::ConnectionRefused.into()),
            Link::Made if self.available > 0 => Ok(self.available.min(most)),
            Link::Made => match self.end {
                LineEnd::Open => Err(ErrorKind::WouldBlock.into()),
                LineEnd::Ended => Ok(0),
                LineEnd::Failed(kind) => Err(kind.into()),
            },
        }
    }
}

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.check(into.len())?;
        self.available -= count;
        Ok(count)
    }
}

impl Dialled for Line {
    fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        self.check(into.len())
    }

    fn remote_addr(&self) -> io::Result<Endpoint> {
        match self.link {
            Link::Made => Ok(self.addr.into()),
            Link::Connecting | Link::Refused => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn local_addr(&self) -> io::Result<Endpoint> {
        Ok(SocketAddr::from(([127, 0, 0, 1], 9)).into())
    }

    fn reset_on_close(&self) {}
}
