//! The yardstick: the least that any relay must do, and nothing else.
//!
//! A bare loop of one blocking `read` and a `write_all` to every client, in order. It is not a relay: it knows no
//! frames, no policy, no poll, no limit and no second chance. It waits for its clients and then lets nobody in, one
//! slow client stops it, one departure ends it. So it is not a rival but a floor: what a real relay costs beyond it is
//! the price of everything else that a relay does, and what a real relay costs less, it saved by being cleverer than
//! a loop.
//!
//! `--block` is how far it reads at once: 64 KiB is the floor of a relay that moves many frames together, 1 KiB of one
//! that sends each frame as it comes.

#[path = "lab/listen.rs"]
mod listen;
#[path = "lab/program.rs"]
mod program;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use clap::Parser;

/// The yardstick: reads a block, writes it to every client, and nothing else.
#[derive(Debug, Parser)]
struct Cli {
    /// The server that frames come from
    #[arg(value_name = "HOST:PORT")]
    upstream: String,
    /// The port to serve clients on, on 127.0.0.1; 0 lets the system choose
    port: u16,
    /// Clients to wait for before the upstream is connected to
    #[arg(long)]
    clients: usize,
    /// Bytes asked for with one read
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    block: u32,
}

fn main() -> ExitCode {
    program::run(serve)
}

fn serve(options: &Cli) -> io::Result<()> {
    let listener = listen::listen(options.port)?;
    let mut clients = accept(&listener, options.clients)?;
    let mut upstream = program::connect(&options.upstream)?;
    let mut block = vec![0; options.block as usize];
    loop {
        let filled = match upstream.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(filled) => filled,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for client in &mut clients {
            client.write_all(&block[..filled])?;
        }
    }
}

fn accept(listener: &TcpListener, wanted: usize) -> io::Result<Vec<TcpStream>> {
    let mut clients = Vec::new();
    while clients.len() < wanted {
        let (client, _) = listener.accept()?;
        // As a relay would: Nagle's algorithm would hold paced frames back.
        client.set_nodelay(true)?;
        clients.push(client);
    }
    Ok(clients)
}
