//! A histogram: how many of the values observed lie in each of a few ranges, and their sum.
//!
//! Layer: relay. Owns the promise that an observation costs the same whatever was observed before,
//! and allocates nothing: the bounds are fixed when it is made. A value on a bound belongs to the
//! range below it. Knows neither what is measured nor how it is shown.

use std::ops::AddAssign;
use std::time::Duration;

/// Counts of values by range.
#[derive(Clone, Debug)]
pub struct Histogram<Q: 'static> {
    /// Upper ends of the ranges, ascending.
    bounds: &'static [Q],
    /// One for each bound, and one for what lies beyond the last.
    counts: Box<[u64]>,
    sum: Q,
}

/// What can be added up and counted by range.
pub trait Quantity: Copy + Default + PartialOrd + AddAssign {
    /// So many of it together, or the greatest there is if that is too much.
    #[must_use]
    fn times(self, times: u64) -> Self;
}

impl<Q: Quantity> Histogram<Q> {
    /// A histogram without observations. `bounds` are ascending.
    #[must_use]
    pub fn new(bounds: &'static [Q]) -> Self {
        debug_assert!(bounds.is_sorted(), "bounds out of order");
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1].into_boxed_slice(),
            sum: Q::default(),
        }
    }

    /// Counts one value.
    pub fn observe(&mut self, value: Q) {
        self.observe_times(value, 1);
    }

    /// Counts the same value so many times.
    pub fn observe_times(&mut self, value: Q, times: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        self.counts[range] += times;
        self.sum += value.times(times);
    }

    /// The upper ends of the ranges, the last one excepted: that has none.
    #[must_use]
    pub fn bounds(&self) -> &'static [Q] {
        self.bounds
    }

    /// How many values lie in each range; one more than there are bounds.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many values were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All values added up.
    #[must_use]
    pub fn sum(&self) -> Q {
        self.sum
    }
}

impl Quantity for u64 {
    fn times(self, times: u64) -> Self {
        self.saturating_mul(times)
    }
}

impl Quantity for Duration {
    fn times(self, times: u64) -> Self {
        const NANOS_PER_SECOND: u128 = 1_000_000_000;
        let nanos = u128::from(self.subsec_nanos()) * u128::from(times);
        // Less than `times` seconds, and less than a second: both fit.
        let carried = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
        let rest = u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0);
        let seconds = self.as_secs().saturating_mul(times);
        Self::new(seconds.saturating_add(carried), rest)
    }
}

/// Ranges of a lag, in frames.
pub const LAG_BOUNDS_FRAMES: &[u64] = &[
    0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
];

/// Ranges of the time that a delivery or a turn takes: from ten microseconds, about what a turn with
/// one write takes, to the seconds that nobody should see.
pub const DURATION_BOUNDS: &[Duration] = &[
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_belongs_below_it_and_one_beyond_all_bounds_is_counted_too() {
        let mut histogram = Histogram::new(&[0u64, 1, 4]);
        for value in [0, 0, 1, 2, 3, 4, 5, 1000] {
            histogram.observe(value);
        }
        assert_eq!(histogram.counts(), [2, 1, 3, 2]);
        assert_eq!((histogram.count(), histogram.sum()), (8, 1015));
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one() {
        let values = [0, 7, 999_999_999, 1_000_000_000, 12_345_678_901];
        let mut at_once = Histogram::new(DURATION_BOUNDS);
        let mut one_by_one = at_once.clone();
        for value in values.map(Duration::from_nanos) {
            at_once.observe_times(value, 1001);
            (0..1001).for_each(|_| one_by_one.observe(value));
        }
        assert_eq!(at_once.counts(), one_by_one.counts());
        assert_eq!(at_once.sum(), one_by_one.sum());
    }

    #[test]
    fn what_is_too_much_to_add_up_is_as_much_as_can_be() {
        assert_eq!(u64::MAX.times(2), u64::MAX);
        let longest = Duration::MAX.times(3);
        assert_eq!(longest.as_secs(), u64::MAX);
    }

    #[test]
    fn the_bounds_ascend() {
        assert!(LAG_BOUNDS_FRAMES.is_sorted_by(|low, high| low < high));
        assert!(DURATION_BOUNDS.is_sorted_by(|low, high| low < high));
        assert_eq!((LAG_BOUNDS_FRAMES.len(), DURATION_BOUNDS.len()), (16, 17));
    }
}
