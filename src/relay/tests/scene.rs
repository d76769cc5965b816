//! An upstream that is dialled without a kernel, the relay that it feeds, and a clock.

use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;

use super::super::limits::Budgets;
use super::super::upstream::{Loss, News, Step, Upstream, UpstreamSettings, Whom};
use super::super::{Relay, RelaySettings};
use super::MS;
use super::fake::FakeSocket;
use super::line::{Line, LineEnd, Link};

pub(super) const SETTINGS: UpstreamSettings = UpstreamSettings {
    reconnect: true,
    reconnect_min: Duration::from_millis(100),
    reconnect_max: Duration::from_millis(400),
    connect_timeout: Duration::from_millis(500),
    upstream_timeout: None,
    stale_after: None,
};

pub(super) fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// An upstream, the relay that it feeds, and a clock.
pub(super) struct Scene {
    pub(super) upstream: Upstream<Line>,
    pub(super) relay: Relay<FakeSocket>,
    pub(super) now: Duration,
}

impl Scene {
    /// Nothing has been dialled yet. A target without a port is a name.
    pub(super) fn new(ports: &[Option<u16>], settings: UpstreamSettings) -> Self {
        let relay = Relay::new(&RelaySettings {
            frame_size: 8,
            window_bytes: 64,
            backlog_frames: 4,
            replay_frames: 0,
            linger: MS(20),
            stall_timeout: None,
            departures_kept: 0,
            history_seconds: 0,
            budgets: Budgets::default(),
        });
        let targets = ports
            .iter()
            .map(|port| port.map(|port| addr(port).into()))
            .collect();
        Self {
            upstream: Upstream::new(targets, settings, Rng::with_seed(1)),
            relay: relay.expect("a small log"),
            now: MS(1000),
        }
    }

    /// Connected to the only target.
    pub(super) fn streaming(settings: UpstreamSettings) -> Self {
        let mut scene = Self::new(&[Some(1)], settings);
        scene.connect(1);
        scene.news();
        scene
    }

    pub(super) fn advance(&mut self) -> Step {
        self.upstream.advance(&mut self.relay, self.now)
    }

    pub(super) fn dial(&mut self, port: u16) {
        assert_eq!(self.advance(), Step::Connect(addr(port).into()));
        assert!(self.news().contains(&News::Connecting(addr(port).into())));
        assert_eq!(self.upstream.deadline(), Some(Duration::ZERO));
        self.upstream.dialled(Ok(Line::to(addr(port))));
        assert_eq!(self.advance(), Step::Rest);
    }

    pub(super) fn connect(&mut self, port: u16) {
        self.dial(port);
        self.line().link = Link::Made;
        self.upstream.note(true);
        assert_eq!(self.advance(), Step::Rest);
    }

    pub(super) fn line(&mut self) -> &mut Line {
        self.upstream.socket().expect("it is connected")
    }

    /// The upstream sends so many bytes, and they are read.
    pub(super) fn send(&mut self, bytes: usize) -> Step {
        self.line().available += bytes;
        self.upstream.note(true);
        assert!(self.upstream.has_unread(&self.relay, self.now));
        self.advance()
    }

    pub(super) fn end(&mut self, end: LineEnd) -> Step {
        self.line().end = end;
        self.upstream.note(true);
        self.advance()
    }

    pub(super) fn news(&mut self) -> Vec<News> {
        std::iter::from_fn(|| self.upstream.next_news()).collect()
    }

    /// Why it was lost, with how many frames and bytes of another, and how long it waits now.
    pub(super) fn loss(&mut self) -> (Loss, u64, u64, Option<Duration>) {
        let mut news = self.news().into_iter();
        let Some(News::Lost {
            loss,
            frames,
            discarded_bytes,
        }) = news.next()
        else {
            panic!("it is not lost");
        };
        let wait = match news.next() {
            Some(News::Retry(wait)) => Some(wait),
            Some(News::Connecting(_)) | None => None,
            Some(other) => panic!("{other:?} behind a loss"),
        };
        (loss, frames, discarded_bytes, wait)
    }
}

pub(super) fn loss(whom: Whom, reason: &str) -> Loss {
    let reason = reason.to_owned();
    Loss { whom, reason }
}
