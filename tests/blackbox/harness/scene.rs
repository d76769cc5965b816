//! The scene of most tests: server A, the program connected to it, and what server A sends.

use std::time::Instant;

use super::{DEADLINE, FRAME_SIZE, Fanout, Feed, Reader, Upstream};

pub(crate) struct Scene {
    pub(crate) upstream: Upstream,
    pub(crate) fanout: Fanout,
    pub(crate) feed: Feed,
}

impl Scene {
    /// The program with these options, connected to its upstream.
    #[track_caller]
    pub(crate) fn set(options: &str) -> Self {
        Self::with_frame_size(FRAME_SIZE, options)
    }

    #[track_caller]
    pub(crate) fn with_frame_size(frame_size: usize, options: &str) -> Self {
        let upstream = Upstream::with_frame_size(frame_size);
        let fanout = Fanout::start(&upstream, options);
        let feed = upstream.accept();
        fanout.wait_for_line("upstream connected");
        Self {
            upstream,
            fanout,
            feed,
        }
    }

    /// Sends frames one by one, each after the witness has read the one before: whatever else the program does with a
    /// frame, it has the chance to do.
    #[track_caller]
    pub(crate) fn step(&mut self, witness: &mut Reader, count: u64) {
        for _ in 0..count {
            self.feed.send(1);
            witness.read_to(self.feed.next() - 1);
        }
    }

    /// The same until a line is there; returns it.
    #[track_caller]
    pub(crate) fn step_until(&mut self, witness: &mut Reader, pattern: &str) -> String {
        let give_up = Instant::now() + DEADLINE;
        loop {
            self.step(witness, 1);
            if let Some(line) = self.fanout.lines().matching(pattern).pop() {
                return line;
            }
            assert!(
                Instant::now() < give_up,
                "no line matches {pattern:?} after {} frames",
                self.feed.next()
            );
        }
    }
}
