//! A line on standard error that moves while the run does, if anybody looks at it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::report::per_second;

/// The line, or nothing.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Nothing.
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// The line, if standard error is a terminal.
    pub(crate) fn shown_to_anybody() -> Self {
        let line = ProgressBar::new_spinner();
        line.set_draw_target(ProgressDrawTarget::stderr());
        Self(line)
    }

    pub(crate) fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    pub(crate) fn show(&self, open: u64, deliveries: u64, elapsed_ns: u64) {
        let elapsed = Duration::from_nanos(elapsed_ns);
        self.0.set_message(format!(
            "{:.1} s, {open} clients, {deliveries} frames, {:.0} a second",
            elapsed.as_secs_f64(),
            per_second(deliveries, elapsed)
        ));
        self.0.tick();
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
