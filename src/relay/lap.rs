//! The lap: one round over the queue of sending clients, and what it says about all of them.
//!
//! Layer: relay. Owns one number, [`Lap::base`], and the promise that comes with it: every willing
//! client that is not catching up has been given at least this much. Knows nothing of clients but
//! how many of them are queued.

use super::frame_log::Position;

/// One round over the queue.
#[derive(Debug, Default)]
pub(super) struct Lap {
    /// Where the previous lap started: every client it served has been given at least this much,
    /// or its kernel refused. At most `start`.
    base: Position,
    /// What was published when this lap started.
    start: Position,
    /// Clients of this lap that are still to be served.
    left: usize,
}

impl Lap {
    /// Everybody had been given everything up to `before`; now `queued` clients are to be given
    /// what was `published` since.
    pub(super) fn begin(&mut self, before: Position, published: Position, queued: usize) {
        *self = Self {
            base: before,
            start: published,
            left: queued,
        };
        self.rest_if_done(published, queued);
    }

    /// The client at the head of the queue has been served; `queued` are in it now.
    pub(super) fn serve_one(&mut self, published: Position, queued: usize) {
        self.left = self.left.saturating_sub(1);
        self.rest_if_done(published, queued);
        if self.left == 0 {
            *self = Self {
                base: self.start,
                start: published,
                left: queued,
            };
        }
    }

    /// Ends the lap if nobody is queued any more: everybody has everything, or lags.
    pub(super) fn rest_if_done(&mut self, published: Position, queued: usize) {
        if queued == 0 {
            *self = Self {
                base: published,
                start: published,
                left: 0,
            };
        }
    }

    /// Every client of the previous lap has been given at least this much, or lags.
    pub(super) fn base(&self) -> Position {
        self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_follows_a_lap_behind() {
        let mut lap = Lap::default();
        lap.begin(0, 10, 2);
        assert_eq!(lap.base(), 0);
        lap.serve_one(10, 1);
        // More is published; the client served first is queued again behind the other.
        lap.serve_one(20, 1);
        assert_eq!(lap.base(), 10);
        lap.serve_one(20, 0);
        assert_eq!(lap.base(), 20);
    }

    #[test]
    fn a_lap_that_everybody_leaves_is_over() {
        let mut lap = Lap::default();
        lap.begin(0, 10, 3);
        lap.serve_one(10, 2);
        lap.rest_if_done(10, 1);
        assert_eq!(lap.base(), 0);
        lap.rest_if_done(10, 0);
        assert_eq!(lap.base(), 10);
    }

    #[test]
    fn without_anybody_to_serve_the_base_is_what_was_published() {
        let mut lap = Lap::default();
        lap.begin(0, 10, 0);
        assert_eq!(lap.base(), 10);
    }
}
