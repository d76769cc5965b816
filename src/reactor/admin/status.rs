//! The status: everything that the page shows, from where it is kept.
//!
//! Layer: reactor. Owns what the page is given, and how much of it: the clients that lag most and the last
//! departures are few, however many there are. Knows nothing of JSON, nor of how the page looks.

use std::time::Duration;

use super::figures;
use super::rows;
use super::scene::{Facts, Scene};
use crate::admin::view::{
    ClientCounts, HistoryView, ListenerView, Readiness, Seconds, ServerState, Shown, StatusView,
    UpstreamView,
};
use crate::reactor::effective::ListenerSetup;
use crate::relay::client::ClientId;
use crate::relay::upstream::Standing;

/// Departures on the page.
const NEWEST: usize = 10;

/// What the status borrows that is not kept anywhere.
pub(super) struct Looked {
    obstacle: Option<String>,
    standing: Standing,
    laggards: Vec<ClientId>,
}

/// Looks at the server.
pub(super) fn look(facts: &Facts, scene: &Scene<'_>, now: Duration) -> Looked {
    Looked {
        obstacle: facts.obstacle(scene, now),
        standing: scene.core.upstream.standing(),
        laggards: rows::laggards(scene),
    }
}

/// The status as of that look.
pub(super) fn view<'a>(
    looked: &'a Looked,
    facts: &'a Facts,
    scene: &'a Scene<'_>,
    now: Duration,
) -> StatusView<'a> {
    let (stats, log) = (scene.core.relay.stats(), scene.core.relay.log());
    StatusView {
        version: super::VERSION,
        uptime_seconds: Seconds(now),
        started_at: facts.started_at.unwrap_or_default().as_secs(),
        state: if scene.core.phase.is_serving() {
            ServerState::Serving
        } else {
            ServerState::Draining
        },
        readiness: Readiness {
            obstacle: looked.obstacle.as_deref(),
        },
        frame_size: usize::try_from(log.frame_size()).unwrap_or(usize::MAX),
        backlog_frames: facts.backlog_frames,
        upstream: upstream(&looked.standing, scene, now),
        listeners: facts.setup.listeners.iter().map(listener).collect(),
        clients: clients(facts, scene),
        delivered: figures::delivered(stats),
        turns: stats.turns,
        history: history(scene),
        laggards: rows::views(&looked.laggards, facts, scene, now)
            .filter(|client| client.lag_frames > 0)
            .collect(),
        departed: rows::newest(NEWEST, facts, scene, now),
    }
}

fn upstream<'a>(standing: &'a Standing, scene: &'a Scene<'_>, now: Duration) -> UpstreamView<'a> {
    let relay = &scene.core.relay;
    let stats = relay.stats();
    let since = |at: Duration| Seconds(now.saturating_sub(at));
    UpstreamView {
        state: standing.stage,
        addr: standing.addr.as_ref().map(|addr| Shown(addr)),
        targets: scene.targets.iter().map(|target| Shown(target)).collect(),
        stale: standing.is_stale,
        held: relay.is_holding(),
        last_frame_age_seconds: stats.last_frame_at.map(since),
        connected_seconds: standing.connected_at.map(since),
        retry_in_seconds: standing.retry_at.map(|at| Seconds(at.saturating_sub(now))),
        frames: stats.frames,
        bytes: stats.upstream_bytes,
        discarded_bytes: stats.discarded_bytes,
        held_seconds: Seconds(relay.held(now)),
        connects: figures::connects(stats),
    }
}

fn listener(setup: &ListenerSetup) -> ListenerView<'_> {
    ListenerView {
        addr: Shown(&setup.addr),
        slow: setup.slow,
        replay: setup.replay,
    }
}

fn clients(facts: &Facts, scene: &Scene<'_>) -> ClientCounts {
    let relay = &scene.core.relay;
    let stats = relay.stats();
    ClientCounts {
        connected: stats.clients,
        lagging: stats.lagging,
        most: facts.setup.max_clients as u64,
        accepted: stats.accepted,
        lag_frames_max: relay.greatest_lag_frames(),
        refused: figures::refused(stats),
        departed: figures::departed(stats),
    }
}

fn history(scene: &Scene<'_>) -> HistoryView {
    let seconds = scene.core.relay.history().seconds();
    let mut view = HistoryView {
        interval_seconds: 1,
        frames: Vec::with_capacity(seconds.len()),
        delivered: Vec::with_capacity(seconds.len()),
        clients: Vec::with_capacity(seconds.len()),
    };
    for second in seconds {
        view.frames.push(second.frames);
        view.delivered.push(second.delivered);
        view.clients.push(second.clients);
    }
    view
}
