//! The core: everything that decides, put together: the relay, its upstream, its entrance and the
//! phase they are in.
//!
//! Layer: relay. Owns the question how long there is nothing to do ([`Core::patience`]), and the
//! order in which a server lets go. Whoever drives it, the reactor or a simulator, calls its verbs
//! in the order of a turn. Knows nothing of who that is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::Relay;
use super::accept_error::AcceptError;
use super::admission::Refusal;
use super::clients::Parted;
use super::departure::Reason;
use super::entrance::{Entrance, Outlook, Round};
use super::phase::{Drain, Order, Phase};
use super::upstream::{Dialled, Loss, Upstream};

/// What a server decides with.
pub struct Core<S, U> {
    /// The frame log and the clients.
    pub relay: Relay<S>,
    /// Where frames come from.
    pub upstream: Upstream<U>,
    /// Where clients come in.
    pub entrance: Entrance,
    /// Serving, or letting everybody go.
    pub phase: Phase,
    /// How long that may take.
    pub drain_timeout: Duration,
    /// Signals to stop that have come.
    pub stop_signals: usize,
}

impl<S: Read + Write, U: Dialled> Core<S, U> {
    /// How long to sleep: not at all if there is known work, for ever if nothing is ever due.
    /// `errand` is when the caller has something to do itself.
    #[must_use]
    pub fn patience(&mut self, errand: Option<Duration>, now: Duration) -> Option<Duration> {
        let has_work = self.relay.has_work()
            || self.entrance.has_work(now)
            || (self.upstream.has_unread(&self.relay, now) && self.relay.has_room());
        if has_work {
            return Some(Duration::ZERO);
        }
        let deadlines = [
            self.relay.next_deadline(),
            self.upstream.deadline(),
            self.entrance.deadline(),
            self.phase.deadline(),
            errand,
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_sub(now))
    }

    /// What `stops` more signals to stop come to, and a wish of another thread. The first signal, or
    /// a wish, begins a drain, unless one is under way; the second signal ends it.
    pub fn heed(&mut self, stops: usize, wish: Order) -> Order {
        self.stop_signals += stops;
        if self.stop_signals > 1 || wish == Order::Stop {
            return Order::Stop;
        }
        let is_told = self.stop_signals == 1 || wish == Order::Drain;
        if is_told && self.phase.is_serving() {
            return Order::Drain;
        }
        Order::None
    }

    /// Stops accepting, frees the upstream's one place, and begins to let everybody go.
    pub fn drain(&mut self, reason: Reason, now: Duration) {
        self.entrance.close();
        self.upstream.close();
        self.relay.drain(reason, now);
        self.phase = Phase::Draining(Drain::new(now + self.drain_timeout));
    }

    /// Begins to let everybody go if the upstream has ended and is not to be dialled again, and says
    /// how it ended.
    pub fn heed_upstream_end(&mut self, now: Duration) -> Option<Result<(), Loss>> {
        // In a drain there is none: it was closed.
        let outcome = self.upstream.take_end()?;
        self.drain(Reason::UpstreamEnd, now);
        Some(outcome)
    }

    /// Takes a seat for a client that has come in at `place`.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn admit(&mut self, place: usize, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let outcome = self.entrance.admit(place, ip);
        if let Err(refusal) = outcome {
            self.relay.stats_mut().count_refusal(refusal);
        }
        outcome
    }

    /// Who has been admitted cannot be served after all, because of `error`.
    pub fn turn_away(&mut self, place: usize, ip: Option<IpAddr>, error: &io::Error) {
        self.relay
            .stats_mut()
            .count_accept_error(AcceptError::of(error));
        self.entrance.turn_away(place, ip);
    }

    /// `accept` failed, or there was nobody to accept.
    pub fn fail_accept(&mut self, round: &mut Round, error: &io::Error, now: Duration) -> Outlook {
        if error.kind() != ErrorKind::WouldBlock {
            self.relay
                .stats_mut()
                .count_accept_error(AcceptError::of(error));
        }
        self.entrance.failed(round, error, now)
    }

    /// Does what has become due.
    pub fn check_deadlines(&mut self, now: Duration) {
        self.relay.check_deadlines(now);
        if self.phase.is_time_up(now) {
            self.relay.cut_drain();
        }
    }

    /// Takes departed clients out of the slab, as many as one turn's budget permits. Their sockets
    /// are to be closed in the manner of their departure.
    pub fn reap(&mut self, now: Duration) -> Vec<Parted<S>> {
        let parted = self.relay.reap();
        for parted in &parted {
            self.relay.departures.record(parted, now);
            self.entrance.leave(parted, now);
            self.phase
                .count(parted.departure.reason, parted.departure.ending);
        }
        parted
    }

    /// Ends everything now: closes the upstream, and makes everybody depart. Their sockets are to be
    /// closed in the manner of their departure.
    pub fn stop(&mut self) -> Vec<Parted<S>> {
        self.entrance.close();
        self.upstream.close();
        self.relay.cut_drain();
        let mut everybody = Vec::new();
        while self.relay.has_departed() {
            everybody.extend(self.relay.reap());
        }
        everybody
    }

    /// The last client has left, and how the drain went.
    #[must_use]
    pub fn outcome(&self) -> Option<Drain> {
        match &self.phase {
            Phase::Draining(drain) if self.relay.clients().is_empty() => Some(*drain),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use fastrand::Rng;

    use super::super::RelaySettings;
    use super::super::admission::{Admission, AdmissionLimits};
    use super::super::endpoint::Endpoint;
    use super::super::limits::Budgets;
    use super::super::upstream::UpstreamSettings;
    use super::*;

    /// A socket that nobody has.
    #[derive(Debug)]
    struct NoSocket;

    impl Read for NoSocket {
        fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }
    }

    impl Dialled for NoSocket {
        fn peek(&self, _into: &mut [u8]) -> io::Result<usize> {
            Err(ErrorKind::WouldBlock.into())
        }

        fn remote_addr(&self) -> io::Result<Endpoint> {
            Err(ErrorKind::NotConnected.into())
        }

        fn local_addr(&self) -> io::Result<Endpoint> {
            Err(ErrorKind::NotConnected.into())
        }

        fn reset_on_close(&self) {}
    }

    fn core() -> Core<io::Cursor<Vec<u8>>, NoSocket> {
        let relay = Relay::new(&RelaySettings {
            frame_size: 8,
            window_bytes: 64,
            backlog_frames: 4,
            replay_frames: 0,
            linger: Duration::ZERO,
            stall_timeout: None,
            departures_kept: 0,
            history_seconds: 0,
            budgets: Budgets::smallest(),
        });
        let second = Duration::from_secs(1);
        let settings = UpstreamSettings {
            reconnect: true,
            reconnect_min: second,
            reconnect_max: second,
            connect_timeout: second,
            upstream_timeout: None,
            stale_after: None,
        };
        Core {
            relay: relay.unwrap(),
            upstream: Upstream::new(vec![None], settings, Rng::with_seed(1)),
            entrance: Entrance::new(Vec::new(), Admission::new(AdmissionLimits::default())),
            phase: Phase::Serving,
            drain_timeout: second,
            stop_signals: 0,
        }
    }

    #[test]
    fn the_first_signal_is_a_drain_and_the_second_one_the_end_however_they_come() {
        let mut core = core();
        assert_eq!(core.heed(0, Order::None), Order::None);
        assert_eq!(core.heed(1, Order::None), Order::Drain);
        core.drain(Reason::Drain, Duration::ZERO);
        assert_eq!(core.heed(0, Order::Drain), Order::None, "it is under way");
        assert_eq!(core.heed(1, Order::None), Order::Stop);
        assert_eq!(
            self::core().heed(2, Order::None),
            Order::Stop,
            "in one turn"
        );
    }

    #[test]
    fn a_wish_for_a_drain_and_one_signal_are_a_drain_and_a_wish_to_stop_is_the_end() {
        let mut core = core();
        assert_eq!(core.heed(0, Order::Drain), Order::Drain);
        core.drain(Reason::Drain, Duration::ZERO);
        assert_eq!(core.heed(1, Order::Drain), Order::None, "the first signal");
        assert_eq!(core.heed(0, Order::Stop), Order::Stop);
    }
}
