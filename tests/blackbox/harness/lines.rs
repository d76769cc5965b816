//! The lines that a running program has written, gathered on a thread, and waiting for one of them.
//!
//! The invariant: lines are kept in the order they were written and never taken out, so that waiting for the same line
//! twice finds it twice.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::DEADLINE;
use super::line;

#[derive(Default)]
pub(crate) struct Lines {
    gathered: Mutex<Gathered>,
    changed: Condvar,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Gathers from a pipe until its other end is closed.
    pub(crate) fn gather(from: impl Read + Send + 'static) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let gatherer = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                gatherer.lock().lines.push(line);
                gatherer.changed.notify_all();
            }
            gatherer.lock().ended = true;
            gatherer.changed.notify_all();
        });
        lines
    }

    /// All lines so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// How many lines there are so far.
    pub(crate) fn count(&self) -> usize {
        self.lock().lines.len()
    }

    /// The lines so far that match the pattern.
    pub(crate) fn matching(&self, pattern: &str) -> Vec<String> {
        matching(&self.lock().lines, pattern)
    }

    /// Waits until `count` lines match the pattern, and returns those that do.
    #[track_caller]
    pub(crate) fn wait_for(&self, pattern: &str, count: usize) -> Vec<String> {
        self.wait_for_after(0, pattern, count)
    }

    /// The same, among the lines after the first `skipped`.
    #[track_caller]
    pub(crate) fn wait_for_after(
        &self,
        skipped: usize,
        pattern: &str,
        count: usize,
    ) -> Vec<String> {
        self.wait_for_until(Instant::now() + DEADLINE, skipped, pattern, count)
    }

    /// The same, for what is due later than the usual deadline.
    #[track_caller]
    pub(crate) fn wait_for_until(
        &self,
        give_up: Instant,
        skipped: usize,
        pattern: &str,
        count: usize,
    ) -> Vec<String> {
        let mut gathered = self.lock();
        loop {
            let found = matching(&gathered.lines[skipped..], pattern);
            if found.len() >= count {
                return found;
            }
            let left = give_up.saturating_duration_since(Instant::now());
            let gone = if gathered.ended {
                "the program is gone"
            } else {
                "time is up"
            };
            assert!(
                !gathered.ended && !left.is_zero(),
                "{gone}, and {} of {count} lines match {pattern:?}",
                found.len()
            );
            gathered = self
                .changed
                .wait_timeout(gathered, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until the writer has closed its end, and returns all lines.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) -> Vec<String> {
        let give_up = Instant::now() + DEADLINE;
        let mut gathered = self.lock();
        while !gathered.ended {
            let left = give_up.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "time is up, and the program still holds its pipe open"
            );
            gathered = self
                .changed
                .wait_timeout(gathered, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        gathered.lines.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        // A test that fails while it waits must still be able to print the lines.
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn matching(lines: &[String], pattern: &str) -> Vec<String> {
    lines
        .iter()
        .filter(|line| line::matches(line, pattern))
        .cloned()
        .collect()
}
