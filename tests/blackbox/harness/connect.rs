//! The ways in which a client connects.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use socket2::{Domain, SockRef, Socket, Type};

use super::reader::{End, Reader};
use super::{DEADLINE, FRAME_SIZE};

impl Reader {
    #[track_caller]
    pub(crate) fn connect(to: SocketAddr, frame_size: usize) -> Self {
        Self::over(socket_for(to), to, frame_size)
    }

    /// With the smallest receive buffer that the system grants, so that lag shows soon.
    #[track_caller]
    pub(crate) fn connect_small(to: SocketAddr, frame_size: usize) -> Self {
        let socket = socket_for(to);
        socket.set_recv_buffer_size(1).expect("any size is valid");
        Self::over(socket, to, frame_size)
    }

    /// From this address of the host.
    #[cfg(target_os = "linux")]
    #[track_caller]
    pub(crate) fn connect_from(from: std::net::IpAddr, to: SocketAddr, frame_size: usize) -> Self {
        let socket = socket_for(to);
        socket
            .bind(&SocketAddr::new(from, 0).into())
            .expect("it is an address of this host");
        Self::over(socket, to, frame_size)
    }

    /// Over a unix socket, as if it were one of TCP: what is done with it here works on either. It has no address of
    /// its own, and no reset.
    #[track_caller]
    pub(crate) fn over_unix(stream: UnixStream, frame_size: usize) -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self::of(OwnedFd::from(stream).into(), nowhere, frame_size)
    }

    /// For one that may be refused: the reset can come before the connect has returned.
    #[track_caller]
    pub(crate) fn knock(to: SocketAddr) -> Self {
        let socket = socket_for(to);
        let own = SocketAddr::new(to.ip(), 0);
        socket
            .bind(&own.into())
            .expect("a loopback address is both ends'");
        let own = socket.local_addr().expect("it is bound");
        let mut reader = Self::of(socket, own.as_socket().expect("it has a port"), FRAME_SIZE);
        let outcome = SockRef::from(&reader).connect(&to.into());
        reader.ended = outcome.err().map(|error| {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            End::Reset
        });
        reader
    }

    /// Connects and closes at once, admitted or not.
    #[track_caller]
    pub(crate) fn pass_by(to: SocketAddr) {
        if let Err(error) = socket_for(to).connect(&to.into()) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
    }

    #[track_caller]
    fn over(socket: Socket, to: SocketAddr, frame_size: usize) -> Self {
        socket
            .connect_timeout(&to.into(), DEADLINE)
            .expect("the program listens");
        let own = socket.local_addr().expect("it is bound");
        Self::of(socket, own.as_socket().expect("it has a port"), frame_size)
    }
}

fn socket_for(to: SocketAddr) -> Socket {
    Socket::new(Domain::for_address(to), Type::STREAM, None).expect("a socket")
}
