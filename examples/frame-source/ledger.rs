//! What was sent, in all and to each client.

use serde::Serialize;

use crate::client::Client;
use crate::clock::monotonic_ns;

/// What was sent so far.
#[derive(Debug, Serialize)]
pub(crate) struct Ledger {
    frames: u64,
    bytes: u64,
    seconds: f64,
    /// How many clients were served.
    served: u64,
    /// The first of them.
    clients: Vec<Entry>,
    #[serde(skip)]
    since_ns: u64,
}

/// What one client had.
#[derive(Debug, Serialize)]
struct Entry {
    addr: String,
    frames: u64,
    bytes: u64,
    seconds: f64,
}

impl Ledger {
    pub(crate) fn open() -> Self {
        Self {
            frames: 0,
            bytes: 0,
            seconds: 0.0,
            served: 0,
            clients: Vec::new(),
            since_ns: monotonic_ns(),
        }
    }

    /// Enters a client that is served no longer.
    pub(crate) fn enter(&mut self, client: &Client) {
        self.frames += client.frames;
        self.bytes += client.bytes;
        self.served += 1;
        if self.clients.len() < CLIENTS_KEPT {
            self.clients.push(Entry {
                addr: client.addr.to_string(),
                frames: client.frames,
                bytes: client.bytes,
                seconds: seconds_since(client.since_ns),
            });
        }
    }

    /// Says it all.
    pub(crate) fn print(mut self, as_json: bool) -> serde_json::Result<()> {
        self.seconds = seconds_since(self.since_ns);
        if as_json {
            println!("{}", serde_json::to_string(&self)?);
            return Ok(());
        }
        for client in &self.clients {
            println!(
                "client addr={} frames={} bytes={} seconds={:.3}",
                client.addr, client.frames, client.bytes, client.seconds
            );
        }
        println!(
            "sent frames={} bytes={} seconds={:.3}",
            self.frames, self.bytes, self.seconds
        );
        Ok(())
    }
}

fn seconds_since(moment_ns: u64) -> f64 {
    std::time::Duration::from_nanos(monotonic_ns().saturating_sub(moment_ns)).as_secs_f64()
}

/// Clients that get a line of their own. A client that comes and goes for days must not fill the memory.
const CLIENTS_KEPT: usize = 1000;
