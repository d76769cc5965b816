//! A line on standard error that moves while the soak does, if anybody looks at it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ledger::Ledger;

pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn begin(duration: Duration) -> Self {
        let line = ProgressBar::new(duration.as_secs());
        line.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} s  {msg}") {
            line.set_style(style);
        }
        Self(line)
    }

    pub(crate) fn show(&self, elapsed: f64, ledger: &Ledger, checks: usize, broken: usize) {
        if self.0.is_hidden() {
            return;
        }
        self.0
            .set_position(Duration::from_secs_f64(elapsed).as_secs());
        self.0.set_message(format!(
            "{} clients, {} connects, {} frames, {checks} checks, {broken} broken promises",
            ledger.open, ledger.connects, ledger.frames
        ));
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
