//! Streams: accepted connections of either family as one type.
//!
//! Layer: reactor. Owns the choice between the families as far as reading, writing and the poll are
//! concerned; options are set in `socket.rs`. Knows nothing of what flows through them.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};

/// A connection that somebody has made to this program.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// What the poll registers.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(socket) => socket,
            Self::Unix(socket) => socket,
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(how),
            Self::Unix(socket) => socket.shutdown(how),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(into),
            Self::Unix(socket) => socket.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write_vectored(slices),
            Self::Unix(socket) => socket.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// One of each family, with its other end.
    fn pairs() -> [(Stream, Stream); 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        let tcp = [near, far].map(|socket| Stream::Tcp(TcpStream::from_std(socket)));
        let (near, far) = UnixStream::pair().unwrap();
        [tcp.into(), (Stream::Unix(near), Stream::Unix(far))]
    }

    #[test]
    fn a_stream_is_as_large_as_the_stand_in_for_it_in_the_sum_of_what_a_client_costs() {
        // In debug builds it knows which poll it is registered with.
        let words = if cfg!(debug_assertions) { 3 } else { 1 };
        assert_eq!(size_of::<Stream>(), words * size_of::<usize>());
    }

    #[test]
    fn either_family_takes_several_pieces_in_one_write_and_can_be_shut_on_one_side() {
        for (mut near, mut far) in pairs() {
            let pieces = [IoSlice::new(b"one "), IoSlice::new(b"two ")];
            assert_eq!(near.write_vectored(&pieces).unwrap(), 8, "{near:?}");
            assert_eq!(near.write(b"three").unwrap(), 5);
            near.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            far.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one two three");
            far.write_all(b"four").unwrap();
            let mut bytes = [0; 8];
            assert_eq!(near.read(&mut bytes).unwrap(), 4, "its input is open");
        }
    }
}
