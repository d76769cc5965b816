//! The scene: what there is to be seen of the server, by whoever answers a request.
//!
//! Layer: reactor. Owns what does not change while the server runs ([`Facts`]), the rest being borrowed for
//! one answer, and the question whether the server is ready. Knows nothing of how anything is shown.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::{Config, UpstreamAddress};
use crate::reactor::effective::Setup;
use crate::reactor::socket::SocketCore;
use crate::relay::client::Card;
use crate::relay::endpoint::Endpoint;
use crate::relay::span::Span;
use crate::relay::upstream::Stage;

/// What does not change.
pub(in crate::reactor) struct Facts {
    /// Since 1970, by the system's clock.
    pub(super) started_at: Option<Duration>,
    pub(super) setup: Arc<Setup>,
    pub(super) backlog_frames: u64,
    stale_after: Option<Duration>,
}

/// What does.
pub(in crate::reactor) struct Scene<'a> {
    pub(in crate::reactor) core: &'a mut SocketCore,
    pub(in crate::reactor) targets: &'a [UpstreamAddress],
    pub(in crate::reactor) lines_suppressed: u64,
}

impl Facts {
    pub(in crate::reactor) fn new(config: &Config, setup: Arc<Setup>) -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            started_at: since_1970.ok(),
            setup,
            backlog_frames: config.backlog,
            stale_after: config.stale_after,
        }
    }

    /// The socket that a client came in by, which may be closed by now: of those of its listener the one of its family.
    pub(super) fn listener_of<'a>(&'a self, card: &'a Card) -> &'a Endpoint {
        let is_v4 = |addr: &Endpoint| addr.ip().map(|ip| ip.is_ipv4());
        let mut sockets = self
            .setup
            .listeners
            .iter()
            .filter(|fact| fact.listener == card.listener);
        let first = sockets.clone().next();
        let akin = sockets.find(|fact| is_v4(&fact.addr) == is_v4(&card.addr));
        akin.or(first).map_or(&card.addr, |fact| &fact.addr)
    }

    /// What keeps the server from being ready, in words.
    pub(super) fn obstacle(&self, scene: &Scene<'_>, now: Duration) -> Option<String> {
        if !scene.core.phase.is_serving() {
            return Some("a drain is under way".to_owned());
        }
        let standing = scene.core.upstream.standing();
        let is_connected = standing.stage == Stage::Connected;
        match scene.core.relay.stats().last_frame_at {
            None if is_connected => Some("the upstream has completed no frame yet".to_owned()),
            None => Some(format!(
                "the upstream is {}, and no frame has come yet",
                standing.stage
            )),
            Some(at) => {
                let age = now.saturating_sub(at);
                let limit = self.stale_after?;
                let whole_seconds = Duration::from_secs(age.as_secs());
                (age > limit).then(|| {
                    format!(
                        "the upstream has completed no frame for {}, which is more than \
                         --stale-after {}; it is {}",
                        Span(whole_seconds),
                        Span(limit),
                        standing.stage
                    )
                })
            }
        }
    }
}
