//! Socket options: everything that is set on a socket, in one place.
//!
//! Layer: reactor. Owns the choice of options and the difference between the systems. Knows
//! nothing of what flows through the sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use log::debug;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::inlet::Inlet;
use super::stream::Stream;
use crate::relay::core::Core;
use crate::relay::limits::ACCEPT_QUEUE;

/// What decides, over the kernel's sockets.
pub(super) type SocketCore = Core<Stream, Inlet>;

/// What is set on a client's socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientOptions {
    /// Bytes that the kernel may hold which are not even on the wire.
    pub(super) unsent_limit: Option<u32>,
    /// How long sent bytes may stay unacknowledged, or a window closed.
    pub(super) user_timeout: Option<Duration>,
}

/// A dead host is found within half a minute, even when there is nothing to send.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// The part of the unsent limit that is asked for as the send buffer of a unix socket. Linux doubles it
/// (socket(7), `SO_SNDBUF`), and as long as the buffer is not full, it takes one more piece of up to half of
/// its size: twice a third, and a third more.
const SEND_BUFFER_SHARE: usize = if cfg!(target_os = "linux") { 3 } else { 1 };

/// A listening socket with an accept queue of [`ACCEPT_QUEUE`].
///
/// Made by hand because the `bind` of both std and mio asks for a queue of 128.
pub(super) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Bind over connections of an earlier run that are in TIME_WAIT, not over a live listener.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // `[::]` means every address, whatever net.ipv6.bindv6only says.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(ACCEPT_QUEUE)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Changes the accept queue of a socket that listens already (listen(2) may be called again).
pub(super) fn set_accept_queue(socket: &impl AsFd, connections: i32) {
    tolerate("accept queue", SockRef::from(socket).listen(connections));
}

/// Sets a client's options. A failure is no reason to refuse it: macOS answers EINVAL when the
/// client is already gone, and reading from it will tell.
pub(super) fn prepare_client(stream: &Stream, options: &ClientOptions) {
    let socket = SockRef::from(stream);
    if let Stream::Unix(_) = stream {
        // The send buffer is all that there is between the two ends: nothing is ever on the wire.
        if let Some(bytes) = options.unsent_limit {
            let size = bytes as usize / SEND_BUFFER_SHARE;
            tolerate("send buffer", socket.set_send_buffer_size(size));
        }
        return;
    }
    tolerate("TCP_NODELAY", socket.set_tcp_nodelay(true));
    tolerate("keepalive", socket.set_tcp_keepalive(&keepalive()));
    if let Some(bytes) = options.unsent_limit {
        tolerate("unsent limit", set_unsent_limit(&socket, bytes));
    }
    if let Some(timeout) = options.user_timeout {
        tolerate("user timeout", set_user_timeout(&socket, Some(timeout)));
    }
}

/// Sets the options of the connection that frames come from.
pub(super) fn prepare_upstream(inlet: &Inlet) {
    if let Inlet::Tcp(stream) = inlet {
        let socket = SockRef::from(stream);
        tolerate("keepalive", socket.set_tcp_keepalive(&keepalive()));
    }
}

/// Makes closing the socket reset the connection and throw away what the kernel still holds
/// (`SO_LINGER` of zero, socket(7)). A plain close would leave megabytes for a client that never
/// reads in an orphaned socket for minutes. A unix socket takes the option and does nothing with it
/// (unix(7) has no reset).
pub(super) fn reset_on_close(stream: &impl AsFd) {
    tolerate(
        "SO_LINGER",
        SockRef::from(stream).set_linger(Some(Duration::ZERO)),
    );
}

/// From now on the stall timeout alone says how long a client may take no byte.
///
/// Linux does not stop the clock of `TCP_USER_TIMEOUT` when a closed window opens again by less
/// than what it would like to send next (`tcp_ack_probe` looks at the whole of the
/// first segment in the queue). When that window closes the next time, however much later,
/// it counts as closed since the first. So a client with small windows that reads all the while is
/// cut off; and small windows are what a slow client has.
pub(super) fn end_user_timeout(stream: &Stream) {
    if let Stream::Tcp(stream) = stream {
        let outcome = set_user_timeout(&SockRef::from(stream), None);
        tolerate("user timeout", outcome);
    }
}

fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES)
}

/// `TCP_NOTSENT_LOWAT` (tcp(7)): lag shows in the backlog and not in kernel memory.
#[cfg(target_os = "linux")]
fn set_unsent_limit(socket: &Socket, bytes: u32) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(bytes)
}

/// socket2 offers `TCP_NOTSENT_LOWAT` on Linux only. A send buffer of this size is coarser (it
/// counts bytes on the wire too) but bounds the same memory.
#[cfg(not(target_os = "linux"))]
fn set_unsent_limit(socket: &Socket, bytes: u32) -> io::Result<()> {
    socket.set_send_buffer_size(bytes as usize)
}

/// `TCP_USER_TIMEOUT` (tcp(7)), in milliseconds of 31 bits.
#[cfg(target_os = "linux")]
fn set_user_timeout(socket: &Socket, timeout: Option<Duration>) -> io::Result<()> {
    let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
    socket.set_tcp_user_timeout(timeout.map(|timeout| timeout.min(longest)))
}

/// macOS has no counterpart that covers a closed window; the stall timeout works alone there.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on the other system")]
fn set_user_timeout(_socket: &Socket, _timeout: Option<Duration>) -> io::Result<()> {
    Ok(())
}

fn tolerate(option: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        debug!("socket option not set option={option:?} error=\"{error}\"");
    }
}
