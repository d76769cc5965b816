//! What must be true of the way the upstream is dialled.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout::relay::upstream::{ConnectResult, News};

use crate::upstream::{Link, SimUpstream};
use crate::weather::{BACKOFF, CONNECT_TIMEOUT, Orders};

/// What the simulator knows of it.
#[derive(Debug, Default)]
pub(crate) struct Dialling {
    /// The next nominal wait; the shortest one if none.
    nominal: Option<Duration>,
    /// When the wait that is under way is over, in the server's time.
    waits_until: Option<Duration>,
    /// When an address began to be connected to, in the server's time.
    connecting_at: Option<Duration>,
    /// When the connection was made, last gave a byte, or was last left unread on purpose.
    byte_at: Mark,
    /// When it was made, last completed a frame, or was last left unread on purpose.
    frame_at: Mark,
    /// When it was last left unread, or may have been, in the server's time.
    passed_over: Duration,
    /// It has been called stale since.
    is_stale: bool,
    /// Connections that were made, and those that were lost or not made.
    pub(crate) outcomes: (u64, u64),
    /// Attempts to connect, in the order of [`ConnectResult::ALL`].
    pub(crate) results: [u64; ConnectResult::ALL.len()],
    is_connected: bool,
    /// What has happened, how often.
    pub(crate) sights: BTreeMap<String, u64>,
}

/// A moment of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// In the server's time, and in fair time.
    time: (Duration, Duration),
    /// Bytes that the connection had given by then.
    bytes: u64,
}

impl Dialling {
    /// The connection has given so many bytes until now.
    pub(crate) fn look(&mut self, read: u64, frame_size: u64, time: (Duration, Duration)) {
        let mark = Mark { time, bytes: read };
        if read > self.byte_at.bytes {
            self.byte_at = mark;
        }
        if read / frame_size > self.frame_at.bytes / frame_size {
            self.frame_at = mark;
            self.is_stale = false;
        }
    }

    /// It may have been passed over in this turn; whether it was, depends on how the turn went.
    pub(crate) fn maybe_pass_over(&mut self, now: Duration) {
        self.passed_over = now;
    }

    /// It is listened to again: until now its silence was the server's.
    pub(crate) fn hear_again(&mut self, time: (Duration, Duration)) {
        self.byte_at.time = time;
    }

    /// It may not be read: its silence is the server's.
    pub(crate) fn pass_over(&mut self, time: (Duration, Duration)) {
        self.byte_at.time = time;
        if !self.is_stale {
            self.frame_at.time = time;
        }
    }

    /// By the end of a turn, what is too late is given up or told.
    pub(crate) fn judge(&self, socket: &SimUpstream, orders: &Orders, now: Duration) {
        if let Some(since) = self.connecting_at {
            let limit = since + CONNECT_TIMEOUT;
            return assert!(now < limit, "connected to for too long");
        }
        if socket.link != Link::Made || !socket.is_registered || !socket.is_read_out() {
            return;
        }
        if let Some(limit) = orders.upstream_timeout {
            assert!(
                now < self.byte_at.time.0.max(self.passed_over) + limit,
                "silent for too long"
            );
        }
        if let Some(limit) = orders.stale_after {
            let is_told = self.is_stale || now < self.frame_at.time.0.max(self.passed_over) + limit;
            assert!(is_told, "stale, and nobody is told");
        }
    }

    /// `time` is the server's time, and fair time.
    pub(crate) fn hear(&mut self, news: &News, orders: &Orders, time: (Duration, Duration)) {
        let (now, fair) = time;
        *self.sights.entry(sight_of(news)).or_default() += 1;
        match news {
            News::Connecting(_) => {
                let is_due = self.waits_until.take().is_none_or(|until| until <= now);
                assert!(is_due, "dialled before the wait was over");
                self.connecting_at = Some(now);
            }
            News::Connected(_) => {
                self.outcomes.0 += 1;
                self.results[ConnectResult::Made as usize] += 1;
                self.is_connected = true;
                let mark = Mark { time, bytes: 0 };
                (self.byte_at, self.frame_at) = (mark, mark);
                self.is_stale = false;
                self.connecting_at = None;
            }
            News::Lost { loss, frames, .. } => {
                self.outcomes.1 += 1;
                if !std::mem::take(&mut self.is_connected) {
                    self.results[result_of(&loss.reason) as usize] += 1;
                }
                self.connecting_at = None;
                if *frames > 0 {
                    self.nominal = None;
                }
                if loss.reason.starts_with("no bytes") {
                    let silence = fair.saturating_sub(self.byte_at.time.1);
                    assert!(
                        Some(silence) >= orders.upstream_timeout,
                        "given up after {silence:?}"
                    );
                }
            }
            News::Retry(wait) => {
                let nominal = self.nominal.unwrap_or(BACKOFF.0);
                assert!(
                    nominal / 2 <= *wait && *wait <= nominal,
                    "waits {wait:?} of {nominal:?}"
                );
                self.nominal = Some((nominal * 2).min(BACKOFF.1));
                self.waits_until = Some(now + *wait);
            }
            News::Stale(_, limit) => {
                let silence = fair.saturating_sub(self.frame_at.time.1);
                assert!(silence >= *limit, "stale after {silence:?}");
                assert!(!self.is_stale, "stale twice");
                self.is_stale = true;
            }
        }
    }
}

/// What an attempt that failed for this reason is counted under.
fn result_of(reason: &str) -> ConnectResult {
    match reason {
        "connection refused" => ConnectResult::Refused,
        "timed out" | "connect timed out" | "name lookup timed out" => ConnectResult::TimedOut,
        reason if reason.contains("itself") => ConnectResult::ToItself,
        _ => ConnectResult::Failed,
    }
}

/// What news of the upstream is counted under: the reason of a loss, or what it is.
fn sight_of(news: &News) -> String {
    match news {
        News::Lost { loss, .. } => loss.reason.clone(),
        News::Connecting(_) => "dialled".to_owned(),
        News::Connected(_) => "connected".to_owned(),
        News::Retry(_) => "waited".to_owned(),
        News::Stale(..) => "stale".to_owned(),
    }
}
