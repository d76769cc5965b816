//! Each metric with its name, its kind and its help, one function for each part of the view.
//!
//! Layer: admin. Owns what the help says: the unit, and what one observation is. Knows nothing of
//! how a family is written.

use std::time::Duration;

use super::{ClientMetrics, ProcessMetrics, TurnMetrics, UpstreamMetrics};
use crate::admin::exposition::{Exposition, Kind};
use crate::admin::view::Delivered;
use crate::relay::accept_error::AcceptError;

pub(super) fn build(text: &mut Exposition, version: &str) {
    text.family(
        "fanout_build_info",
        Kind::Gauge,
        "Always 1; the label says which version of fanout this is.",
    )
    .sample(&[("version", &version)], 1);
}

pub(super) fn upstream(text: &mut Exposition, upstream: &UpstreamMetrics, uptime: Duration) {
    text.single(
        "fanout_upstream_connected",
        Kind::Gauge,
        "1 while there is a connection to an upstream, else 0.",
        u64::from(upstream.connected),
    );
    // A number from the start: NaN is greater than nothing, and a series that is absent is not
    // compared at all, so an upstream that never sent a frame would not trip an alert on its age.
    text.single(
        "fanout_upstream_last_frame_age_seconds",
        Kind::Gauge,
        "Seconds since the upstream completed a frame; since the start of fanout if it has completed none.",
        upstream.last_frame_age.unwrap_or(uptime),
    );
    let mut connects = text.family(
        "fanout_upstream_connects_total",
        Kind::Counter,
        "Attempts to connect to an upstream, by what came of them; self: the socket had met itself, and was closed.",
    );
    for (result, count) in upstream.connects.words() {
        connects.sample(&[("result", &result)], count);
    }
    text.single(
        "fanout_upstream_frames_total",
        Kind::Counter,
        "Complete frames received from the upstream.",
        upstream.frames,
    );
    text.single(
        "fanout_upstream_bytes_total",
        Kind::Counter,
        "Bytes received from the upstream, those of incomplete frames included.",
        upstream.bytes,
    );
    text.single(
        "fanout_upstream_discarded_bytes_total",
        Kind::Counter,
        "Bytes of incomplete frames thrown away because their connection was lost.",
        upstream.discarded_bytes,
    );
    text.single(
        "fanout_upstream_held_seconds_total",
        Kind::Counter,
        "Seconds during which the upstream was left unread because clients were waited for.",
        upstream.held,
    );
}

pub(super) fn clients(text: &mut Exposition, clients: &ClientMetrics<'_>) {
    text.single(
        "fanout_clients",
        Kind::Gauge,
        "Clients connected now.",
        clients.connected,
    );
    text.single(
        "fanout_clients_lagging",
        Kind::Gauge,
        "Clients whose kernel has no room now for what they have not been sent.",
        clients.lagging,
    );
    text.single(
        "fanout_clients_accepted_total",
        Kind::Counter,
        "Clients accepted and served.",
        clients.accepted,
    );
    let mut refused = text.family(
        "fanout_clients_refused_total",
        Kind::Counter,
        "Connections that were closed at once instead of being served, by reason.",
    );
    for (reason, count) in clients.refused.words() {
        refused.sample(&[("reason", &reason)], count);
    }
    let mut departed = text.family(
        "fanout_clients_departed_total",
        Kind::Counter,
        "Clients that left, were thrown out or were let go, by reason.",
    );
    for (reason, count) in clients.departed.words() {
        departed.sample(&[("reason", &reason)], count);
    }
}

pub(super) fn delivered(text: &mut Exposition, delivered: &Delivered) {
    text.single(
        "fanout_frames_delivered_total",
        Kind::Counter,
        "Frames whose last byte was taken by a client's kernel, over all clients.",
        delivered.frames,
    );
    text.single(
        "fanout_bytes_delivered_total",
        Kind::Counter,
        "Bytes taken by clients' kernels, over all clients.",
        delivered.bytes,
    );
    text.single(
        "fanout_frames_skipped_total",
        Kind::Counter,
        "Frames that lagging clients were skipped over, over all clients.",
        delivered.skipped,
    );
}

pub(super) fn lag(text: &mut Exposition, clients: &ClientMetrics<'_>) {
    text.single(
        "fanout_client_lag_frames_max",
        Kind::Gauge,
        "Frames by which the client furthest behind is behind now.",
        clients.lag_frames_max,
    );
    text.histogram(
        "fanout_client_lag_frames",
        "Frames by which a client was behind just before more were published: \
         one observation for each client whenever frames are published.",
        &clients.lag_frames,
    );
}

pub(super) fn turns(text: &mut Exposition, turns: &TurnMetrics<'_>) {
    text.histogram(
        "fanout_delivery_seconds",
        "Seconds from the last byte of a frame read to the moment when the last client that was ready \
         had been given it: one observation for each frame that found a client ready.",
        &turns.deliveries,
    );
    text.histogram(
        "fanout_turn_seconds",
        "Seconds from waking up to sleeping again: one observation for each turn of the loop.",
        &turns.durations,
    );
    text.single(
        "fanout_turns_total",
        Kind::Counter,
        "Turns of the loop.",
        turns.turns,
    );
    let mut errors = text.family(
        "fanout_accept_errors_total",
        Kind::Counter,
        "Failures of accept(2), by the name of the error; other: those without a name here.",
    );
    for (error, count) in AcceptError::ALL.into_iter().zip(turns.accept_errors) {
        errors.sample(&[("error", &error)], count);
    }
    text.single(
        "fanout_log_lines_suppressed_total",
        Kind::Counter,
        "Log lines about clients left out because there were too many of them.",
        turns.lines_suppressed,
    );
}

/// The names and meanings are those of every Prometheus client:
/// <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>.
pub(super) fn process(text: &mut Exposition, process: &ProcessMetrics) {
    if let Some(cpu) = process.cpu {
        let help = "Total user and system CPU time spent in seconds.";
        text.single("process_cpu_seconds_total", Kind::Counter, help, cpu);
    }
    if let Some(start_time) = process.start_time {
        let help = "Start time of the process since unix epoch in seconds.";
        text.single("process_start_time_seconds", Kind::Gauge, help, start_time);
    }
    let gauges = [
        (
            "process_open_fds",
            "Number of open file descriptors.",
            process.open_fds,
        ),
        (
            "process_max_fds",
            "Maximum number of open file descriptors.",
            process.max_fds,
        ),
        (
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            process.virtual_memory_bytes,
        ),
        (
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            process.resident_memory_bytes,
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            text.single(name, Kind::Gauge, help, value);
        }
    }
}
