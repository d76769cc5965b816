//! Server A and the one connection to it, with the kernel in between.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::rc::Rc;

use fanout::relay::endpoint::Endpoint;
use fanout::relay::upstream::Dialled;

use crate::content::frame_byte;

/// The server's end of a connection to server A. Frames are made up as they are read.
#[derive(Debug)]
pub(crate) struct SimUpstream {
    addr: SocketAddr,
    pub(crate) link: Link,
    frame_size: u64,
    /// The stream's next byte, counted over all connections in whole frames.
    position: u64,
    /// Bytes that can be read.
    available: usize,
    receive_size: usize,
    /// Behind them.
    end: End,
    /// Something has changed since the last poll.
    has_edge: bool,
    /// It is in the poll.
    pub(crate) is_registered: bool,
    /// Reads give so many bytes at the most, while this is set.
    pub(crate) most_per_read: Option<usize>,
    /// Reads that are interrupted.
    pub(crate) interrupts: usize,
    /// macOS says other things than Linux while a connection is being made.
    is_mac: bool,
    /// Bytes read.
    pub(crate) read: u64,
    /// Connections that are open: never more than one.
    open: Rc<Cell<usize>>,
    /// It was closed with a reset.
    is_reset: Cell<bool>,
}

/// How far the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not made yet.
    Connecting,
    /// Never to be made: nobody answers.
    Unanswered,
    Made,
    /// Made with itself.
    ToItself,
    Refused(ErrorKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Ended,
    Reset(ErrorKind),
}

impl SimUpstream {
    /// A connection that is being made. Its first frame is number `frame`.
    pub(crate) fn dial(
        addr: SocketAddr,
        frame: u64,
        sizes: (usize, usize),
        is_mac: bool,
        open: &Rc<Cell<usize>>,
    ) -> Self {
        open.set(open.get() + 1);
        assert_eq!(open.get(), 1, "two connections to the upstream at once");
        let (frame_size, receive_size) = sizes;
        Self {
            addr,
            link: Link::Connecting,
            frame_size: frame_size as u64,
            position: frame * frame_size as u64,
            available: 0,
            receive_size,
            end: End::Open,
            has_edge: false,
            is_registered: true,
            most_per_read: None,
            interrupts: 0,
            is_mac,
            read: 0,
            open: Rc::clone(open),
            is_reset: Cell::new(false),
        }
    }

    /// What came of connecting.
    pub(crate) fn settle(&mut self, link: Link) {
        if self.link == Link::Connecting {
            self.link = link;
            self.has_edge = true;
        }
    }

    /// Server A sends, as much as the window permits.
    pub(crate) fn send(&mut self, bytes: usize) {
        if self.end == End::Open && self.link == Link::Made {
            let bytes = bytes.min(self.receive_size - self.available);
            self.available += bytes;
            self.has_edge |= bytes > 0;
        }
    }

    /// Server A closes its side.
    pub(crate) fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Ended;
            self.has_edge = true;
        }
    }

    /// The connection breaks; what had come before can still be read.
    pub(crate) fn break_off(&mut self, kind: ErrorKind) {
        self.end = End::Reset(kind);
        self.has_edge = true;
    }

    pub(crate) fn startle(&mut self) {
        self.has_edge = true;
    }

    /// It has been put back into the poll, which reports how things stand.
    pub(crate) fn register(&mut self) {
        assert!(!self.is_registered, "registered twice");
        self.is_registered = true;
        self.has_edge = self.is_readable();
    }

    pub(crate) fn has_event(&self) -> bool {
        self.has_edge && self.is_registered
    }

    /// Takes what a poll reports: whether it may be read.
    pub(crate) fn take_event(&mut self) -> bool {
        self.has_edge = false;
        self.is_readable() || matches!(self.link, Link::Refused(_))
    }

    /// Nothing is left to be read, now or ever.
    pub(crate) fn is_read_out(&self) -> bool {
        self.available == 0 && self.end == End::Open
    }

    fn is_readable(&self) -> bool {
        self.available > 0 || self.end != End::Open
    }

    fn check_link(&self) -> io::Result<()> {
        match self.link {
            Link::Connecting | Link::Unanswered if self.is_mac => {
                Err(ErrorKind::NotConnected.into())
            }
            Link::Connecting | Link::Unanswered => Err(ErrorKind::WouldBlock.into()),
            Link::Refused(kind) => Err(kind.into()),
            Link::Made | Link::ToItself => Ok(()),
        }
    }

    fn check_end(&self) -> io::Result<usize> {
        match self.end {
            End::Open => Err(ErrorKind::WouldBlock.into()),
            End::Ended => Ok(0),
            End::Reset(kind) => Err(kind.into()),
        }
    }
}

impl Read for SimUpstream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check_link()?;
        assert!(self.link == Link::Made, "a connection to itself is read");
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(ErrorKind::Interrupted.into());
        }
        let most = self.most_per_read.unwrap_or(usize::MAX);
        let count = into.len().min(self.available).min(most);
        if count == 0 {
            return self.check_end();
        }
        let mut number = self.position / self.frame_size;
        let mut offset = self.position % self.frame_size;
        for byte in &mut into[..count] {
            *byte = frame_byte(number, usize::try_from(offset).unwrap_or(0));
            offset += 1;
            if offset == self.frame_size {
                (number, offset) = (number + 1, 0);
            }
        }
        self.position += count as u64;
        self.available -= count;
        self.read += count as u64;
        Ok(count)
    }
}

impl Dialled for SimUpstream {
    fn peek(&self, _into: &mut [u8]) -> io::Result<usize> {
        self.check_link()?;
        if self.available > 0 {
            return Ok(1);
        }
        self.check_end()
    }

    fn remote_addr(&self) -> io::Result<Endpoint> {
        match (self.link, self.end) {
            (Link::Connecting | Link::Unanswered, _) if self.is_mac => {
                Err(ErrorKind::InvalidInput.into())
            }
            (Link::Connecting | Link::Unanswered | Link::Refused(_), _) | (_, End::Reset(_)) => {
                Err(ErrorKind::NotConnected.into())
            }
            _ => Ok(self.addr.into()),
        }
    }

    fn local_addr(&self) -> io::Result<Endpoint> {
        match self.link {
            Link::ToItself => Ok(self.addr.into()),
            _ => Ok(SocketAddr::from(([127, 0, 0, 1], 9)).into()),
        }
    }

    fn reset_on_close(&self) {
        self.is_reset.set(true);
    }
}

impl Drop for SimUpstream {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
        let is_clean =
            self.link != Link::ToItself || self.is_reset.get() || std::thread::panicking();
        assert!(is_clean, "a connection to itself is closed with a reset");
    }
}
