//! The fan-out: frames are appended to every backlog, and backlogs are flushed, a slice a turn.
//!
//! Layer: relay. Owns the promise that a slow client is its own problem: who lags too far is
//! decided here, at a kernel's refusal and never without one, and the upstream is left unread
//! rather than a willing client overrun. (Who has stalled is decided in `lifecycle.rs`.) Knows
//! nothing of where frames come from.
//!
//! A fan-out goes in laps over the queue of sending clients. A frame that arrives meanwhile joins
//! it for those still to come; the others are queued again behind them.
//!
//! ```text
//!         lap.base          lap.start            published   received      fill limit
//!   log ─────┴──────────────────┴────────────────────┴───────────┴─────────────┴──▶
//!            ├ the least that a client served in the lap before has
//!            └──────────────────────── window ─────────────────────────────────┘
//!
//!   received ≤ lap.base + window       a lagging client's position ≥ lap.base - backlog limit
//!   received ≤ floor + backlog limit   a willing client's position ≥ floor
//!   so nothing is overwritten that somebody needs: capacity = backlog limit + window
//! ```

use std::io::{Read, Write};
use std::time::Duration;

use super::backlog::{Flush, FlushEnd};
use super::client::{ClientId, Life, Pace};
use super::clients::Clients;
use super::departure::{Departure, Reason};
use super::frame_log::{FrameLog, Position};
use super::limits::{LAST_OFFERS_PER_TURN, NO_BUFFERS_RETRY, PROBED_AFTER};
use super::policy::SlowPolicy;

impl<S: Read + Write> Clients<S> {
    /// Appends every complete frame to every client's backlog, and acts on those who lag too far.
    pub fn publish(&mut self, log: &mut FrameLog, now: Duration) {
        let before = log.published();
        log.publish();
        let was_idle = self.sending.is_empty();
        let count = self.roster.len();
        // Another client is the first every time, so that nobody is always last.
        self.first = if self.first + 1 < count {
            self.first + 1
        } else {
            0
        };
        let mut walk = Walk {
            before,
            last_offers: LAST_OFFERS_PER_TURN,
            up_to_date: 0,
        };
        for place in (self.first..count).chain(0..self.first.min(count)) {
            self.append(self.roster[place], &mut walk, log, now);
        }
        if log.published() > before {
            let lags = &mut self.measures.lag_frames;
            lags.observe_times(0, walk.up_to_date);
        }
        if was_idle {
            self.lap.begin(before, log.published(), self.sending.len());
            if self.sending.is_empty() {
                self.measures.deliveries.forget(log.published());
            }
        }
    }

    /// What was published from `before` on is part of the client's backlog by virtue of its
    /// position. What remains is to move the client to the state that this puts it in.
    fn append(&mut self, id: ClientId, walk: &mut Walk, log: &FrameLog, now: Duration) {
        let client = &mut self.slab[id.key()];
        if !client.is_receiving() {
            return;
        }
        if client.backlog.was_empty_at(walk.before) {
            walk.up_to_date += 1;
            if !client.backlog.is_empty(log) {
                // A refusal always leaves a backlog, so its kernel has not refused.
                client.progress_at = now;
                self.enqueue(id, log);
            }
            return;
        }
        if log.published() > walk.before {
            let lag = client.backlog.lag_frames_at(walk.before, log);
            self.measures.lag_frames.observe(lag);
        }
        if !client.writable && self.is_beyond_mark(id, log) {
            // One last offer before its policy acts: its kernel may have become willing since the
            // events of this turn. The only write outside of a slice, and mostly a refused one.
            if walk.last_offers > 0 {
                walk.last_offers -= 1;
                self.flush(id, log, now);
            } else {
                self.meet_refusal(id, log);
            }
        }
    }

    fn is_beyond_mark(&self, id: ClientId, log: &FrameLog) -> bool {
        let lag = self.slab[id.key()].backlog.lag_frames(log);
        lag * log.frame_size() > log.backlog_limit()
    }

    /// A client's kernel has refused bytes: it lags, and if it lags too far, its policy acts. So a
    /// lagging client is never beyond the mark, and the log need not keep more for it.
    fn meet_refusal(&mut self, id: ClientId, log: &FrameLog) {
        let client = &mut self.slab[id.key()];
        self.deadlines.watch_stall(client.progress_at);
        if client.pace == Pace::Unbroken {
            client.pace = Pace::Refused;
        }
        // In a drain nothing more is taken in, so the log can keep what this client needs.
        if !matches!(client.life, Life::Live) || !self.is_beyond_mark(id, log) {
            return;
        }
        let client = &mut self.slab[id.key()];
        match client.card.policy {
            SlowPolicy::Disconnect => self.depart(id, Departure::by_reset(Reason::Slow)),
            SlowPolicy::Skip => {
                let remnant_bytes = self.remnant_bytes + client.backlog.bytes_to_frame_end(log);
                if remnant_bytes > log.capacity() {
                    // The frame under way cannot be kept for it, so neither can it be kept.
                    return self.depart(id, Departure::by_reset(Reason::Slow));
                }
                self.remnant_bytes = remnant_bytes;
                let skipped = client.backlog.skip_to_newest(log);
                client.tally.skipped += skipped;
                self.stats.skipped += skipped;
            }
            // The fill limit waits for it: it cannot fall back any further.
            SlowPolicy::Wait => {}
        }
    }

    /// Flushes sending clients, in the order of the queue, until the slice of this turn is spent.
    pub fn give_out(&mut self, log: &FrameLog, now: Duration) {
        let mut slice = self.budgets.slice_bytes;
        while slice > 0
            && let Some(id) = self.sending.pop_front()
        {
            if self.slab[id.key()].is_receiving() {
                let bytes = self.flush(id, log, now);
                slice = slice.saturating_sub(bytes.max(self.budgets.write_charge_bytes));
            }
            self.lap.serve_one(log.published(), self.sending.len());
        }
    }

    /// Offers one client its backlog, moves it to the state that follows, and says how many bytes
    /// its kernel took.
    fn flush(&mut self, id: ClientId, log: &FrameLog, now: Duration) -> usize {
        self.begin(id, log);
        let client = &mut self.slab[id.key()];
        let most = self.budgets.write_bytes;
        let remnant_bytes = client.backlog.remnant_bytes();
        let Flush { bytes, frames, end } = client.backlog.flush(log, &mut client.socket, most);
        self.remnant_bytes -= remnant_bytes - client.backlog.remnant_bytes();
        client.tally.frames += frames;
        client.tally.bytes += bytes as u64;
        self.stats.delivered += frames;
        self.stats.delivered_bytes += bytes as u64;
        if bytes > 0 {
            if client.pace == Pace::Refused {
                client.pace = Pace::Unbroken;
                if now >= client.progress_at + PROBED_AFTER {
                    client.pace = Pace::Resumed;
                    self.resumed.push_back(id);
                }
            }
            client.progress_at = now;
        }
        self.stats.lagging -= u64::from(client.is_lagging());
        client.writable = matches!(end, FlushEnd::Emptied | FlushEnd::LimitReached);
        self.stats.lagging += u64::from(client.is_lagging());
        match end {
            FlushEnd::Emptied if matches!(client.life, Life::Draining) => self.finish(id, now),
            FlushEnd::Emptied => {}
            FlushEnd::LimitReached => self.enqueue(id, log),
            FlushEnd::Refused => self.meet_refusal(id, log),
            FlushEnd::NoBuffers => {
                self.deadlines.retry_writes(now + NO_BUFFERS_RETRY);
                self.meet_refusal(id, log);
            }
            FlushEnd::Failed(error) => self.depart(id, Departure::by_failure(error)),
        }
        bytes
    }

    /// How far the log may be filled now. At or below what has been received already, the
    /// upstream is to be left unread.
    pub fn fill_limit(&mut self, log: &FrameLog) -> Position {
        let window_end = self.lap.base() + log.window();
        if self.floor + log.backlog_limit() < window_end {
            // The floor is a lower bound, made exact only when it is in the way.
            self.floor = self.exact_floor(log);
        }
        window_end.min(self.floor + log.backlog_limit())
    }

    fn exact_floor(&self, log: &FrameLog) -> Position {
        self.roster
            .iter()
            .filter_map(|id| self.slab[id.key()].hold())
            .map(|hold| log.frame_start(hold))
            .fold(log.published(), Position::min)
    }
}

/// What one publication carries from client to client.
struct Walk {
    /// What had been published before.
    before: Position,
    /// Last offers that may still be made.
    last_offers: usize,
    /// Clients that had everything just before. They are many and the same: counted together.
    up_to_date: u64,
}
