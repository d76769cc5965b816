//! The inlet: what frames are read from, a socket of either family or standard input.
//!
//! Layer: reactor. Owns the promise that reading never blocks, though standard input is shared with
//! whoever has started this program and is therefore left in the mode that it is in. Knows nothing of
//! frames.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::Arc;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::RecvFlags;

use super::socket;
use crate::relay::endpoint::Endpoint;
use crate::relay::upstream::Dialled;

/// Where frames come from, opened.
#[derive(Debug)]
pub(super) enum Inlet {
    Tcp(TcpStream),
    /// With the path that was dialled.
    Unix(UnixStream, Arc<Path>),
    Stdin(Stdin),
}

impl Inlet {
    /// Begins to connect to `addr`, or opens it.
    pub(super) fn open(addr: &Endpoint) -> io::Result<Self> {
        match addr {
            Endpoint::Inet(addr) => TcpStream::connect(*addr).map(Self::Tcp),
            Endpoint::Unix(path) => {
                UnixStream::connect(path).map(|socket| Self::Unix(socket, Arc::clone(path)))
            }
            Endpoint::Stdin => Stdin::take().map(Self::Stdin),
        }
    }

    /// What it is to be registered for. Standard input may be one end of a pipe, which cannot be
    /// written to.
    pub(super) fn interest(&self) -> Interest {
        match self {
            Self::Tcp(_) | Self::Unix(..) => Interest::READABLE | Interest::WRITABLE,
            Self::Stdin(_) => Interest::READABLE,
        }
    }
}

impl Read for Inlet {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket, _) => socket.read(into),
            Self::Stdin(stdin) => stdin.read(into),
        }
    }
}

impl Dialled for Inlet {
    fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.peek(into),
            Self::Unix(socket, _) => Ok(rustix::net::recv(socket, into, RecvFlags::PEEK)?.0),
            // It is there, whatever is in it.
            Self::Stdin(_) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn remote_addr(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().map(Endpoint::Inet),
            Self::Unix(socket, path) => {
                socket.peer_addr().map(|_| Endpoint::Unix(Arc::clone(path)))
            }
            Self::Stdin(_) => Ok(Endpoint::Stdin),
        }
    }

    fn local_addr(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Endpoint::Inet),
            Self::Unix(..) | Self::Stdin(_) => Err(ErrorKind::AddrNotAvailable.into()),
        }
    }

    fn reset_on_close(&self) {
        if let Self::Tcp(socket) = self {
            socket::reset_on_close(socket);
        }
    }
}

impl Source for Inlet {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.register(registry, token, interest),
            Self::Unix(socket, _) => socket.register(registry, token, interest),
            Self::Stdin(stdin) => stdin.register(registry, token, interest),
        }
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.reregister(registry, token, interest),
            Self::Unix(socket, _) => socket.reregister(registry, token, interest),
            Self::Stdin(stdin) => {
                stdin.deregister(registry)?;
                stdin.register(registry, token, interest)
            }
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.deregister(registry),
            Self::Unix(socket, _) => socket.deregister(registry),
            Self::Stdin(stdin) => stdin.deregister(registry),
        }
    }
}

/// Standard input: a pipe, a socket, a terminal or a file.
///
/// It is not made non-blocking: that mode belongs to the open file description, which is shared with the
/// processes that it was inherited from and outlives this one (`fcntl(2)`, `F_SETFL`). Instead `poll(2)`
/// says before each read whether it would block. A file never does, as far as `poll(2)` is concerned.
#[derive(Debug)]
pub(super) struct Stdin {
    file: File,
    /// The poll tells of it. It cannot tell of files (`epoll_ctl(2)`, EPERM), which are always ready.
    is_registered: bool,
}

impl Stdin {
    /// Takes it away from the rest of the process, so that closing it here closes it, and whoever
    /// writes into it hears of that.
    fn take() -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Ok(Self {
            file,
            is_registered: false,
        })
    }

    fn is_ready(&self) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.file, PollFlags::IN)];
        let at_once = Timespec::default();
        Ok(rustix::event::poll(&mut asked, Some(&at_once))? > 0)
    }

    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match SourceFd(&self.file.as_raw_fd()).register(registry, token, interest) {
            Ok(()) => self.is_registered = true,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        if std::mem::take(&mut self.is_registered) {
            SourceFd(&self.file.as_raw_fd()).deregister(registry)?;
        }
        Ok(())
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_ready()? {
            self.file.read(into)
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }
}
