//! The upstream: the one connection that frames come from, and what happens between two of them.
//!
//! Layer: reactor. Owns the promise that there are never two connections at once, in any state:
//! the upstream serves one client only. Knows nothing of clients.
//!
//! ```text
//!              ┌────────────── next address, or next upstream of the list ──────────────┐
//!              ▼                                                                        │
//!   Idle ──▶ Resolving ──addresses──▶ Connecting ──connected──▶ Streaming ──lost──▶ (list at
//!    ▲         │ no address              │ refused, timed out                       its end?)
//!    │         └─────────────────────────┴──────────────────────────────────────────────┤
//!    └───────────────── time up ── Waiting ◀────────────────── yes ─────────────────────┘
//!                                                        or, with --no-reconnect, Ended
//! ```

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use log::{info, warn};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::report::Span;
use super::resolver::Resolver;
use super::socket;
use super::stream::Stream;
use super::token::Role;
use crate::config::{Config, HostPort};
use crate::relay::backoff::Backoff;
use crate::relay::{IntakeEnd, Relay};

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
    /// One address is being connected to.
    Connecting(Connecting),
    /// Frames may come.
    Streaming(Stream),
    /// The list has been gone through.
    Waiting { until: Duration },
    /// It is over, and will not be dialled again.
    Ended(Result<(), Loss>),
}

struct Connecting {
    stream: TcpStream,
    addr: SocketAddr,
    until: Duration,
    /// Addresses of the same target that are still to be tried.
    rest: VecDeque<SocketAddr>,
    /// An event has come: the attempt may be decided.
    noted: bool,
}

/// An upstream that failed.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) addr: String,
    pub(super) reason: String,
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
            State::Connecting(attempt) => attempt.noted = true,
            State::Streaming(stream) => stream.note(event),
            _ => {}
        }
    }

    /// Goes as far as possible without waiting: dials, takes in frames, or deals with a loss.
    pub(super) fn advance(
        &mut self,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        // Each round tries another address or another target, or ends the loop.
        loop {
            let goes_on = match &mut self.state {
                State::Waiting { until } if *until <= now => {
                    self.state = State::Idle;
                    true
                }
                State::Idle => {
                    self.dial(relay, registry, now);
                    true
                }
                State::Resolving { until } => {
                    let until = *until;
                    self.check_answer(until, relay, registry, now)
                }
                State::Connecting(_) => self.check_attempt(relay, registry, now),
                State::Streaming(_) => {
                    self.take_in(relay, now);
                    matches!(self.state, State::Idle)
                }
                State::Waiting { .. } | State::Ended(_) => false,
            };
            if !goes_on {
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
    pub(super) fn has_unread(&self) -> bool {
        matches!(&self.state, State::Streaming(stream) if stream.is_readable())
    }

    /// When to come round again even if no event does.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Resolving { until } | State::Waiting { until } => Some(*until),
            State::Connecting(attempt) => Some(attempt.until),
            State::Streaming(stream) => {
                stream.deadline(self.settings.upstream_timeout, self.settings.stale_after)
            }
            State::Idle | State::Ended(_) => None,
        }
    }

    fn dial(&mut self, relay: &mut Relay<TcpStream>, registry: &Registry, now: Duration) {
        let target = &self.targets[self.target];
        if let Some(addr) = target.numeric() {
            return self.connect(VecDeque::from([addr]), relay, registry, now);
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
    ) -> bool {
        match self.resolver.take(self.target) {
            Some(Ok(addrs)) => self.connect(addrs.into(), relay, registry, now),
            Some(Err(error)) => {
                self.lose_target(&format!("name lookup failed: {error}"), relay, now);
            }
            None if until <= now => self.lose_target("name lookup timed out", relay, now),
            None => return false,
        }
        true
    }

    /// Begins to connect to the first of `addrs` for which that does not fail at once.
    fn connect(
        &mut self,
        mut addrs: VecDeque<SocketAddr>,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) {
        while let Some(addr) = addrs.pop_front() {
            info!("upstream connecting addr={addr}");
            match begin_connect(addr, registry) {
                Ok(stream) => {
                    self.state = State::Connecting(Connecting {
                        stream,
                        addr,
                        until: now + self.settings.connect_timeout,
                        rest: addrs,
                        noted: false,
                    });
                    return;
                }
                Err(error) if addrs.is_empty() => {
                    let loss = Loss::new(addr, &describe(&error));
                    return self.lose(loss, 0, relay, now);
                }
                Err(error) => report_loss(&Loss::new(addr, &describe(&error)), 0, 0, relay),
            }
        }
    }

    /// Whether a connection has been made, and whether anything was decided.
    fn check_attempt(
        &mut self,
        relay: &mut Relay<TcpStream>,
        registry: &Registry,
        now: Duration,
    ) -> bool {
        let State::Connecting(attempt) = &mut self.state else {
            return false;
        };
        let verdict = if std::mem::take(&mut attempt.noted) {
            check_connected(&attempt.stream)
        } else {
            Ok(false)
        };
        let reason = match verdict {
            Ok(true) => {
                self.begin_stream(relay, now);
                return true;
            }
            Ok(false) if now < attempt.until => return false,
            Ok(false) => "connect timed out".to_owned(),
            Err(error) => describe(&error),
        };
        let loss = Loss::new(attempt.addr, &reason);
        let rest = std::mem::take(&mut attempt.rest);
        // The old socket is closed before another one is opened.
        self.state = State::Idle;
        if rest.is_empty() {
            self.lose(loss, 0, relay, now);
        } else {
            report_loss(&loss, 0, 0, relay);
            self.connect(rest, relay, registry, now);
        }
        true
    }

    fn begin_stream(&mut self, relay: &mut Relay<TcpStream>, now: Duration) {
        let State::Connecting(attempt) = std::mem::replace(&mut self.state, State::Idle) else {
            return;
        };
        let Connecting { stream, addr, .. } = attempt;
        if stream.local_addr().is_ok_and(|local| local == addr) {
            // Closed with a reset: TIME_WAIT would keep the upstream from binding its own port.
            socket::reset_on_close(&stream);
            drop(stream);
            let loss = Loss::new(addr, "connected to itself: nobody listens on that port");
            return self.lose(loss, 0, relay, now);
        }
        socket::prepare_upstream(&stream);
        info!("upstream connected addr={addr}");
        relay.stats_mut().upstream_connects += 1;
        self.state = State::Streaming(Stream::new(stream, addr, now));
    }

    fn take_in(&mut self, relay: &mut Relay<TcpStream>, now: Duration) {
        let State::Streaming(stream) = &mut self.state else {
            return;
        };
        let end = stream.take_in(relay, now);
        if stream.frames() > 0 {
            self.backoff.reset();
        }
        let is_clean = matches!(end, IntakeEnd::Ended);
        let reason = match end {
            IntakeEnd::Ended => "ended".to_owned(),
            IntakeEnd::Failed(error) => describe(&error),
            _ => {
                stream.tell_if_stale(self.settings.stale_after, now);
                match stream.given_up(self.settings.upstream_timeout, now) {
                    Some(timeout) => format!("no bytes for {}", Span(timeout)),
                    None => return,
                }
            }
        };
        let loss = Loss::new(stream.addr(), &reason);
        let frames = stream.frames();
        self.state = State::Idle;
        if !self.settings.reconnect {
            let discarded = relay.discard_partial();
            report_loss(&loss, frames, discarded, relay);
            self.state = State::Ended(if is_clean { Ok(()) } else { Err(loss) });
            return;
        }
        self.lose(loss, frames, relay, now);
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

impl Loss {
    fn new(addr: SocketAddr, reason: &str) -> Self {
        Self {
            addr: addr.to_string(),
            reason: reason.to_owned(),
        }
    }
}

fn report_loss(loss: &Loss, frames: u64, discarded: u64, relay: &mut Relay<TcpStream>) {
    relay.stats_mut().upstream_losses += 1;
    warn!(
        "upstream lost addr={} reason=\"{}\" frames={frames} discarded_bytes={discarded}",
        loss.addr, loss.reason
    );
}

/// Begins to connect, and registers the socket once and for all.
fn begin_connect(addr: SocketAddr, registry: &Registry) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut stream, Role::Upstream.into(), interest)?;
    Ok(stream)
}

/// Whether the connection has been made. An event alone does not say so: it may be spurious.
fn check_connected(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        // `getpeername(2)`; macOS says EINVAL while the connection is being made.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotConnected | ErrorKind::InvalidInput
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The system's words for an error, without "(os error 111)".
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}
