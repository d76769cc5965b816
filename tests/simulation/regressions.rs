//! What the simulator has found in the upstream's state machine, as scripts of their own.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fanout::relay::limits::Budgets;
use fanout::relay::upstream::{News, Step, Upstream, UpstreamSettings};
use fanout::relay::{Relay, RelaySettings};
use fastrand::Rng;

use crate::client::SimSocket;
use crate::upstream::{Link, SimUpstream};
use crate::weather::{BACKOFF, CONNECT_TIMEOUT};
use crate::world::target_addr;

/// An upstream that has been dialled, and will be dialled again.
struct Scene {
    upstream: Upstream<SimUpstream>,
    relay: Relay<SimSocket>,
    open: Rc<Cell<usize>>,
}

impl Scene {
    fn dialled() -> Self {
        let settings = UpstreamSettings {
            reconnect: true,
            reconnect_min: BACKOFF.0,
            reconnect_max: BACKOFF.1,
            connect_timeout: CONNECT_TIMEOUT,
            upstream_timeout: None,
            stale_after: None,
        };
        let relay = Relay::new(&RelaySettings {
            frame_size: 8,
            window_bytes: 64,
            backlog_frames: 4,
            replay_frames: 0,
            linger: Duration::ZERO,
            stall_timeout: None,
            departures_kept: 0,
            history_seconds: 0,
            budgets: Budgets::default(),
        });
        let mut scene = Self {
            upstream: Upstream::new(
                vec![Some(target_addr(0).into())],
                settings,
                Rng::with_seed(1),
            ),
            relay: relay.expect("a small log"),
            open: Rc::default(),
        };
        assert_eq!(
            scene.advance(Duration::ZERO),
            Step::Connect(target_addr(0).into())
        );
        let socket = SimUpstream::dial(target_addr(0), 0, (8, 64), false, &scene.open);
        scene.upstream.dialled(Ok(socket));
        assert_eq!(scene.advance(Duration::ZERO), Step::Rest);
        assert_eq!(
            scene.upstream.next_news(),
            Some(News::Connecting(target_addr(0).into()))
        );
        scene
    }

    fn advance(&mut self, now: Duration) -> Step {
        self.upstream.advance(&mut self.relay, now)
    }

    /// The kernel has come to a result, and its event is still on the way.
    fn settle(&mut self, link: Link) {
        self.upstream
            .socket()
            .expect("it is being connected")
            .settle(link);
    }

    fn next_connected(&mut self) -> Option<SocketAddr> {
        match self.upstream.next_news() {
            Some(News::Connected(addr)) => addr.inet(),
            _ => None,
        }
    }
}

#[test]
fn a_connection_that_is_made_as_its_time_is_up_is_not_given_up() {
    let mut scene = Scene::dialled();
    scene.settle(Link::Made);
    assert_eq!(scene.advance(CONNECT_TIMEOUT), Step::Rest);
    assert_eq!(scene.next_connected(), Some(target_addr(0)));
}

#[test]
fn a_connection_to_itself_that_nobody_has_noticed_is_closed_with_a_reset() {
    // That it is a reset is asserted where the socket is dropped.
    let mut late = Scene::dialled();
    late.settle(Link::ToItself);
    late.advance(CONNECT_TIMEOUT);
    assert_eq!(late.next_connected(), None);
    assert_eq!(late.open.get(), 0);

    let mut closed = Scene::dialled();
    closed.settle(Link::ToItself);
    closed.upstream.close();
    assert_eq!(closed.open.get(), 0);
}
