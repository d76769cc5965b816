//! Orders and endings: what signals, handles and the upstream's end make the server do.
//!
//! Layer: reactor. Owns the end of the program: in which order things are let go, what is to be
//! returned once the last client has left, and what was counted on the way. Knows nothing of how a
//! client is given its backlog.

use std::time::Duration;

use log::info;

use super::report::{Span, print_stats};
use super::server::Server;
use super::signals::{Order, SignalPipe};
use super::socket;
use crate::error::Error;
use crate::relay::departure::{Ending, Reason};

/// What the server is doing.
#[derive(Debug)]
pub(super) enum Phase {
    /// Accepting, taking in, giving out.
    Serving,
    /// Giving out what is left.
    Draining(Drain),
}

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// Who is not done by then is reset; none once that has happened.
    until: Option<Duration>,
    /// Clients let go with everything they were owed.
    drained: u64,
    /// Clients reset because the time was up.
    aborted: u64,
    /// Why it ends in failure, if it does.
    failure: Option<Error>,
}

impl Drain {
    pub(super) fn new(until: Duration, failure: Option<Error>) -> Self {
        Self {
            until: Some(until),
            drained: 0,
            aborted: 0,
            failure,
        }
    }

    /// Counts a client that left for `reason`.
    pub(super) fn count(&mut self, reason: Reason, ending: Ending) {
        match (reason, ending) {
            (_, Ending::Reset) => self.aborted += 1,
            (Reason::Drain | Reason::UpstreamEnd, Ending::Fin) => self.drained += 1,
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.until
    }

    /// Whether the time is up; says so once.
    pub(super) fn is_time_up(&mut self, now: Duration) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// The last client has left.
    pub(super) fn finish(self) -> Result<(), Error> {
        info!("drained clients={} aborted={}", self.drained, self.aborted);
        self.failure.map_or(Ok(()), Err)
    }
}

impl Server {
    /// Does what signals and handles ask for.
    pub(super) fn obey(&mut self, now: Duration) -> Result<(), Error> {
        let mut wants_stats = false;
        for order in self.signals.iter_mut().flat_map(SignalPipe::orders) {
            match order {
                Order::Stop => self.stop_signals += 1,
                Order::PrintStats => wants_stats = true,
            }
        }
        if wants_stats {
            print_stats(&self.stats());
        }
        if self.stop_signals > 1 || self.desk.is_stop_wanted() {
            return Err(self.stop_now());
        }
        if (self.stop_signals == 1 || self.desk.is_drain_wanted()) && self.is_serving() {
            self.drain(Reason::Drain, None, now);
        }
        Ok(())
    }

    /// An upstream that is not to be dialled again ends the server.
    pub(super) fn heed_upstream_end(&mut self, now: Duration) {
        if let Some(outcome) = self.upstream.ended().cloned()
            && self.is_serving()
        {
            let failure = outcome.err().map(|loss| Error::Upstream {
                addr: loss.addr,
                reason: loss.reason,
            });
            self.drain(Reason::UpstreamEnd, failure, now);
        }
    }

    fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Serving)
    }

    /// Stops accepting, frees the upstream's one place, and begins to let everybody go.
    fn drain(&mut self, reason: Reason, failure: Option<Error>, now: Duration) {
        info!(
            "draining clients={} timeout={}",
            self.relay.clients().len(),
            Span(self.drain_timeout)
        );
        self.entrance.close(self.poll.registry());
        self.upstream.close();
        self.relay.drain(reason, now);
        self.phase = Phase::Draining(Drain::new(now + self.drain_timeout, failure));
    }

    /// Resets every client that is owed something, and says how many those were.
    fn stop_now(&mut self) -> Error {
        self.entrance.close(self.poll.registry());
        self.upstream.close();
        self.relay.end_drain();
        let mut clients = 0;
        while let Some(parted) = self.relay.reap() {
            if parted.departure.ending == Ending::Reset {
                clients += 1;
                socket::reset_on_close(&parted.socket);
            }
        }
        self.report.close();
        Error::Stopped { clients }
    }

    /// The last client has left.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.report.close();
        self.desk.show(&self.stats());
        match self.phase {
            Phase::Draining(drain) => drain.finish(),
            Phase::Serving => Ok(()),
        }
    }
}
