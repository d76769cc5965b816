//! Deliveries: how long it takes until every ready client has been given a frame.
//!
//! Layer: relay. Owns the queue of frames that are still under way, and the promise that each frame
//! is observed once at most. It is told how far everybody has been served, by [`super::lap`], and so
//! knows nothing of clients.
//!
//! ```text
//!        served                         published       complete
//!   log ───┴──────┬──────────┬──────────────┴───────┬──────┴──▶
//!    observed     │ run of   │ run, completed in    │ run, held back
//!                 │ frames   │ the next turn        │
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use super::frame_log::Position;
use super::histogram::{DURATION_BOUNDS, Histogram};
use super::limits::DELIVERIES_UNDER_WAY;

/// Frames under way, and how long the others took.
#[derive(Debug)]
pub(super) struct Deliveries {
    /// Ascending, in position and in time; at most [`DELIVERIES_UNDER_WAY`].
    under_way: VecDeque<Run>,
    /// How long it took, per frame.
    seconds: Histogram<Duration>,
}

/// Frames that were completed in one turn.
#[derive(Debug)]
struct Run {
    /// The end of the last of them.
    end: Position,
    frames: u64,
    completed_at: Duration,
}

impl Deliveries {
    /// Nothing is under way.
    pub(super) fn new() -> Self {
        Self {
            under_way: VecDeque::with_capacity(DELIVERIES_UNDER_WAY),
            seconds: Histogram::new(DURATION_BOUNDS),
        }
    }

    /// So many frames, the last of which ends at `end`, are complete now.
    ///
    /// When too many runs are under way, they join the newest one, and are taken for as old as it is.
    pub(super) fn begin(&mut self, end: Position, frames: u64, now: Duration) {
        let is_full = self.under_way.len() == DELIVERIES_UNDER_WAY;
        match self.under_way.back_mut() {
            Some(newest) if is_full || newest.completed_at == now => {
                newest.end = end;
                newest.frames += frames;
            }
            _ => self.under_way.push_back(Run {
                end,
                frames,
                completed_at: now,
            }),
        }
    }

    /// Everybody who was ready has been given everything up to `served` now.
    pub(super) fn settle(&mut self, served: Position, now: Duration) {
        while let Some(run) = self.take_until(served) {
            let taken = now.saturating_sub(run.completed_at);
            self.seconds.observe_times(taken, run.frames);
        }
    }

    /// Nobody was ready when the frames up to `published` were published: they are not delivered.
    pub(super) fn forget(&mut self, published: Position) {
        while self.take_until(published).is_some() {}
    }

    /// How long it took, per frame.
    pub(super) fn seconds(&self) -> &Histogram<Duration> {
        &self.seconds
    }

    fn take_until(&mut self, position: Position) -> Option<Run> {
        let is_past = self.under_way.front()?.end <= position;
        is_past.then(|| self.under_way.pop_front()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn frames_are_observed_once_they_are_served_each_with_its_own_age() {
        let mut deliveries = Deliveries::new();
        deliveries.begin(80, 10, MS(1));
        deliveries.begin(96, 2, MS(4));
        deliveries.settle(79, MS(5));
        assert_eq!(deliveries.seconds().count(), 0);
        deliveries.settle(95, MS(5));
        assert_eq!(deliveries.seconds().sum(), MS(40));
        deliveries.settle(96, MS(8));
        deliveries.settle(96, MS(80));
        let seconds = deliveries.seconds();
        assert_eq!((seconds.count(), seconds.sum()), (12, MS(48)));
    }

    #[test]
    fn frames_of_one_moment_are_one_run_and_forgotten_ones_are_not_observed() {
        let mut deliveries = Deliveries::new();
        deliveries.begin(8, 1, MS(1));
        deliveries.begin(16, 1, MS(1));
        assert_eq!(deliveries.under_way.len(), 1);
        deliveries.begin(24, 1, MS(2));
        deliveries.forget(16);
        deliveries.settle(24, MS(3));
        let seconds = deliveries.seconds();
        assert_eq!((seconds.count(), seconds.sum()), (1, MS(1)));
    }

    #[test]
    fn what_is_under_way_is_bounded_and_no_frame_is_lost_over_it() {
        let mut deliveries = Deliveries::new();
        let capacity = deliveries.under_way.capacity();
        let frames = 3 * DELIVERIES_UNDER_WAY as u64;
        (1..=frames).for_each(|number| deliveries.begin(number, 1, MS(number)));
        assert_eq!(deliveries.under_way.len(), DELIVERIES_UNDER_WAY);
        assert_eq!(deliveries.under_way.capacity(), capacity);
        deliveries.settle(frames, MS(frames));
        assert_eq!(deliveries.seconds().count(), frames);
        // Never younger than they are.
        let ages: Duration = (0..frames).map(MS).sum();
        assert!(deliveries.seconds().sum() >= ages);
    }
}
