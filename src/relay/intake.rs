//! Taking in: the upstream is read straight into the frame log, as far as log and budget permit.
//!
//! Layer: relay. Owns the promise that nothing is read for which there is no room: the fill limit is
//! asked before every read. Knows nothing of who needs what; `fan_out.rs` draws where the limit comes
//! from.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use super::Relay;
use super::limits::{INTERRUPTS, READS_PER_TURN};

/// What taking in from the upstream came to.
#[derive(Debug)]
pub struct Intake {
    /// Bytes read.
    pub bytes: u64,
    /// Frames completed.
    pub frames: u64,
    /// Why it ended.
    pub end: IntakeEnd,
}

/// Why taking in ended.
#[derive(Debug)]
pub enum IntakeEnd {
    /// Nothing is left to read at the moment: an event will tell.
    Drained,
    /// The budget is spent: there may be more, and no event will tell.
    BudgetSpent,
    /// The log may not be filled further at the moment: there may be more, and no event will tell.
    Held,
    /// The upstream has ended its stream.
    Ended,
    /// The connection is broken.
    Failed(std::io::Error),
}

impl<S: Read + Write> Relay<S> {
    /// Reads the upstream into the log as far as log and budget permit, and publishes whole
    /// frames.
    pub fn take_in(&mut self, upstream: &mut impl Read, now: Duration) -> Intake {
        let mut intake = Intake {
            bytes: 0,
            frames: 0,
            end: IntakeEnd::BudgetSpent,
        };
        let mut budget = self.clients.budgets.read_bytes;
        let mut interrupts = 0;
        for _ in 0..READS_PER_TURN {
            let limit = self.clients.fill_limit(&self.log);
            if limit <= self.log.received() {
                intake.end = IntakeEnd::Held;
                break;
            }
            self.rewind_if_idle();
            let spare = self.log.spare(limit, budget);
            if spare.is_empty() || interrupts == INTERRUPTS {
                break;
            }
            match upstream.read(spare) {
                Ok(0) => intake.end = IntakeEnd::Ended,
                Ok(count) => {
                    budget -= count;
                    intake.bytes += count as u64;
                    intake.frames += self.log.commit(count);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    interrupts += 1;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    intake.end = IntakeEnd::Drained;
                }
                Err(error) => intake.end = IntakeEnd::Failed(error),
            }
            break;
        }
        let stats = &mut self.clients.stats;
        stats.frames += intake.frames;
        stats.upstream_bytes += intake.bytes;
        if intake.frames > 0 {
            stats.last_frame_at = Some(now);
            let deliveries = &mut self.clients.measures.deliveries;
            deliveries.begin(self.log.complete(), intake.frames, now);
        }
        self.end_hold(now);
        self.held_since = matches!(intake.end, IntakeEnd::Held).then_some(now);
        self.publish_due(now);
        intake
    }

    /// The upstream is looked at again, or closed: counts how long it was left unread.
    pub(super) fn end_hold(&mut self, now: Duration) {
        self.clients.stats.upstream_held = self.held(now);
        self.held_since = None;
    }

    /// How long the upstream was left unread because there was no room for more, until `now`: it
    /// is known to be left unread until it is looked at again.
    #[must_use]
    pub fn held(&self, now: Duration) -> Duration {
        let since = self.held_since.unwrap_or(now);
        self.clients.stats.upstream_held + now.saturating_sub(since)
    }

    /// The upstream is left unread at the moment.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.held_since.is_some()
    }

    /// Lets the log start over when nobody needs what it holds. To find that out takes a walk over
    /// all clients, so it is asked once a window and no oftener, whatever the answer was.
    fn rewind_if_idle(&mut self) {
        if self.replays || self.log.received() < self.next_look || !self.log.is_due_to_rewind() {
            return;
        }
        self.next_look = self.log.received() + self.log.window();
        if self.clients.have_everything(&self.log) {
            self.log.rewind();
        }
    }
}
