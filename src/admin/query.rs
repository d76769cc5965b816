//! What a request for the clients asks for: in which order, how many, from where on.
//!
//! Layer: admin. Owns the limits of such a question: who asks for what does not exist is told so,
//! instead of being given something else. Knows nothing of clients.

use std::fmt;
use std::ops::RangeInclusive;

use thiserror::Error;

use crate::relay::listing::Sort;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientsQuery {
    /// The order.
    pub sort: Sort,
    /// Clients to be shown at most; in [`LIMITS`].
    pub limit: usize,
    /// Clients to be passed over first.
    pub offset: usize,
}

impl Default for ClientsQuery {
    fn default() -> Self {
        Self {
            sort: Sort::Lag,
            limit: 100,
            offset: 0,
        }
    }
}

impl ClientsQuery {
    /// Reads what stands behind the question mark of a request.
    ///
    /// # Errors
    /// When a key is unknown or given twice, or has a value that it cannot have.
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        let mut sort = None;
        let mut limit = None;
        let mut offset = None;
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "sort" => set(
                    &mut sort,
                    "sort",
                    &value,
                    "lag, id, frames, bytes, connected",
                    sort_named,
                )?,
                "limit" => set(&mut limit, "limit", &value, "1 to 1000", limit_of)?,
                "offset" => set(&mut offset, "offset", &value, "a whole number", number)?,
                _ => {
                    return Err(QueryError::Unknown {
                        key: Excerpt::of(&key),
                        value: Excerpt::of(&value),
                    });
                }
            }
        }
        let default = Self::default();
        Ok(Self {
            sort: sort.unwrap_or(default.sort),
            limit: limit.unwrap_or(default.limit),
            offset: offset.unwrap_or(default.offset),
        })
    }
}

/// Why a query is refused, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// There is no such key.
    #[error("{key} = {value}: there is no such key, but sort, limit and offset")]
    Unknown {
        /// The key.
        key: Excerpt,
        /// Its value.
        value: Excerpt,
    },
    /// The key has a value already.
    #[error("{key} = {value}: {key} is given twice")]
    Twice {
        /// The key.
        key: &'static str,
        /// Its second value.
        value: Excerpt,
    },
    /// The key cannot have this value.
    #[error("{key} = {value}: {key} is {wanted}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// Its value.
        value: Excerpt,
        /// What values it can have.
        wanted: &'static str,
    },
}

/// The beginning of what somebody sent, fit for a line of text.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    fn of(text: &str) -> Self {
        let mut characters = text.chars();
        let mut beginning: String = characters.by_ref().take(EXCERPT_CHARACTERS).collect();
        if characters.next().is_some() {
            beginning.push('…');
        }
        Self(beginning)
    }
}

/// In quotation marks, control characters escaped.
impl fmt::Display for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn set<T>(
    slot: &mut Option<T>,
    key: &'static str,
    value: &str,
    wanted: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<(), QueryError> {
    if slot.is_some() {
        let value = Excerpt::of(value);
        return Err(QueryError::Twice { key, value });
    }
    *slot = read(value);
    if slot.is_none() {
        let value = Excerpt::of(value);
        return Err(QueryError::Invalid { key, value, wanted });
    }
    Ok(())
}

fn sort_named(word: &str) -> Option<Sort> {
    Sort::ALL.into_iter().find(|sort| sort.to_string() == word)
}

fn limit_of(text: &str) -> Option<usize> {
    number(text).filter(|limit| LIMITS.contains(limit))
}

/// Digits only: the standard library would take a sign as well.
fn number(text: &str) -> Option<usize> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// How many clients may be asked for at once: an answer is made in one turn, and held in memory
/// until it is sent.
pub const LIMITS: RangeInclusive<usize> = 1..=1000;

/// How much of a key or a value an error repeats, in characters.
const EXCERPT_CHARACTERS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refusal(query: &str) -> String {
        ClientsQuery::parse(query).unwrap_err().to_string()
    }

    #[test]
    fn nothing_asked_for_is_the_hundred_that_lag_most() {
        let expected = ClientsQuery {
            sort: Sort::Lag,
            limit: 100,
            offset: 0,
        };
        assert_eq!(ClientsQuery::parse(""), Ok(expected));
        assert_eq!(ClientsQuery::parse("&&"), Ok(expected));
    }

    #[test]
    fn each_key_is_read_in_any_order() {
        let expected = ClientsQuery {
            sort: Sort::Connected,
            limit: 1000,
            offset: 20,
        };
        for query in [
            "sort=connected&limit=1000&offset=20",
            "offset=020&&limit=1000&sort=connecte%64",
        ] {
            assert_eq!(ClientsQuery::parse(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn every_order_is_read_by_its_name_and_named_in_the_refusal() {
        let refusal = refusal("sort=age");
        for sort in Sort::ALL {
            let query = ClientsQuery::parse(&format!("sort={sort}")).unwrap();
            assert_eq!(query.sort, sort);
            assert!(refusal.contains(&sort.to_string()), "{sort}");
        }
    }

    #[test]
    fn a_refusal_names_key_and_value() {
        assert_eq!(refusal("limit=0"), r#"limit = "0": limit is 1 to 1000"#);
        assert_eq!(
            refusal("sort=age"),
            r#"sort = "age": sort is lag, id, frames, bytes, connected"#
        );
        assert_eq!(
            refusal("page=2"),
            r#""page" = "2": there is no such key, but sort, limit and offset"#
        );
        assert_eq!(
            refusal("offset=1&limit=5&offset=1"),
            r#"offset = "1": offset is given twice"#
        );
    }

    #[test]
    fn a_number_is_digits_in_its_range() {
        for value in [
            "",
            "1001",
            "-1",
            "%2B1",
            "+1",
            "1.0",
            "0x1",
            "99999999999999999999",
        ] {
            let refusal = refusal(&format!("limit={value}"));
            assert!(refusal.starts_with("limit = \""), "{refusal}");
        }
        assert!(ClientsQuery::parse("offset=0").is_ok());
        assert!(ClientsQuery::parse("offset=18446744073709551616").is_err());
    }

    #[test]
    fn a_refusal_is_one_short_line_whatever_was_sent() {
        let long = "%0a%0d%00%22%ff%e2%80%a8".repeat(1000);
        for query in [format!("{long}={long}"), format!("sort={long}"), long] {
            let refusal = refusal(&query);
            assert!(!refusal.contains(|letter: char| letter.is_control() || letter == '\u{2028}'));
            assert!(refusal.len() < 1000, "{}", refusal.len());
        }
    }
}
