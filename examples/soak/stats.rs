//! The `stats` line of the server, read.

use serde::Serialize;

/// What the server says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Stats {
    pub(crate) frames: u64,
    pub(crate) clients: u64,
    pub(crate) delivered: u64,
    pub(crate) skipped: u64,
    pub(crate) abandoned: u64,
    pub(crate) accepted: u64,
    pub(crate) upstream_bytes: u64,
    pub(crate) discarded_bytes: u64,
    pub(crate) delivered_bytes: u64,
    pub(crate) heard_bytes: u64,
    pub(crate) upstream_connects: u64,
    pub(crate) upstream_losses: u64,
    pub(crate) accept_errors: u64,
    pub(crate) turns: u64,
    pub(crate) left_closed: u64,
    pub(crate) left_error: u64,
    pub(crate) left_slow: u64,
    pub(crate) left_stalled: u64,
    pub(crate) left_flood: u64,
    pub(crate) left_drain: u64,
    pub(crate) left_upstream_end: u64,
    /// For whatever reason.
    pub(crate) refused: u64,
}

impl Stats {
    /// Reads a line; none if one of the keys is not in it.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let of = |key| number(line, key);
        Some(Self {
            frames: of("frames")?,
            clients: of("clients")?,
            delivered: of("delivered")?,
            skipped: of("skipped")?,
            abandoned: of("abandoned")?,
            accepted: of("accepted")?,
            upstream_bytes: of("upstream_bytes")?,
            discarded_bytes: of("discarded_bytes")?,
            delivered_bytes: of("delivered_bytes")?,
            heard_bytes: of("heard_bytes")?,
            upstream_connects: of("upstream_connects")?,
            upstream_losses: of("upstream_losses")?,
            accept_errors: of("accept_errors")?,
            turns: of("turns")?,
            left_closed: of("left_closed")?,
            left_error: of("left_error")?,
            left_slow: of("left_slow")?,
            left_stalled: of("left_stalled")?,
            left_flood: of("left_flood")?,
            left_drain: of("left_drain")?,
            left_upstream_end: of("left_upstream_end")?,
            refused: of("refused_max_clients")?
                + of("refused_per_ip")?
                + of("refused_not_allowed")?
                + of("refused_descriptors")?,
        })
    }

    /// Clients that have left, for whatever reason.
    pub(crate) fn departed(&self) -> u64 {
        self.left_closed
            + self.left_flood
            + self.left_behind()
            + self.left_drain
            + self.left_upstream_end
    }

    /// Clients that were thrown out for not reading. The kernel's own timeout, which is as long as the server's, may be
    /// the first to act: that is an error of the socket.
    pub(crate) fn left_behind(&self) -> u64 {
        self.left_slow + self.left_stalled + self.left_error
    }
}

/// The number behind a key of a log line.
pub(crate) fn number(line: &str, key: &str) -> Option<u64> {
    value(line, key)?.parse().ok()
}

/// What stands behind a key of a log line, up to the next blank.
pub(crate) fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let words = line.split_ascii_whitespace();
    let mut values = words.filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    values.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "2026-01-01T00:00:00.000Z INFO  [fanout::reactor::report] stats frames=1 clients=2 delivered=3 \
        skipped=4 abandoned=5 accepted=6 upstream_bytes=7 discarded_bytes=8 delivered_bytes=9 heard_bytes=10 \
        upstream_connects=11 upstream_losses=12 accept_errors=13 lines_suppressed=14 turns=15 left_closed=16 \
        left_error=17 left_slow=18 left_stalled=19 left_flood=20 left_drain=21 left_upstream_end=22 \
        refused_max_clients=23 refused_per_ip=24 refused_not_allowed=25 refused_descriptors=26";

    #[test]
    fn a_line_is_read_and_no_key_is_taken_for_another() {
        let stats = Stats::parse(LINE).expect("it has all keys");
        let expected = Stats {
            frames: 1,
            clients: 2,
            delivered: 3,
            skipped: 4,
            abandoned: 5,
            accepted: 6,
            upstream_bytes: 7,
            discarded_bytes: 8,
            delivered_bytes: 9,
            heard_bytes: 10,
            upstream_connects: 11,
            upstream_losses: 12,
            accept_errors: 13,
            turns: 15,
            left_closed: 16,
            left_error: 17,
            left_slow: 18,
            left_stalled: 19,
            left_flood: 20,
            left_drain: 21,
            left_upstream_end: 22,
            refused: 98,
        };
        assert_eq!(stats, expected);
        assert_eq!((stats.left_behind(), stats.departed()), (54, 133));
    }

    #[test]
    fn a_line_without_a_key_is_none() {
        assert_eq!(
            Stats::parse(&LINE.replace("abandoned=", "forgotten=")),
            None
        );
    }
}
