//! Where clients come from: a listener that takes one at a time, or one server that is dialled.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use rustix::event::PollFlags;

use crate::Fallible;
use crate::options::Options;
use crate::waiting::Interruptions;

/// Where clients come from.
pub(crate) enum Door {
    /// Whoever connects next waits in the accept queue while one is served.
    Open(TcpListener),
    /// The one server that frames go to, until it is taken.
    Dialled(Option<TcpStream>),
}

impl Door {
    /// Listens or connects, and says where.
    pub(crate) fn open(options: &Options) -> Fallible<Self> {
        if let Some(addr) = &options.connect {
            let outcome = TcpStream::connect((addr.host(), addr.port()));
            let stream = outcome.map_err(|error| format!("cannot connect to {addr}: {error}"))?;
            println!("connected {}", stream.peer_addr()?);
            return Ok(Self::Dialled(Some(stream)));
        }
        let addr = &options.listen;
        let outcome = TcpListener::bind((addr.host(), addr.port()));
        let listener = outcome.map_err(|error| format!("cannot listen on {addr}: {error}"))?;
        // Somebody whom poll(2) announced may be gone when he is accepted.
        listener.set_nonblocking(true)?;
        println!("listening {}", listener.local_addr()?);
        Ok(Self::Open(listener))
    }

    /// Waits for the next client; `None` after an interruption.
    pub(crate) fn next(
        &mut self,
        interruptions: &mut Interruptions,
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let listener = match self {
            Self::Dialled(stream) => {
                let Some(stream) = stream.take() else {
                    return Ok(None);
                };
                let addr = stream.peer_addr()?;
                return Ok(Some((stream, addr)));
            }
            Self::Open(listener) => listener,
        };
        interruptions.wait(Some((listener.as_fd(), PollFlags::IN)), None)?;
        match listener.accept() {
            Ok(client) => Ok(Some(client)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}
