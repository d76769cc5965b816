//! The line budget: how many log lines clients may cause.
//!
//! Layer: relay. Owns the promise that a hostile peer cannot fill the disk: at most so many lines
//! a second, then one that says how many were left out. Knows nothing of what the lines say.

use std::collections::VecDeque;
use std::time::Duration;

/// Remembers when the last lines were written: in no second, wherever it starts, are there more
/// than the budget.
#[derive(Debug)]
pub struct LineBudget {
    per_second: usize,
    /// When the last lines were written, oldest first; at most `per_second` of them.
    written: VecDeque<Duration>,
    /// Lines left out since the last summary.
    left_out: u64,
}

impl LineBudget {
    /// A budget of `per_second` lines, at least one.
    #[must_use]
    pub fn new(per_second: usize) -> Self {
        Self {
            per_second,
            written: VecDeque::with_capacity(per_second),
            left_out: 0,
        }
    }

    /// Asks for one line. If it may not be written, it is counted; then none may be until the
    /// summary has been taken.
    pub fn ask(&mut self, now: Duration) -> bool {
        if self.left_out > 0 || !self.has_room(now) {
            self.left_out += 1;
            return false;
        }
        if self.written.len() == self.per_second {
            self.written.pop_front();
        }
        self.written.push_back(now);
        true
    }

    fn has_room(&self, now: Duration) -> bool {
        self.written.len() < self.per_second
            || self
                .written
                .front()
                .is_none_or(|&oldest| oldest + SECOND <= now)
    }

    /// When the summary is due, if lines were left out.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        // The newest: else each place that becomes free one by one would have a summary of its own.
        let newest = self.written.back()?;
        (self.left_out > 0).then_some(*newest + SECOND)
    }

    /// Lines were left out, and there is room again: the caller says so in one line.
    #[must_use]
    pub fn is_summary_due(&self, now: Duration) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// How many lines were left out so far, to be said now: that is due, or the program ends.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn lines_beyond_the_budget_are_counted_and_summed_up_once() {
        let mut budget = LineBudget::new(3);
        let written = (0..10).filter(|_| budget.ask(MS(500))).count();
        assert_eq!(written, 3);
        assert_eq!(budget.deadline(), Some(MS(1500)));
        assert!(!budget.is_summary_due(MS(1499)));
        assert!(budget.is_summary_due(MS(1500)));
        assert_eq!(budget.take_left_out(), 7);
        assert!(!budget.is_summary_due(MS(1500)));
        assert_eq!(budget.deadline(), None);
        assert!(budget.ask(MS(1500)));
    }

    #[test]
    fn no_line_is_written_before_those_left_out_have_been_summed_up() {
        let mut budget = LineBudget::new(1);
        assert!(budget.ask(MS(0)));
        assert!(!budget.ask(MS(10)));
        assert!(!budget.ask(MS(1500)), "there is room, but not for this");
        assert!(budget.is_summary_due(MS(1500)));
        assert_eq!(budget.take_left_out(), 2);
        assert!(budget.ask(MS(1500)));
    }

    #[test]
    fn a_slow_trickle_is_never_left_out() {
        let mut budget = LineBudget::new(2);
        assert!((0..100).all(|number| budget.ask(MS(number * 500))));
    }

    #[test]
    fn a_flood_after_a_trickle_is_summed_up_once_a_second() {
        let mut budget = LineBudget::new(20);
        assert!((0..20).all(|number| budget.ask(MS(number * 50))));
        let mut summaries = 0;
        for number in 951..2951 {
            if budget.is_summary_due(MS(number)) {
                summaries += u64::from(budget.take_left_out() > 0);
            }
            budget.ask(MS(number));
        }
        assert!((1..=2).contains(&summaries), "{summaries} summaries in 2 s");
    }

    #[test]
    fn no_second_has_more_lines_than_the_budget_and_none_is_forgotten() {
        let mut budget = LineBudget::new(20);
        let mut written = Vec::new();
        let mut left_out = 0;
        for number in 0..3000 {
            if budget.is_summary_due(MS(number)) {
                left_out += budget.take_left_out();
            }
            if budget.ask(MS(number)) {
                written.push(number);
            }
        }
        left_out += budget.take_left_out();
        assert!(written.windows(21).all(|run| run[20] - run[0] >= 1000));
        assert_eq!(written.len(), 60);
        assert_eq!(written.len() as u64 + left_out, 3000);
    }
}
