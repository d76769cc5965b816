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

    /// What the poll registers.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            Self::Unix(socket, _) => socket,
            Self::Stdin(stdin) => stdin,
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

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_ready()? {
            self.file.read(into)
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }
}

impl Source for Stdin {
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

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.deregister(registry)?;
        self.register(registry, token, interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        if std::mem::take(&mut self.is_registered) {
            SourceFd(&self.file.as_raw_fd()).deregister(registry)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeWriter, Write, pipe};
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use mio::{Events, Poll};
    use rustix::fs::OFlags;

    use super::*;
    use crate::relay::upstream::{Attempt, Verdict};

    const TOKEN: Token = Token(7);

    fn piped() -> (Stdin, PipeWriter) {
        let (reader, writer) = pipe().unwrap();
        (of(reader), writer)
    }

    fn of(input: impl Into<OwnedFd>) -> Stdin {
        Stdin {
            file: File::from(input.into()),
            is_registered: false,
        }
    }

    #[track_caller]
    fn expect_event(poll: &mut Poll) {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(20)))
            .unwrap();
        assert!(events.iter().any(|event| event.token() == TOKEN));
    }

    #[test]
    fn reading_a_blocking_pipe_gives_what_is_there_and_never_waits() {
        let (mut stdin, mut writer) = piped();
        let mut bytes = [0; 8];
        let refusal = stdin.read(&mut bytes).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::WouldBlock);
        writer.write_all(b"ab").unwrap();
        assert_eq!(stdin.read(&mut bytes).unwrap(), 2);
        let refusal = stdin.read(&mut bytes).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::WouldBlock);
        drop(writer);
        assert_eq!(stdin.read(&mut bytes).unwrap(), 0);
        let mode = rustix::fs::fcntl_getfl(&stdin.file).unwrap();
        assert!(!mode.contains(OFlags::NONBLOCK), "{mode:?}");
    }

    #[test]
    fn a_pipe_can_be_taken_out_of_the_poll_and_put_back_as_often_as_one_likes() {
        let mut poll = Poll::new().unwrap();
        let (stdin, mut writer) = piped();
        let mut inlet = Inlet::Stdin(stdin);
        assert_eq!(inlet.interest(), Interest::READABLE);
        let interest = inlet.interest();
        poll.registry()
            .register(inlet.source(), TOKEN, interest)
            .unwrap();
        writer.write_all(b"a").unwrap();
        expect_event(&mut poll);
        for _ in 0..2 {
            poll.registry().deregister(inlet.source()).unwrap();
        }
        poll.registry()
            .register(inlet.source(), TOKEN, interest)
            .unwrap();
        expect_event(&mut poll);
        poll.registry()
            .reregister(inlet.source(), TOKEN, interest)
            .unwrap();
        expect_event(&mut poll);
    }

    // kqueue takes files, and says that they can be read.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_is_read_without_the_poll_which_does_not_take_it() {
        let poll = Poll::new().unwrap();
        let mut inlet = Inlet::Stdin(of(File::open("Cargo.toml").unwrap()));
        let interest = inlet.interest();
        poll.registry()
            .register(inlet.source(), TOKEN, interest)
            .unwrap();
        let mut text = String::new();
        inlet.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("[package]"));
        assert_eq!(inlet.read(&mut [0]).unwrap(), 0, "its end stays its end");
        poll.registry().deregister(inlet.source()).unwrap();
    }

    #[test]
    fn what_stands_at_the_other_end_of_a_unix_socket_is_the_path_that_was_dialled() {
        let path: Arc<Path> = Path::new("/nobody/listens/here").into();
        let refusal = Inlet::open(&Endpoint::Unix(Arc::clone(&path))).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::NotFound);
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut inlet = Inlet::Unix(near, Arc::clone(&path));
        assert_eq!(inlet.remote_addr().unwrap(), Endpoint::Unix(path));
        assert!(inlet.local_addr().is_err(), "it cannot have met itself");
        let refusal = inlet.peek(&mut [0]).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::WouldBlock);
        far.write_all(b"a").unwrap();
        let mut byte = [0];
        assert_eq!((inlet.peek(&mut byte).unwrap(), byte), (1, *b"a"));
        assert_eq!(inlet.read(&mut [0; 4]).unwrap(), 1, "it is still there");
        drop(far);
        assert_eq!(inlet.peek(&mut byte).unwrap(), 0);
    }

    #[test]
    fn standard_input_and_unix_sockets_are_connected_without_an_event() {
        let path: Arc<Path> = Path::new("/run/a").into();
        let (near, _far) = UnixStream::pair().unwrap();
        let unix = Inlet::Unix(near, Arc::clone(&path));
        let (stdin, _writer) = piped();
        for (inlet, addr) in [
            (unix, Endpoint::Unix(path)),
            (Inlet::Stdin(stdin), Endpoint::Stdin),
        ] {
            let attempt = Attempt::new(inlet, addr.clone(), Duration::MAX);
            match attempt.decide(Duration::ZERO) {
                Verdict::Connected(_, to) => assert_eq!(to, addr),
                other => panic!("{addr}: {other:?}"),
            }
        }
    }
}
