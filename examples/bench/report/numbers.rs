//! Numbers as text: for cells of tables and for marks on axes.
//!
//! It owns how many digits a reader is shown. It does not know what is counted.

/// Three digits that count, thousands apart, no exponent: `0.0512`, `9.29`, `99.8`, `12,345`.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let is_enough = |decimals: &i32| (value.abs() * 10_f64.powi(*decimals)).round() < 1000.0;
    let decimals = (0..=MOST_DECIMALS).rev().find(is_enough).unwrap_or(0);
    fixed(value, decimals)
}

/// No decimals, thousands apart: `1,234`.
pub(crate) fn whole(value: f64) -> String {
    fixed(value, 0)
}

/// What stands at a mark of an axis: `0.1`, `1`, `1,000`, `1 M`.
pub(crate) fn mark(value: f64) -> String {
    let (value, unit) = if value >= 1e6 {
        (value / 1e6, " M")
    } else {
        (value, "")
    };
    let number = fixed(value, MOST_DECIMALS);
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("{number}{unit}")
}

/// A mark on an axis of microseconds: `10 µs`, `1 ms`, `2 s`.
pub(crate) fn microseconds_mark(value: f64) -> String {
    let (value, unit) = match value {
        value if value < 1e3 => (value, "µs"),
        value if value < 1e6 => (value / 1e3, "ms"),
        value => (value / 1e6, "s"),
    };
    format!("{} {unit}", mark(value))
}

/// A number of bytes: `1 KiB`, `1.5 KiB`, `700 bytes`.
pub(crate) fn bytes(value: f64) -> String {
    match value {
        value if value < KIBIBYTE => format!("{} bytes", mark(value)),
        value if value < MEBIBYTE => format!("{} KiB", mark(value / KIBIBYTE)),
        value => format!("{} MiB", mark(value / MEBIBYTE)),
    }
}

/// Bytes in MiB.
#[expect(
    clippy::cast_precision_loss,
    reason = "no memory has 2^53 bytes, and three digits are shown"
)]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}

fn fixed(value: f64, decimals: i32) -> String {
    let text = format!("{value:.*}", usize::try_from(decimals).unwrap_or(0));
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, _)) => text.split_at(whole.len()),
        None => (text.as_str(), ""),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut grouped = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// Below a millionth nothing here is worth a digit.
const MOST_DECIMALS: i32 = 6;
const KIBIBYTE: f64 = 1024.0;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        let texts = [
            0.0, 0.051_23, 1.0, 9.294, 9.996, 99.84, 99.96, 12_345.4, -3.0,
        ]
        .map(significant);
        let expected = [
            "0", "0.0512", "1.00", "9.29", "10.0", "99.8", "100", "12,345", "-3.00",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn marks_are_short() {
        let texts = [0.1, 1.0, 20.0, 1e3, 1e5, 1e6, 2.5e6, 1e7].map(mark);
        let expected = ["0.1", "1", "20", "1,000", "100,000", "1 M", "2.5 M", "10 M"];
        assert_eq!(texts, expected);
        let texts = [5.0, 100.0, 1e3, 2e4, 1e6].map(microseconds_mark);
        assert_eq!(texts, ["5 µs", "100 µs", "1 ms", "20 ms", "1 s"]);
    }

    #[test]
    fn bytes_have_the_unit_that_fits() {
        let texts = [64.0, 1024.0, 1536.0, 1_048_576.0].map(bytes);
        assert_eq!(texts, ["64 bytes", "1 KiB", "1.5 KiB", "1 MiB"]);
    }
}
