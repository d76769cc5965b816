//! A writer of the Prometheus text format, version 0.0.4.
//!
//! Layer: admin. Owns the shape of the text: a family's help and type come before its samples, its
//! lines are one uninterrupted group, every text is escaped, a histogram's buckets are cumulated
//! and its count is that of its last bucket. Knows nothing of what is measured.
//!
//! The format is that of
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details>.

use std::fmt;
use std::time::Duration;

/// What an answer in this format says of itself, as `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows family by family.
#[derive(Debug)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// An empty text with room for so many bytes; it grows beyond them if it must.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
        }
    }

    /// Opens the family `name`; its samples are written through what is given back.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        self.head(name, kind.word(), help);
        Family {
            text: &mut self.text,
            name,
        }
    }

    /// Writes the whole family `name`, which has one sample and no labels.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Number) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// Writes the whole family `name` with the buckets of one histogram.
    pub fn histogram<T: Number>(
        &mut self,
        name: &'static str,
        help: &str,
        histogram: &HistogramView<'_, T>,
    ) {
        self.head(name, "histogram", help);
        let text = &mut self.text;
        let mut cumulated = 0;
        for (bound, count) in histogram.bounds.iter().zip(histogram.counts) {
            cumulated += count;
            put(text, format_args!("{name}_bucket{{le=\""));
            bound.write(text);
            put(text, format_args!("\"}} {cumulated}\n"));
        }
        let count: u64 = histogram.counts.iter().sum();
        put(text, format_args!("{name}_bucket{{le=\"+Inf\"}} {count}\n"));
        put(text, format_args!("{name}_sum "));
        histogram.sum.write(text);
        put(text, format_args!("\n{name}_count {count}\n"));
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        put(&mut self.text, format_args!("# HELP {name} "));
        // A quotation mark stays as it is here: only label values end with one.
        put(&mut Escaped::help(&mut self.text), format_args!("{help}"));
        put(&mut self.text, format_args!("\n# TYPE {name} {kind}\n"));
    }
}

/// What kind of a number the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 at the start of the program.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A family that is open: nothing but its own samples can be written until it is let go.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Family<'_> {
    /// Writes one sample. Labels are names and values; each combination may be written once.
    pub fn sample(
        &mut self,
        labels: &[(&str, &dyn fmt::Display)],
        value: impl Number,
    ) -> &mut Self {
        self.text.push_str(self.name);
        let mut before = '{';
        for (label, value) in labels {
            put(self.text, format_args!("{before}{label}=\""));
            put(&mut Escaped::label(self.text), format_args!("{value}"));
            self.text.push('"');
            before = ',';
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.text.push(' ');
        value.write(self.text);
        self.text.push('\n');
        self
    }
}

/// What a histogram has counted.
#[derive(Clone, Copy, Debug)]
pub struct HistogramView<'a, T> {
    /// The greatest value that belongs into each bucket, ascending; the last bucket has none.
    pub bounds: &'a [T],
    /// Observations per bucket, not cumulated; one more than there are bounds.
    pub counts: &'a [u64],
    /// The sum of all values that were observed.
    pub sum: T,
}

/// A number as Prometheus parses it.
pub trait Number: Copy {
    /// Appends the number to `text`.
    fn write(self, text: &mut String);
}

impl Number for u64 {
    fn write(self, text: &mut String) {
        put(text, format_args!("{self}"));
    }
}

impl Number for f64 {
    fn write(self, text: &mut String) {
        if self.is_finite() {
            put(text, format_args!("{self}"));
        } else if self.is_nan() {
            text.push_str("NaN");
        } else {
            text.push_str(if self > 0.0 { "+Inf" } else { "-Inf" });
        }
    }
}

/// In seconds, to the nanosecond and without rounding.
impl Number for Duration {
    fn write(self, text: &mut String) {
        put(text, format_args!("{}", self.as_secs()));
        if self.subsec_nanos() > 0 {
            put(text, format_args!(".{:09}", self.subsec_nanos()));
            text.truncate(text.trim_end_matches('0').len());
        }
    }
}

/// Passes text on with those characters escaped that would end it.
struct Escaped<'a> {
    text: &'a mut String,
    special: &'static [char],
}

impl<'a> Escaped<'a> {
    fn help(text: &'a mut String) -> Self {
        let special = &['\\', '\n'];
        Self { text, special }
    }

    fn label(text: &'a mut String) -> Self {
        let special = &['\\', '\n', '"'];
        Self { text, special }
    }
}

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for part in piece.split_inclusive(self.special) {
            let plain = part.trim_end_matches(self.special);
            self.text.push_str(plain);
            match part[plain.len()..].chars().next() {
                Some('\n') => self.text.push_str("\\n"),
                Some(special) => self.text.extend(['\\', special]),
                None => {}
            }
        }
        Ok(())
    }
}

/// Appends to a text, which cannot fail.
fn put(text: &mut impl fmt::Write, arguments: fmt::Arguments<'_>) {
    // Only a `Display` of somebody else's could refuse; what it wrote so far stands.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: impl Number) -> String {
        let mut text = String::new();
        number.write(&mut text);
        text
    }

    #[test]
    fn a_family_is_its_help_its_type_and_its_samples() {
        let mut exposition = Exposition::with_capacity(0);
        exposition
            .family("cups_total", Kind::Counter, "Cups drunk.")
            .sample(&[("of", &"tea"), ("with", &"milk")], 3)
            .sample(&[("of", &"coffee"), ("with", &"")], u64::MAX);
        exposition.single("kettle_celsius", Kind::Gauge, "Of the water.", 99.5);
        let expected = "\
# HELP cups_total Cups drunk.
# TYPE cups_total counter
cups_total{of=\"tea\",with=\"milk\"} 3
cups_total{of=\"coffee\",with=\"\"} 18446744073709551615
# HELP kettle_celsius Of the water.
# TYPE kettle_celsius gauge
kettle_celsius 99.5
";
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn what_would_end_a_text_is_escaped() {
        let mut exposition = Exposition::with_capacity(0);
        exposition
            .family("a", Kind::Gauge, "\\n is not\na \"line\"\\")
            .sample(&[("b", &"\\n is not\n\na \"line\"\\")], 1);
        let expected = r#"# HELP a \\n is not\na "line"\\
# TYPE a gauge
a{b="\\n is not\n\na \"line\"\\"} 1
"#;
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn buckets_are_cumulated_and_the_last_is_the_count() {
        let mut exposition = Exposition::with_capacity(0);
        let histogram = HistogramView {
            bounds: &[0.5, 1.0, 25.0],
            counts: &[1, 0, 2, 4],
            sum: 123.25,
        };
        exposition.histogram("nap_seconds", "One nap.", &histogram);
        let expected = "\
# HELP nap_seconds One nap.
# TYPE nap_seconds histogram
nap_seconds_bucket{le=\"0.5\"} 1
nap_seconds_bucket{le=\"1\"} 1
nap_seconds_bucket{le=\"25\"} 3
nap_seconds_bucket{le=\"+Inf\"} 7
nap_seconds_sum 123.25
nap_seconds_count 7
";
        assert_eq!(exposition.into_text(), expected);
    }

    #[test]
    fn numbers_are_written_as_prometheus_parses_them() {
        assert_eq!(written(0.00001), "0.00001");
        assert_eq!(written(1e21), "1000000000000000000000");
        assert_eq!(written(-0.5), "-0.5");
        assert_eq!(written(f64::NAN), "NaN");
        assert_eq!(written(f64::INFINITY), "+Inf");
        assert_eq!(written(f64::NEG_INFINITY), "-Inf");
        assert_eq!(written(Duration::from_nanos(1)), "0.000000001");
        assert_eq!(written(Duration::from_micros(10)), "0.00001");
        assert_eq!(written(Duration::from_millis(2_500)), "2.5");
        assert_eq!(written(Duration::from_secs(100)), "100");
        assert_eq!(written(Duration::MAX), "18446744073709551615.999999999");
    }
}
