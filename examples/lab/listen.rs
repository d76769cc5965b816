//! How the small servers of the laboratory listen: all alike, so that none loses connects that another would keep.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// Listens on this port of 127.0.0.1 (0 lets the system choose) and says where, on standard error.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = open(addr).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
    })?;
    // Nobody who reads the line is no reason not to serve.
    let _ = writeln!(io::stderr(), "listening addr={}", listener.local_addr()?);
    Ok(listener)
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    // A thousand clients are a thousand descriptors. If the limit cannot be raised, fewer clients can come.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(ACCEPT_QUEUE)?;
    Ok(socket.into())
}

/// Connections that may wait to be accepted, the same as the relay's: `TcpListener::bind` says 128, and drops the rest
/// when thousands come at once.
const ACCEPT_QUEUE: i32 = 4096;
