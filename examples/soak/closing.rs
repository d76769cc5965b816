//! The end of a soak: the unruly go, the books are closed to the last frame, and the server drains.

use std::time::Duration;

use crate::Fallible;
use crate::balance;
use crate::clock::{monotonic_ns, whole_ns};
use crate::crowd::Mood;
use crate::run::{MOMENT_NS, Run};

impl Run<'_> {
    /// Draws up the closing balance.
    pub(crate) fn close(&mut self) -> Fallible<()> {
        if self.is_over() {
            return Ok(());
        }
        // Once more with everybody there.
        self.check()?;
        self.rest()?;
        self.crowd.dismiss();
        let Some(before) = self.compare(false, |_| Vec::new())? else {
            return Ok(());
        };
        self.stir(Mood::Closing);
        self.crowd.put_to_sleep();
        self.turn_while_asleep(before.view.books.frames)?;
        self.rest()?;
        let more = |after: &_| balance::differences(&before, after);
        if let Some(after) = self.compare(false, more)? {
            let skipped = after.stats.skipped - before.stats.skipped;
            if skipped == 0 {
                self.break_promise(
                    "nobody was skipped while the dozing slept: nothing was tried".to_owned(),
                );
            }
        }
        self.checks += 1;
        Ok(())
    }

    /// Comes round until so much was sent that sleepers are skipped, if the machine can do that before they are taken
    /// for stalled.
    fn turn_while_asleep(&mut self, before: u64) -> Fallible<()> {
        let deadline_ns = monotonic_ns() + whole_ns(self.options.stall_timeout / 4 * 3);
        let enough = before + self.options.frames_of_a_doze();
        while self.shared.books().frames < enough && monotonic_ns() < deadline_ns && !self.is_over()
        {
            self.turn_until(monotonic_ns() + MOMENT_NS)?;
        }
        Ok(())
    }

    /// Tells the server to drain while frames flow, and sees everybody to a good end.
    pub(crate) fn drain(&mut self) -> Fallible<()> {
        if self.is_dead {
            return self.mourn();
        }
        self.crowd.mood = Mood::Closing;
        if self.is_interrupted() {
            self.crowd.come_to_rest();
            self.crowd.dismiss();
        }
        self.stir(Mood::Closing);
        self.turn_until(monotonic_ns() + whole_ns(MOMENT))?;
        if self.is_dead {
            return self.mourn();
        }
        self.crowd.mood = Mood::Draining;
        let staying = self.crowd.ledger().open;
        // The upstream loses its client now, which is as it should be.
        self.server.ask_for_drain();
        let deadline_ns = monotonic_ns() + whole_ns(DRAIN_LIMIT);
        while !self.is_dead && monotonic_ns() < deadline_ns {
            self.turn_until(monotonic_ns() + MOMENT_NS)?;
            self.is_dead = self.server.end()?.is_some();
        }
        // What the server sent before it ended is still on its way to be read.
        while self.crowd.ledger().open > 0 && monotonic_ns() < deadline_ns {
            self.is_dead = false;
            self.turn_until(monotonic_ns() + MOMENT_NS)?;
        }
        self.judge_drain(staying)
    }

    fn judge_drain(&mut self, staying: u64) -> Fallible<()> {
        self.server.hear_out()?;
        match self.server.end()? {
            None => self.break_promise(format!("no end {DRAIN_LIMIT:?} after SIGTERM")),
            Some(status) if !status.success() => {
                self.break_promise(format!("the drain ended with {status}"));
            }
            Some(_) => {}
        }
        let open = self.crowd.ledger().open;
        if open > 0 {
            self.break_promise(format!("{open} clients have had no end"));
        }
        let drained = self.server.journal().drained;
        if drained != Some((staying, 0)) {
            self.break_promise(format!(
                "the server says it drained (clients, aborted) {drained:?}, and {staying} were there"
            ));
        }
        self.crowd.ends.sort_unstable();
        let (first, last) = (self.crowd.ends.first(), self.crowd.ends.last());
        if let (Some(first), Some(last)) = (first, last)
            && first != last
        {
            let line = format!("streams ended before frame {first}, and others before {last}");
            self.break_promise(line);
        }
        self.check_last_lines();
        Ok(())
    }

    /// The server ended without being told.
    fn mourn(&mut self) -> Fallible<()> {
        let status = self.server.end()?;
        self.server.hear_out()?;
        let how = status.map_or("somehow".to_owned(), |status| status.to_string());
        let said = self.server.journal().last.join(" | ");
        self.crowd.broken.add_cause(format!(
            "the server ended by itself with {how}; it said at last: {said}"
        ));
        Ok(())
    }
}

/// Long enough for a few bursts of frames.
const MOMENT: Duration = Duration::from_millis(500);

/// Twice the server's own limits, for a machine that is busy.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
