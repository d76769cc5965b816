//! The report: log lines about clients, upstreams and the drain, in the words of the contract.
//!
//! Layer: reactor. Owns wording, levels and the budget for lines that clients cause. Knows nothing
//! of where the lines go.

use std::fmt;
use std::io;
use std::time::Duration;

use log::{info, warn};

use crate::config::UpstreamAddress;
use crate::relay::admission::Refusal;
use crate::relay::clients::Parted;
use crate::relay::departure::{Ending, Reason};
use crate::relay::endpoint::Endpoint;
use crate::relay::limits::{ACCEPT_LINES_PER_SECOND, CLIENT_LINES_PER_SECOND};
use crate::relay::line_budget::LineBudget;
use crate::relay::span::Span;
use crate::relay::stats::Stats;
use crate::relay::upstream::{News, Whom};

/// Writes the lines that clients cause, no more than the budget permits.
pub(super) struct Report {
    budget: LineBudget,
    /// For the two lines about accepting, so that a crowd does not drown them.
    pauses: LineBudget,
    /// Lines left out since the last summary, by [`Kind`].
    left_out: [u64; 5],
    /// Lines left out and summed up since the start.
    suppressed: u64,
}

/// What a line that clients cause is about.
#[derive(Clone, Copy)]
enum Kind {
    Joined,
    Left,
    Refused,
    Unregistered,
    Accept,
}

impl Report {
    pub(super) fn new() -> Self {
        Self {
            budget: LineBudget::new(CLIENT_LINES_PER_SECOND),
            pauses: LineBudget::new(ACCEPT_LINES_PER_SECOND),
            left_out: [0; 5],
            suppressed: 0,
        }
    }

    pub(super) fn joined(&mut self, serial: u64, addr: &Endpoint, clients: usize, now: Duration) {
        if self.may_say(Kind::Joined, now) {
            info!("client joined id={serial} addr={addr} clients={clients}");
        }
    }

    pub(super) fn refused(&mut self, addr: &Endpoint, reason: Refusal, now: Duration) {
        if self.may_say(Kind::Refused, now) {
            warn!("client refused addr={addr} reason={reason}");
        }
    }

    pub(super) fn left<S>(&mut self, parted: &Parted<S>, clients: usize, now: Duration) {
        if !self.may_say(Kind::Left, now) {
            return;
        }
        let Parted {
            card,
            tally,
            departure,
            ..
        } = parted;
        let line = format_args!(
            "client left id={} addr={} reason={}{} frames={} skipped={} seconds={} clients={clients}",
            card.serial,
            card.addr,
            departure.reason,
            ErrorField(departure.error.as_ref()),
            tally.frames,
            tally.skipped,
            now.saturating_sub(card.joined_at).as_secs(),
        );
        let is_cut = departure.ending == Ending::Reset && departure.reason != Reason::Error;
        if departure.reason.is_expulsion() || is_cut {
            warn!("{line}");
        } else {
            info!("{line}");
        }
    }

    pub(super) fn not_registered(&mut self, addr: &Endpoint, error: &io::Error, now: Duration) {
        if self.may_say(Kind::Unregistered, now) {
            warn!("client not registered addr={addr} error=\"{error}\"");
        }
    }

    /// At the descriptor limit every client that leaves makes room for one that waits, so these
    /// two are lines that clients can cause as well.
    pub(super) fn accept_paused(&mut self, error: &io::Error, now: Duration) {
        if self.may_say(Kind::Accept, now) {
            warn!("accept paused error=\"{error}\"");
        }
    }

    pub(super) fn accept_resumed(&mut self, now: Duration) {
        if self.may_say(Kind::Accept, now) {
            info!("accept resumed");
        }
    }

    /// Lines about the upstream: their number is bounded by the back-off.
    #[expect(clippy::unused_self, reason = "the report owns the words")]
    pub(super) fn tell_upstream(&self, news: &News, targets: &[UpstreamAddress]) {
        match news {
            News::Connecting(addr) => info!("upstream connecting addr={addr}"),
            News::Connected(addr) => info!("upstream connected addr={addr}"),
            News::Lost {
                loss,
                frames,
                discarded_bytes,
            } => warn!(
                "upstream lost addr={} reason=\"{}\" frames={frames} \
                 discarded_bytes={discarded_bytes}",
                name(&loss.whom, targets),
                loss.reason
            ),
            News::Retry(wait) => info!("upstream retry in={} addr={}", Span(*wait), targets[0]),
            News::Stale(addr, limit) => warn!(
                "upstream stale addr={addr} silent_for={}: connected but no frames; \
                 is server A busy with another client?",
                Span(*limit)
            ),
        }
    }

    fn may_say(&mut self, kind: Kind, now: Duration) -> bool {
        let may = match kind {
            Kind::Accept => self.pauses.ask(now),
            _ => self.budget.ask(now),
        };
        if !may {
            self.left_out[kind as usize] += 1;
        }
        may
    }

    /// When the line that counts what was left out is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let deadlines = [self.budget.deadline(), self.pauses.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Says how many lines were left out, if that is due.
    pub(super) fn sum_up(&mut self, now: Duration) {
        let budgets = [&mut self.budget, &mut self.pauses];
        if budgets.iter().any(|budget| budget.is_summary_due(now)) {
            self.close();
        }
    }

    /// Says how many lines were left out so far: that is due, or the program ends.
    pub(super) fn close(&mut self) {
        let lines = self.budget.take_left_out() + self.pauses.take_left_out();
        if lines > 0 {
            self.say_suppressed(lines);
        }
    }

    fn say_suppressed(&mut self, lines: u64) {
        self.suppressed += lines;
        let [joined, left, refused, unregistered, accept] = std::mem::take(&mut self.left_out);
        warn!(
            "client lines suppressed lines={lines} joined={joined} left={left} refused={refused} \
             unregistered={unregistered} accept={accept}"
        );
    }

    /// Lines left out and summed up since the start.
    pub(super) fn suppressed(&self) -> u64 {
        self.suppressed
    }
}

/// ` error="..."` behind the reason of a departure that has one.
struct ErrorField<'a>(Option<&'a io::Error>);

impl fmt::Display for ErrorField<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => write!(formatter, " error=\"{error}\""),
            None => Ok(()),
        }
    }
}

/// An upstream as the log speaks of it.
pub(super) fn name(whom: &Whom, targets: &[UpstreamAddress]) -> String {
    match whom {
        Whom::Target(index) => targets[*index].to_string(),
        Whom::Addr(addr) => addr.to_string(),
    }
}

/// One line with all counters.
pub(super) fn print_stats(stats: &Stats) {
    use std::fmt::Write;

    let mut by_reason = String::new();
    for reason in Reason::ALL {
        // Writing to a string cannot fail.
        let _ = write!(by_reason, " left_{reason}={}", stats.departed(reason));
    }
    for refusal in Refusal::ALL {
        let _ = write!(by_reason, " refused_{refusal}={}", stats.refused(refusal));
    }
    info!(
        "stats frames={} clients={} delivered={} skipped={} abandoned={} accepted={} \
         upstream_bytes={} discarded_bytes={} delivered_bytes={} heard_bytes={} \
         upstream_connects={} upstream_losses={} accept_errors={} lines_suppressed={} turns={}{}",
        stats.frames,
        stats.clients,
        stats.delivered,
        stats.skipped,
        stats.abandoned,
        stats.accepted,
        stats.upstream_bytes,
        stats.discarded_bytes,
        stats.delivered_bytes,
        stats.heard_bytes,
        stats.upstream_connects,
        stats.upstream_losses,
        stats.accept_errors,
        stats.lines_suppressed,
        stats.turns,
        by_reason.replace('-', "_"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stands_behind_the_reason_in_quotes_and_no_error_leaves_no_trace() {
        let error = io::Error::from(io::ErrorKind::TimedOut);
        assert_eq!(ErrorField(Some(&error)).to_string(), " error=\"timed out\"");
        assert_eq!(ErrorField(None).to_string(), "");
    }
}
