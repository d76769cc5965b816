//! What is shown of the program, as plain structs that serialize to the JSON of the endpoint.
//!
//! Layer: admin. Owns the keys, and that every number is one: times are durations, so there is no
//! infinity to trip over. Knows nothing of who fills the structs in, nor of who reads them.
//!
//! The values are borrowed from whoever has them where they are texts, and copied where they are
//! numbers.

use std::fmt;
use std::time::Duration;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::relay::policy::SlowPolicy;
use crate::relay::upstream::Stage;

mod clients;
mod counts;

pub use clients::{ClientView, ClientsView, DepartureView, DeparturesView};
pub use counts::{Connects, Departed, Refused};

/// `/status.json`: everything that the page shows.
#[derive(Debug, Serialize)]
pub struct StatusView<'a> {
    /// The version of fanout.
    pub version: &'a str,
    /// Since the start.
    pub uptime_seconds: Seconds,
    /// When that was, in whole seconds since 1970.
    pub started_at: u64,
    /// What the program is about.
    pub state: ServerState,
    /// Whether it is ready, as `/readyz` says.
    #[serde(flatten)]
    pub readiness: Readiness<'a>,
    /// Bytes per frame.
    pub frame_size: usize,
    /// Frames that a client may lag before its policy acts.
    pub backlog_frames: u64,
    /// The upstream.
    pub upstream: UpstreamView<'a>,
    /// The listeners, as they were asked for.
    pub listeners: Vec<ListenerView<'a>>,
    /// The clients in numbers.
    pub clients: ClientCounts,
    /// What clients have been given.
    pub delivered: Delivered,
    /// Turns of the loop since the start.
    pub turns: u64,
    /// The last minutes, second by second.
    pub history: HistoryView,
    /// The clients that lag most, the greatest lag first; only those with a lag.
    pub laggards: Vec<ClientView<'a>>,
    /// The last departures, the newest first.
    pub departed: Vec<DepartureView<'a>>,
}

/// What the program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// It takes clients and gives them frames.
    Serving,
    /// It lets everybody go.
    Draining,
}

/// Whether fanout is ready: it is if nothing is in the way. Shown as `ready` and `reason`.
#[derive(Clone, Copy, Debug)]
pub struct Readiness<'a> {
    /// What is in the way, in words.
    pub obstacle: Option<&'a str>,
}

impl Serialize for Readiness<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_struct("Readiness", 2)?;
        keys.serialize_field("ready", &self.obstacle.is_none())?;
        keys.serialize_field("reason", &self.obstacle)?;
        keys.end()
    }
}

/// The upstream.
#[derive(Debug, Serialize)]
pub struct UpstreamView<'a> {
    /// How far the connection to it is.
    #[serde(serialize_with = "as_text")]
    pub state: Stage,
    /// The address it is connected to, or being connected to.
    pub addr: Option<Shown<'a>>,
    /// What it may be connected to, as it was asked for.
    pub targets: Vec<Shown<'a>>,
    /// It has completed no frame for longer than it may.
    pub stale: bool,
    /// It is left unread at the moment.
    pub held: bool,
    /// Since it completed a frame; nothing if it has not yet.
    pub last_frame_age_seconds: Option<Seconds>,
    /// Since the connection was made; nothing if there is none.
    pub connected_seconds: Option<Seconds>,
    /// Until it is dialled again; nothing if that is not being waited for.
    pub retry_in_seconds: Option<Seconds>,
    /// Complete frames received.
    pub frames: u64,
    /// Bytes received, those of incomplete frames included.
    pub bytes: u64,
    /// Bytes of incomplete frames thrown away because their connection was lost.
    pub discarded_bytes: u64,
    /// For how long it was left unread, in all.
    pub held_seconds: Seconds,
    /// What came of dialling it.
    pub connects: Connects,
}

/// A listener.
#[derive(Debug, Serialize)]
pub struct ListenerView<'a> {
    /// The address it is bound to.
    pub addr: Shown<'a>,
    /// What happens to its clients when they are slow.
    #[serde(serialize_with = "as_text")]
    pub slow: SlowPolicy,
    /// Frames published in the past that its clients are given first.
    pub replay: u64,
}

/// The clients in numbers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ClientCounts {
    /// Connected now.
    pub connected: u64,
    /// Those among them whose kernel has no room for what they have not been sent.
    pub lagging: u64,
    /// How many there may be.
    pub most: u64,
    /// Accepted and served since the start.
    pub accepted: u64,
    /// Frames by which the one furthest behind is behind now.
    pub lag_frames_max: u64,
    /// Connections that were refused.
    pub refused: Refused,
    /// Clients that left.
    pub departed: Departed,
}

/// What clients have been given, over all of them and since the start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Delivered {
    /// Frames whose last byte was taken by a client's kernel.
    pub frames: u64,
    /// Bytes taken by clients' kernels.
    pub bytes: u64,
    /// Frames that clients were skipped over.
    pub skipped: u64,
    /// Frames that clients which left had not been given completely.
    pub abandoned: u64,
}

/// The last minutes, interval by interval, the oldest first. Only intervals that are over.
#[derive(Debug, Serialize)]
pub struct HistoryView {
    /// How long an interval is.
    pub interval_seconds: u64,
    /// Frames that came from the upstream in each.
    pub frames: Vec<u64>,
    /// Frames that were delivered in each, over all clients.
    pub delivered: Vec<u64>,
    /// Clients connected at the end of each.
    pub clients: Vec<u64>,
}

/// Anything with a text of its own, shown as that text: an address, an error.
#[derive(Clone, Copy)]
pub struct Shown<'a>(pub &'a dyn fmt::Display);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A time in seconds, shown rounded to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl Serialize for Seconds {
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest is near enough once 2^53 microseconds, 285 years, have passed"
    )]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let microseconds = (self.0.as_nanos() + 500) / 1000;
        // One division of whole numbers gives the number nearest to the decimal, which is then
        // shown with those digits; to add up seconds and their fraction does not always.
        serializer.serialize_f64(microseconds as f64 / 1e6)
    }
}

/// Serializes what has a word of its own as that word.
fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests;
