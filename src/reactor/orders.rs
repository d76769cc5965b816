//! Orders: what signals, handles and the upstream's end make the server do.
//!
//! Layer: reactor. Owns the end of the program: in which order things are let go. Knows nothing of
//! how a client is given its backlog.

use std::time::Duration;

use log::info;

use super::report::{name, print_stats};
use super::server::Server;
use super::signals::SignalPipe;
use super::socket;
use crate::error::Error;
use crate::relay::departure::{Ending, Reason};
use crate::relay::phase::{Drain, Order};
use crate::relay::span::Span;

impl Server {
    /// Does what signals and handles ask for.
    pub(super) fn obey(&mut self, now: Duration) -> Result<(), Error> {
        let orders = self.signals.as_mut().map(SignalPipe::orders);
        let orders = orders.unwrap_or_default();
        if orders.wants_stats {
            print_stats(&self.stats());
        }
        match self.core.heed(orders.stops, self.desk.wish()) {
            Order::None => {}
            Order::Drain => {
                // First of all: who sees the upstream's connection end may rely on it that nobody
                // is let in any more.
                self.doors.close(self.poll.registry());
                self.core.drain(Reason::Drain, now);
                self.tell_drain();
            }
            Order::Stop => return Err(self.stop_now()),
        }
        Ok(())
    }

    /// An upstream that is not to be dialled again ends the server.
    pub(super) fn heed_upstream_end(&mut self, now: Duration) {
        if let Some(outcome) = self.core.heed_upstream_end(now) {
            self.failure = outcome.err().map(|loss| Error::Upstream {
                addr: name(&loss.whom, self.dialler.targets()),
                reason: loss.reason,
            });
            self.doors.close(self.poll.registry());
            self.tell_drain();
        }
    }

    fn tell_drain(&self) {
        info!(
            "draining clients={} timeout={}",
            self.core.relay.clients().len(),
            Span(self.core.drain_timeout)
        );
    }

    /// Resets every client that is owed something, and says how many those were.
    fn stop_now(&mut self) -> Error {
        self.doors.close(self.poll.registry());
        let mut clients = 0;
        for parted in self.core.stop() {
            if parted.departure.ending == Ending::Reset {
                clients += 1;
                socket::reset_on_close(&parted.socket);
            }
        }
        self.report.close();
        Error::Stopped { clients }
    }

    /// The last client has left.
    pub(super) fn finish(mut self, drain: Drain) -> Result<(), Error> {
        self.report.close();
        self.desk.show(&self.stats());
        info!(
            "drained clients={} aborted={}",
            drain.drained, drain.aborted
        );
        self.failure.map_or(Ok(()), Err)
    }
}
