//! Orders: what signals, handles and the upstream's end make the server do.
//!
//! Layer: reactor. Owns the end of the program: in which order things are let go. Knows nothing of
//! how a client is given its backlog.

use std::time::Duration;

use log::info;

use super::drain::{Drain, Phase};
use super::report::print_stats;
use super::server::Server;
use super::signals::SignalPipe;
use super::socket;
use crate::config::Span;
use crate::error::Error;
use crate::relay::departure::{Ending, Reason};

impl Server {
    /// Does what signals and handles ask for.
    pub(super) fn obey(&mut self, now: Duration) -> Result<(), Error> {
        let orders = self.signals.as_mut().map(SignalPipe::orders);
        let orders = orders.unwrap_or_default();
        self.stop_signals += orders.stops;
        if orders.wants_stats {
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
        self.relay.cut_drain();
        let mut clients = 0;
        while self.relay.has_departed() {
            for parted in self.relay.reap() {
                if parted.departure.ending == Ending::Reset {
                    clients += 1;
                    socket::reset_on_close(&parted.socket);
                }
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
