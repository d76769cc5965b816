//! The upstream: the one connection that frames come from, and what happens between two of them.
//!
//! Layer: reactor. Owns the promise that there are never two connections at once, in any state:
//! the upstream serves one client only. Knows nothing of clients.
//!
//! ```text
//!            ┌─────────── next upstream of the list, at once ────────────┐
//!            ▼                    ┌─ next address ─┐                     │
//!   Idle ──▶ Resolving ──────▶ Connecting ◀────────┘──▶ Streaming ──▶ lost
//!    ▲         │ no address       │ refused, timed out                   │ end of the list
//!    │         └──────────────────┴──────────────────────────────────────┤
//!    └──────────── time up ── Waiting ◀──────────────────────────────────┤
//!                                                  with --no-reconnect   ▼
//!                                                                      Ended
//! ```

use std::time::Duration;

use log::{info, warn};
use mio::Registry;
use mio::event::Event;
use mio::net::TcpStream;

use super::attempt::{Attempt, Loss, Untried, Verdict, describe};
use super::resolver::Resolver;
use super::socket;
use super::stream::{Stream, StreamEnd};
use crate::config::{Config, HostPort, Span};
use crate::relay::Relay;
use crate::relay::backoff::Backoff;

/// The upstream in one of its states.
pub(super) struct Upstream {
    targets: Vec<HostPort>,
    /// Index of the target that is being tried or served from.
    target: usize,
    state: State,
    backoff: Backoff,
    resolver: Resolver,
    settings: Settings,
}

struct Settings {
    reconnect: bool,
    connect_timeout: Duration,
    upstream_timeout: Option<Duration>,
    stale_after: Option<Duration>,
}

enum State {
    /// The current target is to be dialled now.
    Idle,
    /// The resolver has been asked for its addresses.
    Resolving { until: Duration },
    /// One of its addresses is being connected to.
    Connecting { attempt: Attempt, untried: Untried },
    /// Frames may come.
    Streaming(Stream),
    /// The list has been gone through.
    Waiting { until: Duration },
    /// It is over, and will not be dialled again.
    Ended(Result<(), Loss>),
}

impl Upstream {
    pub(super) fn new(config: &Config, resolver: Resolver) -> Self {
        Self {
            targets: config.upstreams.clone(),
            target: 0,
            state: State::Idle,
            backoff: Backoff::new(config.reconnect_min, config.reconnect_max),
            resolver,
            settings: Settings {
                reconnect: config.reconnect,
                connect_timeout: config.connect_timeout,
                upstream_timeout: config.upstream_timeout,
                stale_after: config.stale_after,
            },
        }
    }

    /// Notes what an event says, and moves no bytes.
    pub(super) fn note(&mut self, event: &Event) {
        match &mut self.state {
            State::Connecting { attempt, .. } => attempt.note(),
            State::Streaming(stream) => stream.note(event),
            _ => {}
        }
    }

    /// Goes as far as possible without waiting: dials, takes in frames, or deals with a loss.
    ///
    /// Each round of the loop tries another address or another target, and the list has an end.
    pub(super) fn advance(
        &mut self,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        loop {
            // The state is taken out, so that its socket is closed unless it is put back. What
            // stands in for it meanwhile is what a forgotten state would have to be: visible.
            match std::mem::replace(&mut self.state, State::Ended(Ok(()))) {
                State::Idle => self.dial(relay, registry, now),
                State::Waiting { until } if until <= now => self.dial(relay, registry, now),
                State::Resolving { until } => self.check_answer(until, relay, registry, now),
                State::Connecting { attempt, untried } => match attempt.decide(now) {
                    Verdict::Pending(attempt) => {
                        self.state = State::Connecting { attempt, untried };
                    }
                    Verdict::Connected(stream, addr) => {
                        socket::prepare_upstream(&stream);
                        info!("upstream connected addr={addr}");
                        relay.stats_mut().upstream_connects += 1;
                        self.state = State::Streaming(Stream::new(stream, addr, now));
                        continue;
                    }
                    Verdict::Failed(loss) => {
                        self.connect(untried, Some(loss), relay, registry, now);
                    }
                },
                State::Streaming(stream) => self.take_in(stream, relay, registry, now),
                state @ (State::Waiting { .. } | State::Ended(_)) => self.state = state,
            }
            if !matches!(self.state, State::Idle) {
                return;
            }
        }
    }

    /// Closes the connection at once, so that its one place is free for somebody else.
    pub(super) fn close(&mut self) {
        self.state = State::Ended(Ok(()));
    }

    /// How it ended, once it has.
    pub(super) fn ended(&self) -> Option<&Result<(), Loss>> {
        match &self.state {
            State::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// There are bytes to be read that no event will announce.
    pub(super) fn has_unread(&self, relay: &Relay<TcpStream>, now: Duration) -> bool {
        matches!(&self.state, State::Streaming(stream) if stream.has_unread(relay, now))
    }

    /// When to come round again even if no event does.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Resolving { until } | State::Waiting { until } => Some(*until),
            State::Connecting { attempt, .. } => Some(attempt.deadline()),
            State::Streaming(stream) => {
                stream.deadline(self.settings.upstream_timeout, self.settings.stale_after)
            }
            State::Idle => Some(Duration::ZERO),
            State::Ended(_) => None,
        }
    }

    fn dial(&mut self, relay: &mut Relay<TcpStream>, registry: &Registry, now: Duration) {
        let target = &self.targets[self.target];
        if let Some(addr) = target.numeric() {
            return self.connect(Untried::from([addr]), None, relay, registry, now);
        }
        match self.resolver.ask(self.target, target) {
            Ok(()) => {
                let until = now + self.settings.connect_timeout;
                self.state = State::Resolving { until };
            }
            Err(error) => self.lose_target(&format!("no resolver: {error}"), relay, now),
        }
    }

    fn check_answer(
        &mut self,
        until: Duration,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        match self.resolver.take(self.target) {
            Some(Ok(addrs)) => self.connect(addrs.into(), None, relay, registry, now),
            Some(Err(error)) => {
                self.lose_target(&format!("name lookup failed: {error}"), relay, now);
            }
            None if until <= now => self.lose_target("name lookup timed out", relay, now),
            None => self.state = State::Resolving { until },
        }
    }

    /// Begins to connect to the first of `untried` for which that does not fail at once. `failed`
    /// is what became of the address before.
    fn connect(
        &mut self,
        mut untried: Untried,
        mut failed: Option<Loss>,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        while let Some(addr) = untried.pop_front() {
            if let Some(loss) = failed.take() {
                report_loss(&loss, 0, 0, relay);
            }
            match Attempt::begin(addr, registry, now + self.settings.connect_timeout) {
                Ok(attempt) => {
                    self.state = State::Connecting { attempt, untried };
                    return;
                }
                Err(loss) => failed = Some(loss),
            }
        }
        match failed {
            Some(loss) => self.lose(loss, 0, relay, now),
            None => self.lose_target("the name has no address", relay, now),
        }
    }

    fn take_in(
        &mut self,
        mut stream: Stream,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        let end = stream.take_in(relay, registry, now);
        let (addr, frames) = (stream.addr(), stream.frames());
        if frames > 0 {
            self.backoff.reset();
        }
        stream.tell_if_stale(self.settings.stale_after, now);
        let timeout = stream.given_up(self.settings.upstream_timeout, now);
        let (reason, is_clean) = match (end, timeout) {
            (StreamEnd::Ended, _) => ("ended".to_owned(), true),
            (StreamEnd::Failed(error), _) => (describe(&error), false),
            (StreamEnd::Open, Some(timeout)) => (format!("no bytes for {}", Span(timeout)), false),
            (StreamEnd::Open, None) => {
                self.state = State::Streaming(stream);
                return;
            }
        };
        // Closed before anything else is dialled.
        drop(stream);
        let loss = Loss::new(addr, &reason);
        if self.settings.reconnect {
            self.lose(loss, frames, relay, now);
            return;
        }
        let discarded = relay.discard_partial();
        report_loss(&loss, frames, discarded, relay);
        self.state = State::Ended(if is_clean { Ok(()) } else { Err(loss) });
    }

    /// The current target has no usable address.
    fn lose_target(&mut self, reason: &str, relay: &mut Relay<TcpStream>, now: Duration) {
        let loss = Loss {
            addr: self.targets[self.target].to_string(),
            reason: reason.to_owned(),
        };
        self.lose(loss, 0, relay, now);
    }

    /// A connection was lost or not made: the next target is tried at once, or, after the last of
    /// the list, the first one after a wait.
    fn lose(&mut self, loss: Loss, frames: u64, relay: &mut Relay<TcpStream>, now: Duration) {
        let discarded = relay.discard_partial();
        report_loss(&loss, frames, discarded, relay);
        self.target = (self.target + 1) % self.targets.len();
        self.state = if self.target != 0 {
            State::Idle
        } else if self.settings.reconnect {
            let wait = self.backoff.next(fastrand::f64());
            info!("upstream retry in={} addr={}", Span(wait), self.targets[0]);
            State::Waiting { until: now + wait }
        } else {
            State::Ended(Err(loss))
        };
    }
}

fn report_loss(loss: &Loss, frames: u64, discarded: u64, relay: &mut Relay<TcpStream>) {
    relay.stats_mut().upstream_losses += 1;
    warn!(
        "upstream lost addr={} reason=\"{}\" frames={frames} discarded_bytes={discarded}",
        loss.addr, loss.reason
    );
}
