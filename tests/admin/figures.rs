//! The text of `/metrics`, read line by line.
//!
//! The invariant: what is read is well-formed. Every series has a name that was described before, a number, and occurs
//! once; a histogram is one.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::http;

/// Every series of one scrape.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) text: String,
    values: HashMap<String, String>,
}

/// A histogram of one scrape.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper ends of the ranges as they are written, and how many observations lie below each.
    pub(crate) buckets: Vec<(String, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl Figures {
    /// A scrape.
    #[track_caller]
    pub(crate) fn of(admin: SocketAddr) -> Self {
        let answer = http::get(admin, "/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::parse(answer.body)
    }

    #[track_caller]
    pub(crate) fn parse(text: String) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut values = HashMap::new();
        let mut described = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("# TYPE ") {
                name.split(' ')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut described);
                continue;
            }
            if line.starts_with('#') {
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("series and value");
            assert!(series.starts_with(&described), "{line:?} is not described");
            assert!(value.parse::<f64>().is_ok(), "no number in {line:?}");
            let before = values.insert(series.to_owned(), value.to_owned());
            assert_eq!(before, None, "{series} occurs twice");
        }
        Self { text, values }
    }

    /// The value of a series that counts.
    #[track_caller]
    pub(crate) fn count(&self, series: &str) -> u64 {
        let value = self.value(series);
        value
            .parse()
            .unwrap_or_else(|_| panic!("{series} is {value}"))
    }

    /// The value of a series that measures.
    #[track_caller]
    pub(crate) fn number(&self, series: &str) -> f64 {
        self.value(series).parse().expect("it was looked at")
    }

    #[track_caller]
    fn value(&self, series: &str) -> &str {
        let value = self.values.get(series);
        value.unwrap_or_else(|| panic!("no {series} in\n{}", self.text))
    }

    /// What a family counts by its label, the zeros left out, sorted.
    pub(crate) fn by_label(&self, family: &str) -> Vec<(String, u64)> {
        let labelled = self.values.iter().filter_map(|(series, value)| {
            let (_, label) = series.strip_prefix(family)?.split_once("=\"")?;
            let word = label.strip_suffix("\"}")?.to_owned();
            Some((word, value.parse().ok()?))
        });
        let mut counts: Vec<_> = labelled.filter(|(_, count)| *count != 0).collect();
        counts.sort();
        counts
    }

    /// The names of all series, sorted.
    pub(crate) fn series(&self) -> Vec<&str> {
        let mut series: Vec<_> = self.values.keys().map(String::as_str).collect();
        series.sort_unstable();
        series
    }

    /// A histogram, whose buckets, sum and count agree.
    #[track_caller]
    pub(crate) fn histogram(&self, name: &str) -> Histogram {
        let prefix = format!("{name}_bucket{{le=\"");
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix));
        let buckets: Vec<(String, u64)> = lines
            .map(|line| {
                let (bound, count) = line.split_once("\"} ").expect("a bound and a count");
                (bound.to_owned(), count.parse().expect("a count"))
            })
            .collect();
        let bounds = buckets
            .iter()
            .map(|(bound, _)| bound.parse::<f64>().expect("a bound"));
        assert!(bounds.is_sorted(), "{buckets:?}");
        let is_rising = buckets.is_sorted_by_key(|(_, count)| *count);
        assert!(is_rising, "counts are of all that is below: {buckets:?}");
        let (last, all) = buckets.last().expect("at least one bucket");
        let count = self.count(&format!("{name}_count"));
        assert_eq!((last.as_str(), *all), ("+Inf", count), "{name}");
        let sum = self.number(&format!("{name}_sum"));
        assert!(sum >= 0.0, "{name}: {sum}");
        Histogram {
            buckets,
            count,
            sum,
        }
    }
}
