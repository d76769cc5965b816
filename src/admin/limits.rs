//! Limits: what a request to the admin endpoint may be, and what its connections may cost.
//!
//! Layer: admin. Owns the numbers, and below them the relations that are checked at compile time.
//! Knows nothing of who obeys them.

use std::time::Duration;

/// Longest head of a request, in bytes: what browsers and scrapers send is a tenth of it, with
/// cookies of other services on the same host half of it.
pub const HEAD_BYTES: usize = 8 * 1024;

/// Most header lines of a request. Browsers send fewer than 20, proxies add a handful.
pub const HEADERS: usize = 64;

/// How much a head grows by before each read, in bytes: most heads fit at once, and an idle
/// connection costs no more.
pub const READ_BYTES: usize = 1024;

/// Reads, and writes, that one connection gets in one turn, the interrupted ones included. A head
/// takes one or two; only bytes that dribble in as fast as they are read ever meet it.
pub const CALLS_PER_TURN: usize = 16;

/// Connections at a time: a few scrapers, and browsers, which open up to six each.
pub const MAX_CONNECTIONS: usize = 16;

/// Connections that the kernel may complete before they are accepted (listen(2)). A newcomer stands behind
/// all of them, whatever they ask for: with the thousands that clients have, somebody who asks and does not
/// wait keeps a scrape out for seconds. Beyond it, a connect is tried again by the kernel after a second.
pub const ACCEPT_QUEUE: i32 = 256;

/// Calls of `accept` in one turn: as many as there are places.
pub const ACCEPTS_PER_TURN: usize = MAX_CONNECTIONS;

/// Answers in one turn that are found by looking at clients or at all counters: a millisecond or two with
/// many clients.
pub const COSTLY_ANSWERS_PER_TURN: usize = 1;

/// Answers in one turn that take no longer than to take the request.
pub const PLAIN_ANSWERS_PER_TURN: usize = 4;

/// After a costly answer there is none for this many times as long as it took: they have a tenth of the
/// loop's time at the most.
pub const REST_FACTOR: u32 = 9;

/// From accept to the last byte of the answer. Scrapers wait for ten seconds, so they learn of it.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// After the last byte of an answer, how long the other side's end is waited for: several round
/// trips on this planet.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes read and thrown away after an answer: the rest of a body that was refused, in the socket
/// buffers and on the way. Who sends more may lose the answer to a reset.
pub const DISCARD_BYTES: usize = 64 * 1024;

/// Bytes thrown away at a time; the buffer is on the stack.
pub const SCRATCH_BYTES: usize = 4 * 1024;

/// Longest answer, in bytes: a thousand clients or departures, with the longest addresses and numbers of
/// twenty digits. It is mostly a third of that.
pub const ANSWER_BYTES: usize = 640 * 1024;

/// What making an answer takes beside it, in answers: a text that grows may be half empty, and the old one
/// is still there while it grows.
pub const ANSWERS_UNDER_WAY: usize = 3;

const _: () = {
    // A head of any length can be read in one turn.
    assert!(READ_BYTES * CALLS_PER_TURN >= HEAD_BYTES);
    assert!(READ_BYTES <= HEAD_BYTES);
    // What is thrown away takes a turn or two.
    assert!(SCRATCH_BYTES * CALLS_PER_TURN >= DISCARD_BYTES);
    assert!(FINISH_TIMEOUT.as_millis() < CONNECTION_TIMEOUT.as_millis());
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_the_number_that_was_promised() {
        assert_eq!((HEAD_BYTES, HEADERS), (8192, 64));
        assert_eq!((MAX_CONNECTIONS, CALLS_PER_TURN), (16, 16));
        assert_eq!(
            (READ_BYTES, SCRATCH_BYTES, DISCARD_BYTES),
            (1024, 4096, 65536)
        );
        let timeouts = [CONNECTION_TIMEOUT, FINISH_TIMEOUT].map(|timeout| timeout.as_millis());
        assert_eq!(timeouts, [5000, 1000]);
    }
}
