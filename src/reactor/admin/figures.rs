//! Figures: the numbers of `/metrics`, from where they are counted.
//!
//! Layer: reactor. Owns which counter is which metric. It looks at no client but to find the greatest lag,
//! and then only while somebody has a backlog. Knows nothing of the text.

use std::time::Duration;

use super::scene::{Facts, Scene};
use crate::admin::exposition::HistogramView;
use crate::admin::metrics::{self, ClientMetrics, MetricsView, TurnMetrics, UpstreamMetrics};
use crate::admin::view::{Connects, Delivered, Departed, Refused};
use crate::reactor::process;
use crate::relay::histogram::{Histogram, Quantity};
use crate::relay::stats::Stats;
use crate::relay::upstream::Stage;

/// The text of `/metrics`.
pub(super) fn render(facts: &Facts, scene: &Scene<'_>, now: Duration) -> String {
    let relay = &scene.core.relay;
    let (stats, measures) = (relay.stats(), relay.measures());
    metrics::render(&MetricsView {
        version: super::VERSION,
        uptime: now,
        upstream: upstream(scene, now),
        clients: ClientMetrics {
            connected: stats.clients,
            lagging: stats.lagging,
            accepted: stats.accepted,
            refused: refused(stats),
            departed: departed(stats),
            lag_frames_max: relay.greatest_lag_frames(),
            lag_frames: view_of(measures.lag_frames()),
        },
        delivered: delivered(stats),
        turns: TurnMetrics {
            turns: stats.turns,
            durations: view_of(measures.turns()),
            deliveries: view_of(measures.deliveries()),
            accept_errors: stats.accept_errors_by_kind,
            lines_suppressed: scene.lines_suppressed,
        },
        process: process::measure(facts.started_at),
    })
}

fn upstream(scene: &Scene<'_>, now: Duration) -> UpstreamMetrics {
    let relay = &scene.core.relay;
    let stats = relay.stats();
    UpstreamMetrics {
        connected: scene.core.upstream.standing().stage == Stage::Connected,
        last_frame_age: stats.last_frame_at.map(|at| now.saturating_sub(at)),
        connects: connects(stats),
        frames: stats.frames,
        bytes: stats.upstream_bytes,
        discarded_bytes: stats.discarded_bytes,
        held: relay.held(now),
    }
}

pub(super) fn connects(stats: &Stats) -> Connects {
    Connects(stats.connects_by_result)
}

pub(super) fn delivered(stats: &Stats) -> Delivered {
    Delivered {
        frames: stats.delivered,
        bytes: stats.delivered_bytes,
        skipped: stats.skipped,
        abandoned: stats.abandoned,
    }
}

pub(super) fn refused(stats: &Stats) -> Refused {
    Refused(stats.refused_by_reason)
}

pub(super) fn departed(stats: &Stats) -> Departed {
    Departed(stats.departed_by_reason)
}

fn view_of<Q: Quantity>(histogram: &Histogram<Q>) -> HistogramView<'_, Q> {
    HistogramView {
        bounds: histogram.bounds(),
        counts: histogram.counts(),
        sum: histogram.sum(),
    }
}
