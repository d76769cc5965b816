//! Statistics: plain integers that the one thread counts up, and copies for whoever asks.
//!
//! Layer: relay. Owns the sum of all accounts: what was published to clients equals what was
//! delivered, skipped, abandoned and is still in backlogs. Knows nothing of where they are shown.

use std::time::Duration;

use super::accept_error::AcceptError;
use super::admission::Refusal;
use super::departure::Reason;
use super::upstream::ConnectResult;

/// Counters since the start, and a few values of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Complete frames received from the upstream.
    pub frames: u64,
    /// Bytes received from the upstream, partial frames included.
    pub upstream_bytes: u64,
    /// Bytes of partial frames that were thrown away because their connection was lost.
    pub discarded_bytes: u64,
    /// Upstream connections that were made.
    pub upstream_connects: u64,
    /// Attempts to connect that failed, and connections that were lost.
    pub upstream_losses: u64,
    /// How long the upstream was left unread because there was no room for more. The time since it
    /// was last looked at is missing; see [`super::Relay::held`].
    pub upstream_held: Duration,
    /// When the last frame was completed, since the start of the clock.
    pub last_frame_at: Option<Duration>,
    /// Clients connected now.
    pub clients: u64,
    /// Clients that lag now: they have a backlog, and their kernel refuses it.
    pub lagging: u64,
    /// Clients accepted and served.
    pub accepted: u64,
    /// Frames whose last byte was taken by a client's kernel, over all clients.
    pub delivered: u64,
    /// Bytes taken by clients' kernels, over all clients.
    pub delivered_bytes: u64,
    /// Frames that clients were skipped over.
    pub skipped: u64,
    /// Frames that clients which left had not been given completely.
    pub abandoned: u64,
    /// Bytes that clients sent and that were thrown away.
    pub heard_bytes: u64,
    /// Failures of `accept`, and of registering what it gave.
    pub accept_errors: u64,
    /// Log lines about clients that were left out.
    pub lines_suppressed: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Departures, in the order of [`Reason::ALL`]; see [`Stats::departed`].
    pub departed_by_reason: [u64; Reason::ALL.len()],
    /// Refusals, in the order of [`Refusal::ALL`]; see [`Stats::refused`].
    pub refused_by_reason: [u64; Refusal::ALL.len()],
    /// Failures to accept, in the order of [`AcceptError::ALL`]; see [`Stats::accept_failed`].
    pub accept_errors_by_kind: [u64; AcceptError::ALL.len()],
    /// Attempts to connect, in the order of [`ConnectResult::ALL`]; see [`Stats::connects`].
    pub connects_by_result: [u64; ConnectResult::ALL.len()],
}

impl Stats {
    /// How many clients left for `reason`.
    #[must_use]
    pub fn departed(&self, reason: Reason) -> u64 {
        self.departed_by_reason[reason as usize]
    }

    /// How many connections were refused for `reason`.
    #[must_use]
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused_by_reason[reason as usize]
    }

    /// How many connections were lost to `error` before they had a seat.
    #[must_use]
    pub fn accept_failed(&self, error: AcceptError) -> u64 {
        self.accept_errors_by_kind[error as usize]
    }

    /// How many attempts to connect to an upstream had this result.
    #[must_use]
    pub fn connects(&self, result: ConnectResult) -> u64 {
        self.connects_by_result[result as usize]
    }

    /// Counts a departure.
    pub fn count_departure(&mut self, reason: Reason) {
        self.departed_by_reason[reason as usize] += 1;
    }

    /// Counts a refusal.
    pub fn count_refusal(&mut self, reason: Refusal) {
        self.refused_by_reason[reason as usize] += 1;
    }

    /// Counts a failure to accept.
    pub fn count_accept_error(&mut self, error: AcceptError) {
        self.accept_errors += 1;
        self.accept_errors_by_kind[error as usize] += 1;
    }

    /// Counts an attempt to connect to an upstream.
    pub fn count_connect(&mut self, result: ConnectResult) {
        self.upstream_connects += u64::from(result == ConnectResult::Made);
        self.connects_by_result[result as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        let mut stats = Stats::default();
        for (times, reason) in (1..).zip(Reason::ALL) {
            for _ in 0..times {
                stats.count_departure(reason);
            }
        }
        for (times, reason) in (1..).zip(Reason::ALL) {
            assert_eq!(stats.departed(reason), times);
        }
        for (times, refusal) in (0..).zip(Refusal::ALL) {
            for _ in 0..times {
                stats.count_refusal(refusal);
            }
            assert_eq!(stats.refused(refusal), times);
        }
        for (times, error) in (0..).zip(AcceptError::ALL) {
            (0..times).for_each(|_| stats.count_accept_error(error));
            assert_eq!(stats.accept_failed(error), times);
        }
        assert_eq!(stats.accept_errors, (0..9).sum::<u64>());
        for (times, result) in (2..).zip(ConnectResult::ALL) {
            (0..times).for_each(|_| stats.count_connect(result));
            assert_eq!(stats.connects(result), times);
        }
        assert_eq!(stats.upstream_connects, 2, "those that were made");
    }
}
