//! The upstream: the one connection that frames come from, and what happens between two of them.
//!
//! Layer: relay. Owns the promise that there are never two connections at once, in any state:
//! the upstream serves one client only. It says what it wants done ([`Step`]) and is told what came
//! of it, so it knows neither how a socket is made nor who looks up names. Knows nothing of clients.
//!
//! ```text
//!            ┌─────────── next upstream of the list, at once ────────────┐
//!            ▼                    ┌─ next address ─┐                     │
//!   Idle ──▶ Resolving ──▶ Dialling ──▶ Connecting ┴──────▶ Streaming ──▶ lost
//!    ▲         │ no address   │ failed     │ refused, timed out         │ end of the list
//!    │         └──────────────┴────────────┴────────────────────────────┤
//!    └──────────── time up ── Waiting ◀─────────────────────────────────┤
//!                                                  with --no-reconnect  ▼
//!                                                                     Ended
//! ```

mod attempt;
mod news;
mod outcome;
mod standing;
mod stream;
mod transitions;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;

use super::Relay;
use super::backoff::Backoff;
use super::endpoint::Endpoint;

pub(crate) use attempt::Attempt;
#[cfg(test)]
pub(crate) use attempt::Verdict;
pub use news::{Loss, News, Whom};
pub use outcome::ConnectResult;
pub use standing::{Stage, Standing};
use stream::Stream;

/// A socket that has been dialled: what must be known of it beyond what it has to read.
pub trait Dialled: Read {
    /// What would be read, as `recv(2)` with `MSG_PEEK` gives it.
    ///
    /// # Errors
    /// Those of reading.
    fn peek(&self, into: &mut [u8]) -> io::Result<usize>;

    /// The address of the other end, as `getpeername(2)` gives it.
    ///
    /// # Errors
    /// When there is no other end yet, or any more.
    fn remote_addr(&self) -> io::Result<Endpoint>;

    /// The address of this end, as `getsockname(2)` gives it.
    ///
    /// # Errors
    /// Those of the system.
    fn local_addr(&self) -> io::Result<Endpoint>;

    /// Makes closing it reset the connection.
    fn reset_on_close(&self);
}

/// The upstream in one of its states.
pub struct Upstream<U> {
    /// For each target of the list its address, if that is known without asking.
    targets: Vec<Option<Endpoint>>,
    /// Index of the target that is being tried or served from.
    target: usize,
    state: State<U>,
    backoff: Backoff,
    jitter: Rng,
    settings: UpstreamSettings,
    news: VecDeque<News>,
}

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamSettings {
    /// Whether a lost upstream is dialled again.
    pub reconnect: bool,
    /// First nominal wait before the list is gone through again.
    pub reconnect_min: Duration,
    /// Longest nominal wait.
    pub reconnect_max: Duration,
    /// How long a connection may take to be made, and a name to be looked up.
    pub connect_timeout: Duration,
    /// Without one byte for this long it is given up.
    pub upstream_timeout: Option<Duration>,
    /// Without one frame for this long it is called stale, once.
    pub stale_after: Option<Duration>,
}

/// What the caller is to do before it asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing in this turn.
    Rest,
    /// Have this target's name looked up; [`Upstream::resolved`] when there is an answer.
    Resolve(usize),
    /// Begin to connect, and register the socket; then [`Upstream::dialled`].
    Connect(Endpoint),
    /// Register the socket again; then [`Upstream::listened`].
    Listen,
    /// Take the socket out of the poll; then [`Upstream::ignored`].
    Ignore,
}

enum State<U> {
    /// The current target is to be dialled now.
    Idle,
    /// The addresses of the current target are being looked up.
    Resolving {
        until: Duration,
        answer: Option<io::Result<Vec<SocketAddr>>>,
    },
    /// The caller is to connect to `addr`, and says what came of it.
    Dialling {
        addr: Endpoint,
        untried: Untried,
        outcome: Option<io::Result<U>>,
    },
    /// One of its addresses is being connected to.
    Connecting {
        attempt: Attempt<U>,
        untried: Untried,
    },
    /// Frames may come.
    Streaming(Stream<U>),
    /// The list has been gone through.
    Waiting { until: Duration },
    /// It is over, and will not be dialled again; how it ended, until that has been asked.
    Ended(Option<Result<(), Loss>>),
}

/// The addresses of one upstream that have not been tried yet.
type Untried = VecDeque<SocketAddr>;

impl<U: Dialled> Upstream<U> {
    /// An upstream that is to be dialled. `targets` are the addresses of the list, in its order,
    /// as far as they are known without asking. There is at least one.
    #[must_use]
    pub fn new(targets: Vec<Option<Endpoint>>, settings: UpstreamSettings, jitter: Rng) -> Self {
        Self {
            targets,
            target: 0,
            state: State::Idle,
            backoff: Backoff::new(settings.reconnect_min, settings.reconnect_max),
            jitter,
            settings,
            news: VecDeque::new(),
        }
    }

    /// Notes what an event says, and moves no bytes.
    pub fn note(&mut self, readable: bool) {
        match &mut self.state {
            State::Connecting { attempt, .. } => attempt.note(),
            State::Streaming(stream) => stream.note(readable),
            _ => {}
        }
    }

    /// Goes as far as possible without waiting: takes in frames, or deals with a loss. To be called
    /// until it says [`Step::Rest`].
    ///
    /// Each round of the loop tries another address or another target, and the list has an end.
    pub fn advance<S: Read + Write>(&mut self, relay: &mut Relay<S>, now: Duration) -> Step {
        loop {
            // The state is taken out, so that its socket is closed unless it is put back. What
            // stands in for it meanwhile is what a forgotten state would have to be: visible.
            let step = match std::mem::replace(&mut self.state, State::Ended(None)) {
                State::Idle => Some(self.dial(now)),
                State::Waiting { until } if until <= now => Some(self.dial(now)),
                State::Resolving { until, answer } => self.look_up(until, answer, relay, now),
                State::Dialling {
                    addr,
                    untried,
                    outcome,
                } => self.begin(addr, untried, outcome, relay, now),
                State::Connecting { attempt, untried } => self.decide(attempt, untried, relay, now),
                State::Streaming(stream) => self.take_in(stream, relay, now),
                state @ (State::Waiting { .. } | State::Ended(_)) => {
                    self.state = state;
                    Some(Step::Rest)
                }
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// The target whose addresses are being looked up.
    #[must_use]
    pub fn awaited(&self) -> Option<usize> {
        matches!(&self.state, State::Resolving { .. }).then_some(self.target)
    }

    /// The answer about [`Upstream::awaited`].
    pub fn resolved(&mut self, outcome: io::Result<Vec<SocketAddr>>) {
        if let State::Resolving { answer, .. } = &mut self.state {
            *answer = Some(outcome);
        }
    }

    /// What came of [`Step::Connect`].
    pub fn dialled(&mut self, socket: io::Result<U>) {
        if let State::Dialling { outcome, .. } = &mut self.state {
            *outcome = Some(socket);
        }
    }

    /// What came of [`Step::Listen`].
    pub fn listened(&mut self, outcome: io::Result<()>, now: Duration) {
        if let State::Streaming(stream) = &mut self.state {
            stream.listened(outcome, now);
        }
    }

    /// [`Step::Ignore`] has been done. If it could not be, this is not to be called.
    pub fn ignored(&mut self) {
        if let State::Streaming(stream) = &mut self.state {
            stream.ignored();
        }
    }

    /// Closes the connection at once, so that its one place is free for somebody else.
    pub fn close(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended(None));
        if let State::Connecting { attempt, .. } = state {
            attempt.abandon();
        }
    }

    /// How it ended by itself, once it has. Says so once.
    pub fn take_end(&mut self) -> Option<Result<(), Loss>> {
        match &mut self.state {
            State::Ended(outcome) => outcome.take(),
            _ => None,
        }
    }

    /// The oldest of what has happened and was not asked for yet.
    pub fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Its socket, if there is one.
    pub fn socket(&mut self) -> Option<&mut U> {
        match &mut self.state {
            State::Connecting { attempt, .. } => Some(&mut attempt.socket),
            State::Streaming(stream) => Some(&mut stream.socket),
            _ => None,
        }
    }

    /// There are bytes to be read that no event will announce.
    #[must_use]
    pub fn has_unread<S: Read + Write>(&self, relay: &Relay<S>, now: Duration) -> bool {
        matches!(&self.state, State::Streaming(stream) if stream.has_unread(relay, now))
    }

    /// When to come round again even if no event does.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Resolving { until, .. } | State::Waiting { until } => Some(*until),
            State::Connecting { attempt, .. } => Some(attempt.deadline()),
            State::Streaming(stream) => {
                stream.deadline(self.settings.upstream_timeout, self.settings.stale_after)
            }
            State::Idle | State::Dialling { .. } => Some(Duration::ZERO),
            State::Ended(_) => None,
        }
    }
}
