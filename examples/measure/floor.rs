//! The yardstick: the least that any relay must do, and nothing else.
//!
//! A bare loop of one blocking `read` and a `write_all` to every client, in order. No framing, no policy, no poll, no
//! limits, no second chance: one slow client stops it, one departure ends it. It is not a rival but a floor; what a
//! real relay adds to it is the price of everything else it does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use clap::Args;
use socket2::{Domain, Socket, Type};

use crate::Fallible;

/// What the bare loop is told.
#[derive(Debug, Args)]
pub(crate) struct FloorOptions {
    /// The source's address
    #[arg(long)]
    source: SocketAddr,
    /// Clients to wait for before the loop begins
    #[arg(long)]
    clients: usize,
    /// Bytes asked for with one read
    #[arg(long)]
    block: usize,
}

/// Accepts the clients, connects to the source and copies until it ends.
pub(crate) fn run(options: &FloorOptions) -> Fallible<()> {
    let listener = listen()?;
    eprintln!("listening addr={}", listener.local_addr()?);
    let mut clients = Vec::with_capacity(options.clients);
    while clients.len() < options.clients {
        let (client, _) = listener.accept()?;
        // As a relay would: Nagle's algorithm would hold paced frames back.
        client.set_nodelay(true)?;
        clients.push(client);
    }
    let mut upstream = TcpStream::connect(options.source)?;
    let mut block = vec![0; options.block];
    loop {
        let filled = upstream.read(&mut block)?;
        if filled == 0 {
            return Ok(());
        }
        for client in &mut clients {
            client.write_all(&block[..filled])?;
        }
    }
}

/// Like `TcpListener::bind`, whose accept queue of 128 would drop connects when thousands come at once.
fn listen() -> Fallible<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(ACCEPT_QUEUE)?;
    Ok(socket.into())
}

/// Connections that may wait to be accepted, the same as the relay's.
const ACCEPT_QUEUE: i32 = 4096;
