//! What the variants with threads share: how they accept clients, and how a client's thread treats its socket.
//!
//! It knows nothing of frames, and nothing of how they get from the upstream to the threads.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// A client's socket, in the hands of the one thread that writes to it.
///
/// Nobody else touches it. To shut it down from another thread would free one that is blocked in a write, but that
/// sends a FIN first: to a client that happens to read again just then, being thrown out would look like an end. So a
/// write looks up now and then instead.
#[derive(Debug)]
pub(crate) struct ClientSocket {
    socket: TcpStream,
}

impl ClientSocket {
    /// From here on whatever closes the socket resets it, a panic or a kill too. Only a clean end takes that back.
    fn new(socket: TcpStream) -> io::Result<Self> {
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        // Nagle's algorithm would hold paced frames back.
        socket.set_nodelay(true)?;
        Ok(Self { socket })
    }

    /// Writes all of it, however long that takes. Each time that the client holds it up, it asks whether to go on.
    ///
    /// # Errors
    /// When the client has left, has taken not one byte for [`STALL_TIMEOUT`], or is to go.
    pub(crate) fn write(
        &mut self,
        mut slices: &mut [IoSlice<'_>],
        mut is_to_go: impl FnMut() -> bool,
    ) -> io::Result<()> {
        let mut waited = Duration::ZERO;
        loop {
            match self.socket.write_vectored(slices) {
                Ok(taken) => {
                    IoSlice::advance_slices(&mut slices, taken);
                    waited = Duration::ZERO;
                }
                Err(error) if is_timeout(&error) => waited += PATIENCE,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if slices.is_empty() {
                return Ok(());
            }
            if is_to_go() || waited >= STALL_TIMEOUT {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    /// The clean end: a FIN, and then no close before the client's own, because unread input would make it a reset.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        SockRef::from(&self.socket).set_linger(None)?;
        self.socket.shutdown(Shutdown::Write)?;
        self.socket.set_read_timeout(Some(FAREWELL_TIMEOUT))?;
        let deadline = Instant::now() + FAREWELL_TIMEOUT;
        let mut thrown_away = [0; 1024];
        while self.socket.read(&mut thrown_away)? > 0 && Instant::now() < deadline {}
        Ok(())
    }
}

/// Accepts clients for ever, whom `join` lets in.
pub(crate) fn accept(listener: &TcpListener, mut join: impl FnMut(ClientSocket) -> io::Result<()>) {
    loop {
        let joined = match listener.accept() {
            // Whoever has left already is no reason to keep the next one waiting.
            Ok((socket, _)) => ClientSocket::new(socket).map_or(Ok(()), &mut join),
            Err(error) => Err(error),
        };
        if joined.is_err() {
            thread::sleep(ACCEPT_PAUSE);
        }
    }
}

/// Starts the thread of a client. If there is none to be had, what was moved into `work` is gone, and so is the client.
pub(crate) fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work)
}

/// Systems differ in what they call a write that took too long.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// From the upstream's end to the moment when whoever has not taken its rest is cut off.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// After a client that could not be let in: most likely descriptors or threads ran out, and those who leave make room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Of a client's thread. The usual 2 MiB are only addresses until they are used, but ten thousand of them are many.
const STACK_BYTES: usize = 64 * 1024;

/// How long a write may block before its thread looks up.
const PATIENCE: Duration = Duration::from_millis(250);

/// A client that takes not one byte for this long is thrown out.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client has, once it was sent everything, to close its side.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
