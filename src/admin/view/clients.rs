//! Clients one by one: those that are connected, and those that have left.
//!
//! Layer: admin. Owns the keys of a client and of a departure, which are the same wherever one is
//! shown. Knows nothing of how clients are sorted and chosen.

use serde::Serialize;

use super::{Seconds, Shown, as_text};
use crate::relay::departure::Reason;
use crate::relay::listing::{ClientState, Sort};
use crate::relay::policy::SlowPolicy;

/// `/clients.json`: a part of the clients.
#[derive(Debug, Serialize)]
pub struct ClientsView<'a> {
    /// Clients connected now.
    pub total: usize,
    /// By what they are sorted.
    #[serde(serialize_with = "as_text")]
    pub sort: Sort,
    /// How many were passed over.
    pub offset: usize,
    /// How many were asked for at most.
    pub limit: usize,
    /// Those asked for.
    pub clients: Vec<ClientView<'a>>,
}

/// A connected client.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClientView<'a> {
    /// The number under which the log speaks of it.
    pub id: u64,
    /// Its address; on a unix socket, which gives it none, that of the listener.
    pub addr: Shown<'a>,
    /// The address of the listener that accepted it.
    pub listener: Shown<'a>,
    /// What happens when it is slow.
    #[serde(serialize_with = "as_text")]
    pub policy: SlowPolicy,
    /// Since it was accepted.
    pub connected_seconds: Seconds,
    /// Frames whose last byte its kernel took.
    pub frames: u64,
    /// Bytes that its kernel took.
    pub bytes: u64,
    /// Frames published that it has not been given.
    pub lag_frames: u64,
    /// Frames it was skipped over.
    pub skipped: u64,
    /// How it is going.
    #[serde(serialize_with = "as_text")]
    pub state: ClientState,
}

/// `/departed.json`: the clients that left last.
#[derive(Debug, Serialize)]
pub struct DeparturesView<'a> {
    /// Departures since the start.
    pub total: u64,
    /// How many of them are remembered at most.
    pub kept: usize,
    /// Those that are, the newest first.
    pub departed: Vec<DepartureView<'a>>,
}

/// A client that has left.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DepartureView<'a> {
    /// The number under which the log spoke of it.
    pub id: u64,
    /// Its address; on a unix socket that of the listener.
    pub addr: Shown<'a>,
    /// The address of the listener that had accepted it.
    pub listener: Shown<'a>,
    /// Why it left.
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
    /// Frames whose last byte its kernel took.
    pub frames: u64,
    /// Bytes that its kernel took.
    pub bytes: u64,
    /// Frames it was skipped over.
    pub skipped: u64,
    /// How long it was connected, in whole seconds as in the log.
    pub seconds: u64,
    /// Since it left.
    pub ago_seconds: Seconds,
    /// The failure of its socket, if that is why it left.
    pub error: Option<Shown<'a>>,
}
