//! What the clients did and got, counted on their side.

use serde::Serialize;

use crate::client::Client;

/// Sums over all clients, those that have left included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Ledger {
    /// Connections made.
    pub(crate) connects: u64,
    /// Connections that could not be made.
    pub(crate) failed_connects: u64,
    /// Clients that have left by themselves.
    pub(crate) left_by_themselves: u64,
    /// Clients that were thrown out for not reading.
    pub(crate) thrown_out_behind: u64,
    /// Clients that were thrown out for writing too much.
    pub(crate) thrown_out_flooding: u64,
    /// Clients whose stream was ended in good order.
    pub(crate) ended: u64,
    /// Clients that were thrown out for nothing.
    pub(crate) wronged: u64,
    /// Complete frames that clients have read.
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Frames that clients saw themselves passed over.
    pub(crate) missing: u64,
    /// How often that was.
    pub(crate) gaps: u64,
    /// Bytes that clients have sent.
    pub(crate) said_bytes: u64,
    /// Frames that the upstream has offered, and nobody had read when a client connected, over all clients: no more can
    /// have been delivered to them.
    pub(crate) owed_at_most: u64,
    /// Clients connected now.
    pub(crate) open: u64,
}

impl Ledger {
    /// Adds what a client has done so far, now that the upstream has offered so many frames.
    pub(crate) fn add(&mut self, client: &Client, offered: u64) {
        self.frames += client.stream.frames;
        self.missing += client.stream.missing;
        self.gaps += client.stream.gaps;
        self.bytes += client.bytes;
        self.said_bytes += client.said_bytes;
        self.owed_at_most += offered.saturating_sub(client.seen_before);
    }

    /// Clients that are not connected any more.
    pub(crate) fn departed(&self) -> u64 {
        self.left_by_themselves
            + self.thrown_out_behind
            + self.thrown_out_flooding
            + self.ended
            + self.wronged
    }
}
