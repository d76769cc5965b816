//! A straight line through a series of samples, and whether it rises.
//!
//! Samples of one process are not independent: a descriptor that is open now is likely to be open in a second. The
//! textbook interval would be far too narrow, so it is widened by the correlation of neighbouring residuals, as if
//! there were only n·(1 − r)/(1 + r) samples. Knows nothing of what is sampled.

use serde::Serialize;

/// The line of least squares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Fit {
    /// Units in a second.
    pub(crate) slope: f64,
    /// With a probability of 95 %, the slope is at most so much off.
    pub(crate) margin: f64,
    /// From the first sample to the last, in seconds.
    pub(crate) span: f64,
    pub(crate) samples: usize,
    /// How much neighbouring residuals are alike: 0 not at all, 1 entirely.
    pub(crate) correlation: f64,
}

impl Fit {
    /// The line through these points, each a moment in seconds and a value, in the order of their moments.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let (first, last) = (points.first()?, points.last()?);
        let span = last.0 - first.0;
        if points.len() < FEWEST_SAMPLES || span <= 0.0 {
            return None;
        }
        let samples = count(points.len());
        let mean = |value: fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / samples;
        let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
        let spread = sum(points, |(at, _)| (at - middle).powi(2));
        let slope = sum(points, |(at, value)| (at - middle) * (value - level)) / spread;
        let off = |(at, value): (f64, f64)| value - level - slope * (at - middle);
        let residuals: Vec<f64> = points.iter().map(|&point| off(point)).collect();
        let squares: f64 = residuals.iter().map(|residual| residual.powi(2)).sum();
        let correlation = correlation(&residuals, squares);
        let inflation = (1.0 + correlation) / (1.0 - correlation);
        let freedom = (samples / inflation - 2.0).max(1.0);
        let error = (squares / (samples - 2.0) / spread * inflation).sqrt();
        Some(Self {
            slope,
            margin: error * student(freedom),
            span,
            samples: points.len(),
            correlation,
        })
    }

    /// Whether the value grows: the interval lies above 0, and what came in over the span is more than allowed.
    ///
    /// The second half is for steps that are certain and harmless, like a page that is touched for the first time.
    pub(crate) fn is_growing(&self, allowed: f64) -> bool {
        self.slope - self.margin > 0.0 && self.slope * self.span > allowed
    }
}

/// How much each residual is like the one before it. Those that alternate would narrow the interval: they do not.
fn correlation(residuals: &[f64], squares: f64) -> f64 {
    if squares <= f64::EPSILON {
        return 0.0;
    }
    let products = residuals.windows(2).map(|pair| pair[0] * pair[1]);
    (products.sum::<f64>() / squares).clamp(0.0, MOST_CORRELATED)
}

fn sum(points: &[(f64, f64)], term: impl Fn((f64, f64)) -> f64) -> f64 {
    points.iter().map(|&point| term(point)).sum()
}

/// The quantile of Student's distribution for an interval of 95 %: a table, and beyond it a series good to 0.003.
fn student(freedom: f64) -> f64 {
    let row = TABLE.iter().rfind(|(known, _)| *known <= freedom);
    match row {
        Some((known, quantile)) if *known < 10.0 => *quantile,
        _ => 1.960 + 2.37 / freedom + 2.8 / freedom.powi(2),
    }
}

/// A number of samples, of which there are never more than a double holds exactly.
fn count(samples: usize) -> f64 {
    f64::from(u32::try_from(samples).unwrap_or(u32::MAX))
}

const TABLE: [(f64, f64); 10] = [
    (1.0, 12.706),
    (2.0, 4.303),
    (3.0, 3.182),
    (4.0, 2.776),
    (5.0, 2.571),
    (6.0, 2.447),
    (7.0, 2.365),
    (8.0, 2.306),
    (9.0, 2.262),
    (10.0, 2.228),
];

/// A line through fewer says nothing.
const FEWEST_SAMPLES: usize = 4;

/// Below 1, where the interval would be without end.
const MOST_CORRELATED: f64 = 0.999;

#[cfg(test)]
mod tests {
    use super::*;

    fn series(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..1200_u32)
            .map(|second| (f64::from(second), value(f64::from(second))))
            .collect()
    }

    fn noise(generator: &mut fastrand::Rng) -> f64 {
        generator.f64() - 0.5
    }

    #[track_caller]
    fn fit(points: &[(f64, f64)]) -> Fit {
        Fit::through(points).expect("there are enough samples")
    }

    #[test]
    fn an_exact_line_is_found_exactly() {
        let found = fit(&series(|at| 3.0 + 0.25 * at));
        assert!((found.slope - 0.25).abs() < 1e-9, "{found:?}");
        assert!(found.margin < 1e-9, "{found:?}");
    }

    #[test]
    fn the_interval_of_a_known_example_is_the_one_in_the_textbook() {
        // x = 1..=5, y = 2, 4, 5, 4, 5: slope 0.6, standard error 0.28284, Student's t for 3 degrees 3.182. The
        // residuals alternate too much for a correlation.
        let found = fit(&[(1.0, 2.0), (2.0, 4.0), (3.0, 5.0), (4.0, 4.0), (5.0, 5.0)]);
        assert!((found.slope - 0.6).abs() < 1e-9, "{found:?}");
        assert!((found.margin - 0.9).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn noise_without_a_slope_does_not_grow_and_a_small_leak_in_it_does() {
        for seed in 0..50 {
            let mut generator = fastrand::Rng::with_seed(seed);
            let level: Vec<_> = series(|at| at)
                .iter()
                .map(|&(at, _)| (at, 100.0 * noise(&mut generator)))
                .collect();
            assert!(!fit(&level).is_growing(10.0), "seed {seed}");
            let leaking: Vec<_> = level
                .iter()
                .map(|&(at, value)| (at, value + 0.05 * at))
                .collect();
            assert!(fit(&leaking).is_growing(10.0), "seed {seed}");
            assert!(
                !fit(&leaking).is_growing(100.0),
                "seed {seed}: that much is allowed"
            );
        }
    }

    #[test]
    fn a_wander_that_goes_nowhere_is_not_taken_for_growth() {
        let mut wrong = 0;
        for seed in 0..200 {
            let mut generator = fastrand::Rng::with_seed(seed);
            let mut value = 0.0;
            let mut points = Vec::new();
            for (at, _) in series(|at| at) {
                value = 0.95 * value + noise(&mut generator);
                points.push((at, value));
            }
            let found = fit(&points);
            wrong += usize::from((found.slope - found.margin) > 0.0);
            assert!(found.correlation > 0.8, "seed {seed}: {found:?}");
        }
        // Half of the 5 % are on this side; without the correlation it would be every third.
        assert!(wrong <= 14, "{wrong} of 200");
    }

    #[test]
    fn too_few_samples_have_no_line() {
        assert_eq!(Fit::through(&[]), None);
        assert_eq!(Fit::through(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]), None);
        assert_eq!(Fit::through(&[(1.0, 1.0); 9]), None);
    }

    #[test]
    fn fewer_degrees_of_freedom_make_a_wider_interval() {
        let quantiles: Vec<f64> = [1.0, 2.5, 3.0, 9.9, 10.0, 30.0, 1000.0]
            .map(student)
            .to_vec();
        assert!(
            quantiles.windows(2).all(|pair| pair[0] > pair[1]),
            "{quantiles:?}"
        );
        assert!((student(30.0) - 2.042).abs() < 0.003);
        assert!((student(1000.0) - 1.962).abs() < 0.003);
    }
}
