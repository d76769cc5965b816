//! Transitions: how an upstream goes from one state to the next.
//!
//! Layer: relay. Owns the order of a loss: the old socket is closed, its begun frame discarded, the
//! news told, and only then the next address tried. Knows nothing of who asks.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use super::attempt::{Attempt, Verdict};
use super::news::{Loss, News, Whom, describe};
use super::stream::{Stream, StreamEnd};
use super::{ConnectResult, Dialled, State, Step, Untried, Upstream};
use crate::relay::Relay;
use crate::relay::endpoint::Endpoint;
use crate::relay::span::Span;

impl<U: Dialled> Upstream<U> {
    pub(super) fn dial(&mut self, now: Duration) -> Step {
        if let Some(addr) = self.targets[self.target].clone() {
            return self.connect(addr, Untried::new());
        }
        self.state = State::Resolving {
            until: now + self.settings.connect_timeout,
            answer: None,
        };
        Step::Resolve(self.target)
    }

    pub(super) fn look_up<S: Read + Write>(
        &mut self,
        until: Duration,
        answer: Option<io::Result<Vec<SocketAddr>>>,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> Option<Step> {
        let (result, reason) = match answer {
            Some(Ok(addrs)) => {
                let mut untried = Untried::from(addrs);
                match untried.pop_front() {
                    Some(addr) => return Some(self.connect(addr.into(), untried)),
                    None => (ConnectResult::Failed, "the name has no address".to_owned()),
                }
            }
            Some(Err(error)) => {
                let reason = format!("name lookup failed: {}", describe(&error));
                (ConnectResult::Failed, reason)
            }
            None if until <= now => (ConnectResult::TimedOut, "name lookup timed out".to_owned()),
            None => {
                self.state = State::Resolving { until, answer };
                return Some(Step::Rest);
            }
        };
        relay.stats_mut().count_connect(result);
        let whom = Whom::Target(self.target);
        self.lose(Loss { whom, reason }, 0, relay, now);
        None
    }

    fn connect(&mut self, addr: Endpoint, untried: Untried) -> Step {
        self.news.push_back(News::Connecting(addr.clone()));
        self.state = State::Dialling {
            addr: addr.clone(),
            untried,
            outcome: None,
        };
        Step::Connect(addr)
    }

    pub(super) fn begin<S: Read + Write>(
        &mut self,
        addr: Endpoint,
        untried: Untried,
        outcome: Option<io::Result<U>>,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> Option<Step> {
        match outcome {
            Some(Ok(socket)) => {
                let until = now + self.settings.connect_timeout;
                let attempt = Attempt::new(socket, addr, until);
                let step = (!attempt.is_noted()).then_some(Step::Rest);
                self.state = State::Connecting { attempt, untried };
                step
            }
            Some(Err(error)) => {
                relay.stats_mut().count_connect(ConnectResult::of(&error));
                self.give_up_address(addr, describe(&error), untried, relay, now)
            }
            None => Some(self.connect(addr, untried)),
        }
    }

    pub(super) fn decide<S: Read + Write>(
        &mut self,
        attempt: Attempt<U>,
        untried: Untried,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> Option<Step> {
        match attempt.decide(now) {
            Verdict::Pending(attempt) => {
                self.state = State::Connecting { attempt, untried };
                Some(Step::Rest)
            }
            Verdict::Connected(socket, addr) => {
                self.news.push_back(News::Connected(addr.clone()));
                relay.stats_mut().count_connect(ConnectResult::Made);
                self.state = State::Streaming(Stream::new(socket, addr, now));
                None
            }
            Verdict::Failed(addr, result, reason) => {
                relay.stats_mut().count_connect(result);
                self.give_up_address(addr, reason, untried, relay, now)
            }
        }
    }

    /// One address cannot be connected to: the next one is tried, if there is one.
    fn give_up_address<S: Read + Write>(
        &mut self,
        addr: Endpoint,
        reason: String,
        mut untried: Untried,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> Option<Step> {
        let whom = Whom::Addr(addr);
        let loss = Loss { whom, reason };
        if let Some(next) = untried.pop_front() {
            self.tell_loss(loss, 0, 0, relay);
            return Some(self.connect(next.into(), untried));
        }
        self.lose(loss, 0, relay, now);
        None
    }

    pub(super) fn take_in<S: Read + Write>(
        &mut self,
        mut stream: Stream<U>,
        relay: &mut Relay<S>,
        now: Duration,
    ) -> Option<Step> {
        let end = stream.take_in(relay, now);
        let (addr, frames) = (stream.addr.clone(), stream.frames);
        if frames > 0 {
            self.backoff.reset();
        }
        if let Some(limit) = self.settings.stale_after
            && stream.has_become_stale(limit, now)
        {
            self.news.push_back(News::Stale(addr.clone(), limit));
        }
        let silence = stream.given_up(self.settings.upstream_timeout, now);
        let (reason, is_clean) = match (end, silence) {
            (StreamEnd::Ended, _) => ("ended".to_owned(), true),
            (StreamEnd::Failed(error), _) => (describe(&error), false),
            (StreamEnd::Open(_), Some(limit)) => (format!("no bytes for {}", Span(limit)), false),
            (StreamEnd::Open(step), None) => {
                self.state = State::Streaming(stream);
                return Some(step);
            }
        };
        // Closed before anything else is dialled.
        drop(stream);
        let whom = Whom::Addr(addr);
        self.end_stream(Loss { whom, reason }, is_clean, frames, relay, now);
        None
    }

    fn end_stream<S: Read + Write>(
        &mut self,
        loss: Loss,
        is_clean: bool,
        frames: u64,
        relay: &mut Relay<S>,
        now: Duration,
    ) {
        if self.settings.reconnect {
            return self.lose(loss, frames, relay, now);
        }
        let discarded_bytes = relay.discard_partial();
        self.tell_loss(loss.clone(), frames, discarded_bytes, relay);
        self.state = State::Ended(Some(if is_clean { Ok(()) } else { Err(loss) }));
    }

    /// A connection was lost or not made: the next target is tried at once, or, after the last of
    /// the list, the first one after a wait.
    fn lose<S: Read + Write>(
        &mut self,
        loss: Loss,
        frames: u64,
        relay: &mut Relay<S>,
        now: Duration,
    ) {
        let discarded_bytes = relay.discard_partial();
        self.tell_loss(loss.clone(), frames, discarded_bytes, relay);
        self.target = (self.target + 1) % self.targets.len();
        self.state = if self.target != 0 {
            State::Idle
        } else if self.settings.reconnect {
            let wait = self.backoff.next(self.jitter.f64());
            self.news.push_back(News::Retry(wait));
            State::Waiting { until: now + wait }
        } else {
            State::Ended(Some(Err(loss)))
        };
    }

    fn tell_loss<S: Read + Write>(
        &mut self,
        loss: Loss,
        frames: u64,
        discarded_bytes: u64,
        relay: &mut Relay<S>,
    ) {
        relay.stats_mut().upstream_losses += 1;
        self.news.push_back(News::Lost {
            loss,
            frames,
            discarded_bytes,
        });
    }
}
