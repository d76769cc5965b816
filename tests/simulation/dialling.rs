//! What must be true of the way the upstream is dialled.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout::relay::upstream::News;

use crate::weather::{BACKOFF, Orders};

/// What the simulator knows of it.
#[derive(Debug, Default)]
pub(crate) struct Dialling {
    /// The next nominal wait; the shortest one if none.
    nominal: Option<Duration>,
    /// When the wait that is under way is over, in the server's time.
    waits_until: Option<Duration>,
    /// When the connection was made or last gave a byte, in fair time, and how many it had given by then.
    byte_at: (Duration, u64),
    /// When it was made or last completed a frame, and how many bytes it had given by then.
    frame_at: (Duration, u64),
    /// It has been called stale since.
    is_stale: bool,
    /// Connections that were made, and those that were lost or not made.
    pub(crate) outcomes: (u64, u64),
    /// What has happened, how often.
    pub(crate) sights: BTreeMap<String, u64>,
}

impl Dialling {
    /// The connection has given so many bytes until now.
    pub(crate) fn look(&mut self, read: u64, frame_size: u64, fair: Duration) {
        if read > self.byte_at.1 {
            self.byte_at = (fair, read);
        }
        if read / frame_size > self.frame_at.1 / frame_size {
            self.frame_at = (fair, read);
            self.is_stale = false;
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
            }
            News::Connected(_) => {
                self.outcomes.0 += 1;
                self.byte_at = (fair, 0);
                self.frame_at = (fair, 0);
                self.is_stale = false;
            }
            News::Lost { loss, frames, .. } => {
                self.outcomes.1 += 1;
                if *frames > 0 {
                    self.nominal = None;
                }
                if loss.reason.starts_with("no bytes") {
                    let silence = fair.saturating_sub(self.byte_at.0);
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
                let silence = fair.saturating_sub(self.frame_at.0);
                assert!(silence >= *limit, "stale after {silence:?}");
                assert!(!self.is_stale, "stale twice");
                self.is_stale = true;
            }
        }
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
