//! The metrics: which there are, under which names and labels, and what each of them means.
//!
//! Layer: admin. Owns the names, and that each label value is there from the start, at 0: a series
//! that appears with its first event hides that event from `rate()`. Clients never become labels,
//! so the text has the same length whoever is connected. Knows nothing of where the values come
//! from.

use std::time::Duration;

use super::exposition::{Exposition, HistogramView};
use super::view::{Connects, Delivered, Departed, Refused};
use crate::relay::accept_error::AcceptError;

mod families;

/// What the metrics are made of.
#[derive(Clone, Copy, Debug)]
pub struct MetricsView<'a> {
    /// The version of fanout.
    pub version: &'a str,
    /// Since the start.
    pub uptime: Duration,
    /// The upstream.
    pub upstream: UpstreamMetrics,
    /// The clients.
    pub clients: ClientMetrics<'a>,
    /// What clients have been given.
    pub delivered: Delivered,
    /// The loop.
    pub turns: TurnMetrics<'a>,
    /// What the system says of the process.
    pub process: ProcessMetrics,
}

/// The upstream; counts are since the start.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamMetrics {
    /// There is a connection.
    pub connected: bool,
    /// Since it completed a frame; nothing if it has not yet.
    pub last_frame_age: Option<Duration>,
    /// What came of dialling it.
    pub connects: Connects,
    /// Complete frames received.
    pub frames: u64,
    /// Bytes received, those of incomplete frames included.
    pub bytes: u64,
    /// Bytes of incomplete frames thrown away.
    pub discarded_bytes: u64,
    /// For how long it was left unread.
    pub held: Duration,
}

/// The clients; counts are since the start where they do not say now.
#[derive(Clone, Copy, Debug)]
pub struct ClientMetrics<'a> {
    /// Connected now.
    pub connected: u64,
    /// Those now whose kernel has no room for what they have not been sent.
    pub lagging: u64,
    /// Accepted and served.
    pub accepted: u64,
    /// Connections that were refused.
    pub refused: Refused,
    /// Clients that left.
    pub departed: Departed,
    /// Frames by which the one furthest behind is behind now.
    pub lag_frames_max: u64,
    /// How far behind each client was whenever frames were published, in frames.
    pub lag_frames: HistogramView<'a, u64>,
}

/// The loop; counts are since the start.
#[derive(Clone, Copy, Debug)]
pub struct TurnMetrics<'a> {
    /// Turns.
    pub turns: u64,
    /// How long each took, from waking up to sleeping again.
    pub durations: HistogramView<'a, Duration>,
    /// How long each frame took that found a client ready, from its last byte read to the last of
    /// those that was given it.
    pub deliveries: HistogramView<'a, Duration>,
    /// Failures of `accept`, in the order of [`AcceptError::ALL`].
    pub accept_errors: [u64; AcceptError::ALL.len()],
    /// Log lines about clients that were left out.
    pub lines_suppressed: u64,
}

/// What the system says of the process; what it does not say is left out of the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessMetrics {
    /// Time on the processor, in user space and in the kernel.
    pub cpu: Option<Duration>,
    /// Descriptors that are open.
    pub open_fds: Option<u64>,
    /// Descriptors that may be open.
    pub max_fds: Option<u64>,
    /// Address space taken, in bytes.
    pub virtual_memory_bytes: Option<u64>,
    /// Memory that is resident, in bytes.
    pub resident_memory_bytes: Option<u64>,
    /// When it was started, since 1970.
    pub start_time: Option<Duration>,
}

/// The metrics as text, to be sent as [`CONTENT_TYPE`](super::exposition::CONTENT_TYPE).
#[must_use]
pub fn render(view: &MetricsView<'_>) -> String {
    let mut text = Exposition::with_capacity(TEXT_BYTES);
    families::build(&mut text, view.version);
    families::upstream(&mut text, &view.upstream, view.uptime);
    families::clients(&mut text, &view.clients);
    families::delivered(&mut text, &view.delivered);
    families::lag(&mut text, &view.clients);
    families::turns(&mut text, &view.turns);
    families::process(&mut text, &view.process);
    text.into_text()
}

/// Room for all metrics with the longest numbers, so that the text is not moved while it grows.
const TEXT_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
