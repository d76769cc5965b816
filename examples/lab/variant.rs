//! What all variants of the server share: how they are told what to do, and how they listen.
//!
//! Nothing of the fan-out itself is here: that is to be read in one place, for each variant.

#[path = "listen.rs"]
mod listen;

use std::io;
use std::net::TcpListener;

use clap::Parser;

/// One upstream, any number of clients.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// The server that frames come from
    #[arg(value_name = "HOST:PORT")]
    pub(crate) upstream: String,
    /// The port to serve clients on, on 127.0.0.1; 0 lets the system choose
    pub(crate) port: u16,
    /// Stop reading the upstream while a client lags too far, instead of throwing the client out
    #[arg(long)]
    pub(crate) wait: bool,
}

impl Arguments {
    /// Listens for clients and says where.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        listen::listen(self.port)
    }
}

/// Bytes in a frame. The variants know no other size.
pub(crate) const FRAME_SIZE: usize = 1024;
