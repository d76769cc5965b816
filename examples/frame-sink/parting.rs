//! How clients part from the server, and what of it is a broken promise.
//!
//! A clean end at a frame boundary is none, and neither is a reset of a client that lags on purpose. Anything else is.

use std::io;

use crate::Fallible;
use crate::client::Client;
use crate::clock::monotonic_ns;
use crate::fault::Fault;
use crate::kind::Kind;
use crate::sink::{Alarm, Sink};
use crate::tally::{End, Tally};

impl Sink<'_> {
    /// The server has ended a stream.
    pub(crate) fn end(&mut self, key: usize) -> Fallible<()> {
        let client = &self.clients[key];
        let frames = client.checker.frames();
        // With an order or a number of frames outstanding, it is too early.
        let is_early = self.options.orders || self.options.frames.is_some();
        let next = client.checker.next();
        let outcome = match client.checker.end() {
            Ok(()) if is_early && client.kind.keeps_up() => Err(Fault::Ended { frames }),
            outcome => outcome.map(|()| End::Ended),
        };
        let outcome = outcome.and_then(|end| self.compare(next).map(|()| end));
        self.part(key, outcome)
    }

    /// All streams of one server end with the same frame; `next` would have come next in this one.
    fn compare(&mut self, next: Option<u64>) -> Result<(), Fault> {
        let Some(next) = next else {
            return Ok(());
        };
        let elsewhere = *self.ended_before.get_or_insert(next);
        if next == elsewhere {
            Ok(())
        } else {
            Err(Fault::Uneven { next, elsewhere })
        }
    }

    /// Whoever keeps up and has had no frame by the end was not served.
    pub(crate) fn blame_nothing(&mut self) -> Fallible<()> {
        let is_unserved = |client: &Client| client.kind.keeps_up() && client.checker.frames() == 0;
        let unserved: Vec<usize> = self
            .clients
            .iter()
            .filter(|(_, client)| is_unserved(client))
            .map(|(key, _)| key)
            .collect();
        for key in unserved {
            self.part(key, Err(Fault::Nothing))?;
        }
        Ok(())
    }

    /// A client's socket has failed.
    pub(crate) fn fail(&mut self, key: usize, error: &io::Error) -> Fallible<()> {
        let client = &self.clients[key];
        let frames = client.checker.frames();
        let outcome = match error.kind() {
            io::ErrorKind::ConnectionReset if client.kind.may_lag() => Ok(End::ThrownOut),
            io::ErrorKind::ConnectionReset => Err(Fault::Reset { frames }),
            _ => Err(Fault::Socket(error.to_string())),
        };
        self.part(key, outcome)
    }

    /// Removes a client. What it says that was broken ends the program if the bench is there to hear it.
    pub(crate) fn part(&mut self, key: usize, outcome: Result<End, Fault>) -> Fallible<()> {
        let client = self.clients.remove(key);
        let is_unstarted = client.checker.frames() == 0 && client.kind.keeps_up();
        self.unstarted -= usize::from(is_unstarted);
        let tally = &mut self.tallies[client.kind as usize];
        match outcome {
            Ok(end) => tally.ends[end as usize] += 1,
            Err(fault) => {
                let line = format!("{}: {fault}", client.name());
                if client.kind == Kind::Storm && fault.may_be_the_end() {
                    self.suspect(line);
                } else {
                    tally.ends[End::Broken as usize] += 1;
                    self.complain(line)?;
                }
            }
        }
        if client.kind == Kind::Storm {
            client.leave();
        }
        Ok(())
    }

    /// Whether there is nobody left to wait for.
    pub(crate) fn is_finished(&self) -> bool {
        if self.options.orders {
            return false;
        }
        let is_open = |is_awaited: fn(Kind) -> bool| {
            let awaited = self.tallies.iter().filter(|tally| is_awaited(tally.kind));
            awaited.map(Tally::open).sum::<u64>() > 0
        };
        if self.options.frames.is_some() {
            return !is_open(Kind::keeps_up);
        }
        // Who never reads is waited for only if there is nobody else, and the storm is never over.
        let reading = self.tallies.iter().filter(|tally| tally.kind.reads_on());
        let is_only_stalled = reading.map(|tally| tally.clients).sum::<u64>() == 0;
        let is_endless = is_only_stalled && self.options.storm > 0;
        !is_endless
            && !is_open(if is_only_stalled {
                Kind::is_stalled
            } else {
                Kind::reads_on
            })
    }

    /// Notes a broken promise.
    pub(crate) fn complain(&mut self, line: String) -> Fallible<()> {
        if self.options.orders {
            return Err(line.into());
        }
        self.broken_count += 1;
        if self.broken.len() < BROKEN_KEPT {
            self.broken.push(line);
        }
        Ok(())
    }

    /// Notes what befell a client of the storm. That it was thrown out is no broken promise if the server is about to
    /// end.
    pub(crate) fn suspect(&mut self, line: String) {
        self.tallies[Kind::Storm as usize].ends[End::ThrownOut as usize] += 1;
        self.suspected.push_back(line);
        self.timers.set(monotonic_ns() + SUSPICION_NS, Alarm::Judge);
    }

    pub(crate) fn judge(&mut self) -> Fallible<()> {
        match self.suspected.pop_front() {
            Some(line) if !self.is_ending() => {
                let ends = &mut self.tallies[Kind::Storm as usize].ends;
                ends[End::ThrownOut as usize] -= 1;
                ends[End::Broken as usize] += 1;
                self.complain(line)
            }
            _ => Ok(()),
        }
    }

    /// Whether the server has begun to end streams.
    pub(crate) fn is_ending(&self) -> bool {
        let staying = self.tallies.iter().filter(|tally| tally.kind.keeps_up());
        staying
            .map(|tally| tally.ends[End::Ended as usize])
            .sum::<u64>()
            > 0
    }
}

/// Lines about broken promises that are kept: the first say what is wrong, the others say it again.
const BROKEN_KEPT: usize = 10;

/// How long a server that is about to end may treat the storm as it likes before it ends its other clients.
const SUSPICION_NS: u64 = 1_000_000_000;
