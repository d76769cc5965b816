//! Limits: what a turn may do, and what a client may have, at the most.
//!
//! Layer: relay. Owns the numbers and, below, the relations between them, which are checked at
//! compile time. Loops that go over all clients, or over the list of upstreams, are bounded by
//! those instead. Knows nothing of who obeys them.

use std::time::Duration;

/// How far the upstream may be read ahead of a fan-out that is under way, in bytes.
///
/// Also the largest read. On a prototype 64 KiB cost a quarter of the throughput (more calls), and
/// 512 KiB half of it: the window then falls out of the processor's second-level cache before the
/// last client has been served from it. With a log that starts over, 192 KiB were ahead of 128 with
/// 100 clients and more, and of 256 with ten.
pub const READ_WINDOW_BYTES: usize = 192 * 1024;

/// While frames are held back, what may come meanwhile without being read, in bytes: less than the
/// kernel takes for any connection, so that waiting with it slows nobody down.
pub const UNHEARD_BYTES: u64 = 32 * 1024;

/// Reads from the upstream in one turn. Only an upstream that dribbles single bytes as fast as
/// they are read ever meets it.
pub const READS_PER_TURN: usize = 64;

/// Bytes offered to one client in one write, so that a client which catches up does not keep the
/// others waiting.
pub const WRITE_BYTES: usize = 256 * 1024;

/// Bytes given out in one turn over all clients: one to five milliseconds of work.
pub const SLICE_BYTES: usize = 4 * 1024 * 1024;

/// What a write is charged to the slice at the least, in bytes: a small write costs about as much
/// time as copying this many bytes, and 512 of them fill a slice.
pub const WRITE_CHARGE_BYTES: usize = 8 * 1024;

/// Bytes of a client's input read and thrown away at a time, before it is the next one's turn.
pub const HEAR_BYTES: usize = 64 * 1024;

/// Bytes of all clients' input read and thrown away in one turn.
pub const HEAR_SLICE_BYTES: usize = 1024 * 1024;

/// What reading a client's input is charged at the least, in bytes, for the same reason as
/// [`WRITE_CHARGE_BYTES`].
pub const HEAR_CHARGE_BYTES: usize = 2 * 1024;

/// A client that has sent more than this many bytes in all is thrown out.
pub const FLOOD_BYTES: u64 = 1024 * 1024;

/// How often a call that a signal handler interrupted is made again before it counts as spent
/// budget.
pub const INTERRUPTS: usize = 8;

/// Lagging clients that are offered their bytes once more, in one turn, before their policy acts.
/// Thousands may pass the mark at the same frame.
pub const LAST_OFFERS_PER_TURN: usize = 512;

/// Clients for whom room is reserved at start: address space, which becomes memory only as they
/// come. A table that grows instead is copied while everybody waits, and leaves holes behind.
pub const CLIENTS_RESERVED: usize = 64 * 1024;

/// Clients whose sockets are shut down, and clients whose sockets are closed, in one turn. A reset
/// takes the kernel about ten microseconds, and thousands may be due at once.
pub const PARTINGS_PER_TURN: usize = 256;

/// Connections accepted from one listener in one turn.
pub const ACCEPTS_PER_TURN: usize = 64;

/// Failures of `accept` in a row, one turn, before the listener is paused instead of tried again.
pub const ACCEPT_FAILURES_IN_A_ROW: usize = 16;

/// Events taken from the kernel in one turn. What does not fit is reported by the next poll.
pub const EVENTS_PER_TURN: usize = 1024;

/// Connections that the kernel may complete before they are accepted: the second argument of
/// `listen(2)`. `net.core.somaxconn` may lower it silently.
pub const ACCEPT_QUEUE: i32 = 4096;

/// Descriptors kept back from the clients: upstream, listeners, poll, pipes, name resolution,
/// standard streams.
pub const RESERVED_DESCRIPTORS: u64 = 32;

/// Runs of frames, one for each turn that completed some, of which it is remembered when that was
/// until every ready client has been given them. A fan-out to 60,000 clients takes about 120 turns.
pub const DELIVERIES_UNDER_WAY: usize = 256;

/// After a client's sending side has been shut down, how long its own end is waited for.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// A kernel asks after a closed window no sooner than this long after it has closed (RFC 9293, section
/// 3.8.6.1, by way of the least retransmission timeout, 200 ms on Linux). A client that takes no byte
/// for so long and then takes some has had its window closed.
pub const PROBED_AFTER: Duration = Duration::from_millis(200);

/// `ENOBUFS` on a write is followed by no edge: the write is tried again after this long.
pub const NO_BUFFERS_RETRY: Duration = Duration::from_millis(50);

/// Stalled clients are looked for at most this often.
pub const STALL_CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// First and longest wait after `accept` ran out of descriptors or memory; it doubles in between.
pub const ACCEPT_RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Lines about clients that joined, left or were refused in one second.
pub const CLIENT_LINES_PER_SECOND: usize = 20;

/// Lines about accepting that is paused and goes on, in one second: at the descriptor limit every
/// client that leaves makes room for one that waits, so clients can cause these as well.
pub const ACCEPT_LINES_PER_SECOND: usize = 10;

/// What one client takes in user space at the most, in bytes: its seat, and its places in the queues.
pub const CLIENT_BYTES: u64 = 256;

/// Departures that are remembered for whoever asks why a client is gone.
pub const DEPARTURES_KEPT: usize = 1000;

/// Seconds whose frames and clients are remembered for whoever draws them: five minutes.
pub const HISTORY_SECONDS: usize = 300;

/// Smallest and largest frame, in bytes.
pub const FRAME_SIZE_BYTES: (usize, usize) = (1, 1024 * 1024);

const _: () = {
    // A client that keeps up takes a whole window with one write.
    assert!(WRITE_BYTES >= READ_WINDOW_BYTES);
    // A turn serves several clients even when each takes a full write.
    assert!(SLICE_BYTES >= 4 * WRITE_BYTES);
    // One chatty client does not eat the time of all.
    assert!(HEAR_SLICE_BYTES >= 4 * HEAR_BYTES);
    // A flood is seen within a bounded number of turns.
    assert!(FLOOD_BYTES / HEAR_BYTES as u64 <= 64);
    assert!(ACCEPT_FAILURES_IN_A_ROW < ACCEPTS_PER_TURN);
};

/// The budgets of a turn. They decide when bytes move, never which: with every budget at one byte
/// the clients receive the same.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// Most bytes of one read from the upstream.
    pub read_bytes: usize,
    /// Most bytes of one write to a client.
    pub write_bytes: usize,
    /// Bytes written in one turn.
    pub slice_bytes: usize,
    /// Least charge of one write to the slice.
    pub write_charge_bytes: usize,
    /// Bytes of one client's input thrown away at a time.
    pub hear_bytes: usize,
    /// Bytes of all input thrown away in one turn.
    pub hear_slice_bytes: usize,
    /// Departed clients reaped in one turn.
    pub partings: usize,
}

impl Budgets {
    /// Every budget one byte, or one client: the slowest way to the same result.
    #[must_use]
    pub const fn smallest() -> Self {
        Self {
            read_bytes: 1,
            write_bytes: 1,
            slice_bytes: 1,
            write_charge_bytes: 1,
            hear_bytes: 1,
            hear_slice_bytes: 1,
            partings: 1,
        }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            read_bytes: READ_WINDOW_BYTES,
            write_bytes: WRITE_BYTES,
            slice_bytes: SLICE_BYTES,
            write_charge_bytes: WRITE_CHARGE_BYTES,
            hear_bytes: HEAR_BYTES,
            hear_slice_bytes: HEAR_SLICE_BYTES,
            partings: PARTINGS_PER_TURN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_the_number_that_was_measured_or_promised() {
        let kibibytes = [
            (READ_WINDOW_BYTES, 192),
            (WRITE_BYTES, 256),
            (SLICE_BYTES, 4096),
            (WRITE_CHARGE_BYTES, 8),
            (HEAR_BYTES, 64),
            (HEAR_SLICE_BYTES, 1024),
            (HEAR_CHARGE_BYTES, 2),
            (CLIENTS_RESERVED, 64),
            (FRAME_SIZE_BYTES.1, 1024),
        ];
        for (limit, number) in kibibytes {
            assert_eq!((limit >> 10, limit % 1024), (number, 0));
        }
        assert_eq!((UNHEARD_BYTES, FLOOD_BYTES), (1 << 15, 1 << 20));
        assert_eq!(SLICE_BYTES / WRITE_CHARGE_BYTES, 512);
    }

    #[test]
    fn with_the_smallest_budgets_a_turn_moves_a_byte_and_reaps_one_client() {
        let Budgets {
            read_bytes,
            write_bytes,
            slice_bytes,
            write_charge_bytes,
            hear_bytes,
            hear_slice_bytes,
            partings,
        } = Budgets::smallest();
        let moved = [read_bytes, write_bytes, slice_bytes, write_charge_bytes];
        assert_eq!(moved, [1; 4]);
        assert_eq!([hear_bytes, hear_slice_bytes, partings], [1; 3]);
    }
}
