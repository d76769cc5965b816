//! Durations as they are shown, in log lines and in complaints about options.
//!
//! Layer: relay. Owns the one spelling of a duration, which has no blanks, so that `key=value` can
//! be taken apart. Knows nothing of what lasts so long.

use std::fmt;
use std::time::Duration;

/// A duration without blanks, to the millisecond: `0s`, `250ms`, `10s`, `1.5s`.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return formatter.write_str("0s");
        }
        write!(formatter, "{:?}", Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_no_blanks_and_no_microseconds() {
        for (micros, text) in [
            (0, "0s"),
            (250_000, "250ms"),
            (10_000_000, "10s"),
            (1_500_900, "1.5s"),
        ] {
            assert_eq!(Span(Duration::from_micros(micros)).to_string(), text);
        }
    }
}
