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
        self.publish_due(now);
        intake
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
