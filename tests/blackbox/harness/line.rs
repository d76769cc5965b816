//! Log lines as text: finding them, taking values out of them, and holding them against the shapes of the contract.

use std::net::SocketAddr;
use std::time::Duration;

/// Whether the parts of `pattern` (separated by `*`) occur in the line, in this order.
pub(crate) fn matches(line: &str, pattern: &str) -> bool {
    let mut rest = line;
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// The value of `key=value` or `key="a value"`.
#[track_caller]
pub(crate) fn value<'a>(line: &'a str, key: &str) -> &'a str {
    try_value(line, key).unwrap_or_else(|| panic!("no {key}= in {line:?}"))
}

/// The value of `key=`, as a number.
#[track_caller]
pub(crate) fn number(line: &str, key: &str) -> u64 {
    let value = value(line, key);
    value
        .parse()
        .unwrap_or_else(|_| panic!("{key}={value} is no number in {line:?}"))
}

/// The value of `addr=`.
#[track_caller]
pub(crate) fn addr(line: &str) -> SocketAddr {
    let value = value(line, "addr");
    value
        .parse()
        .unwrap_or_else(|_| panic!("addr={value} is no address in {line:?}"))
}

/// A duration as the log writes it: `250ms`, `1.5s`, `1s250ms`.
#[track_caller]
pub(crate) fn duration(text: &str) -> Duration {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (count, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => panic!("{text:?} is no duration"),
        };
        total += seconds
            * count
                .parse::<f64>()
                .unwrap_or_else(|_| panic!("{text:?} is no duration"));
        rest = after;
    }
    Duration::from_secs_f64(total)
}

/// Fails unless the line is `TIMESTAMP LEVEL [module] words`, its level is the one asked for, and its words begin with
/// the shape.
///
/// In a shape `key=#` stands for a whole number, `key=@` for a socket address, `key=~` for a duration, `key="?"` for
/// any text in quotes; the rest stands for itself.
#[track_caller]
pub(crate) fn assert_shape(line: &str, level: &str, shape: &str) {
    let parts = Parts::of(line);
    assert_eq!(parts.level, level, "the level of {line:?}");
    let mut rest = parts.words;
    for wanted in shape.split(' ') {
        let (word, after) = cut_word(rest);
        assert!(
            is_word(word, wanted),
            "expected {wanted:?}, found {word:?} in {line:?}"
        );
        rest = after;
    }
}

/// The parts of a log line.
pub(crate) struct Parts<'a> {
    pub(crate) timestamp: &'a str,
    pub(crate) level: &'a str,
    pub(crate) words: &'a str,
}

impl<'a> Parts<'a> {
    #[track_caller]
    pub(crate) fn of(line: &'a str) -> Self {
        let (timestamp, rest) = line
            .split_once(' ')
            .unwrap_or_else(|| panic!("one word only: {line:?}"));
        let is_time =
            timestamp.contains('T') && timestamp.starts_with(|c: char| c.is_ascii_digit());
        assert!(is_time, "no timestamp at the start of {line:?}");
        let (level, rest) = rest
            .split_once(' ')
            .unwrap_or_else(|| panic!("no level in {line:?}"));
        let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        assert!(
            levels.contains(&level),
            "no level at the second place of {line:?}"
        );
        let rest = rest.trim_start();
        let module = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "));
        let (module, words) =
            module.unwrap_or_else(|| panic!("no [module] at the third place of {line:?}"));
        assert!(!module.is_empty(), "an empty module in {line:?}");
        Self {
            timestamp,
            level,
            words,
        }
    }
}

/// The value of a key, if the line has it.
pub(crate) fn try_value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let start = line.match_indices(key).find_map(|(at, _)| {
        let is_start = at == 0 || line[..at].ends_with(' ');
        (is_start && line[at + key.len()..].starts_with('=')).then_some(at + key.len() + 1)
    })?;
    let rest = &line[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(value, _)| value),
        // An explanation may follow a value after a colon.
        None => rest
            .split(' ')
            .next()
            .map(|value| value.trim_end_matches(':')),
    }
}

/// The first word, where a quoted value with spaces is part of its word, and what follows it.
fn cut_word(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c: char| {
        quoted ^= c == '"';
        c == ' ' && !quoted
    });
    match end {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, ""),
    }
}

fn is_word(word: &str, wanted: &str) -> bool {
    let Some((key, kind)) = wanted.split_once('=') else {
        return word == wanted;
    };
    let Some(value) = word
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix('='))
    else {
        return false;
    };
    match kind {
        "#" => value.parse::<u64>().is_ok(),
        "@" => value.parse::<SocketAddr>().is_ok(),
        "~" => value.starts_with(|c: char| c.is_ascii_digit()),
        "\"?\"" => value.len() > 2 && value.starts_with('"') && value.ends_with('"'),
        exact => value == exact,
    }
}
