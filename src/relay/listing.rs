//! The listing: the clients as they are shown, a page at a time.
//!
//! Layer: relay. Owns the order of a page, and the promise that it costs one walk over the clients
//! however they are sorted: only the page itself is put in order. Knows nothing of how it is
//! written.

use std::fmt;
use std::io::{Read, Write};

use super::Relay;
use super::client::{Card, Client, ClientId, Life};
use super::clients::Clients;
use super::frame_log::FrameLog;

/// What a listing is sorted by. Among equals, who came first is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Greatest lag first.
    Lag,
    /// Smallest serial number first.
    Id,
    /// Most frames first.
    Frames,
    /// Most bytes first.
    Bytes,
    /// Longest connected first.
    Connected,
}

/// A part of the listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Clients in all.
    pub total: usize,
    /// Who is on this page, in order. Valid until somebody is reaped.
    pub ids: Vec<ClientId>,
}

/// How it is going for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientState {
    /// It has everything.
    CaughtUp,
    /// It has a backlog, and its kernel may take it.
    Sending,
    /// It has a backlog, and its kernel refuses it.
    Lagging,
    /// It is given its backlog and no more.
    Draining,
    /// It has been given everything, and is about to leave.
    Finishing,
}

/// A client in the listing, and what it is sorted by.
#[derive(Debug)]
struct Row {
    /// The least first.
    key: u64,
    serial: u64,
    id: ClientId,
}

/// What a listing takes for each client while it is put in order, in bytes.
pub const ROW_BYTES: u64 = size_of::<Row>() as u64;

impl<S: Read + Write> Relay<S> {
    /// Whoever has this seat at the moment, the departed included until they are reaped.
    #[must_use]
    pub fn client(&self, id: ClientId) -> Option<&Client<S>> {
        self.clients.slab.get(id.key())
    }

    /// At most `limit` clients behind the first `offset` of all that have not departed. Costs a walk
    /// over them.
    #[must_use]
    pub fn page(&self, sort: Sort, offset: usize, limit: usize) -> Page {
        // Freed at the end: what a client may cost has no room for a row that is kept.
        let mut rows = Vec::with_capacity(self.clients.len());
        rows.extend(self.clients.rows(sort, &self.log));
        let page = cut(&mut rows, offset, limit);
        let ids = page.iter().map(|row| row.id).collect();
        Page {
            total: rows.len(),
            ids,
        }
    }

    /// The greatest lag of all clients, in frames. Costs a walk over them, unless all are up to date.
    #[must_use]
    pub fn greatest_lag_frames(&self) -> u64 {
        if self.clients.sending.is_empty() && self.clients.stats.lagging == 0 {
            return 0;
        }
        let receiving = self.clients.iter().map(|(_, client)| client);
        let receiving = receiving.filter(|client| client.is_receiving());
        let lags = receiving.map(|client| client.backlog.lag_frames(&self.log));
        lags.max().unwrap_or(0)
    }
}

impl<S: Read + Write> Clients<S> {
    fn rows(&self, sort: Sort, log: &FrameLog) -> impl Iterator<Item = Row> {
        let present = self.iter().filter(|(_, client)| !client.has_departed());
        present.map(move |(id, client)| Row {
            key: sort.key(client, log),
            serial: client.card.serial,
            id,
        })
    }
}

/// The part of `rows` that is wanted, in order. The others are left as they come.
fn cut(rows: &mut [Row], offset: usize, limit: usize) -> &[Row] {
    let order = |row: &Row| (row.key, row.serial);
    let end = offset.saturating_add(limit).min(rows.len());
    let start = offset.min(end);
    if end < rows.len() {
        rows.select_nth_unstable_by_key(end, order);
    }
    let rows = &mut rows[..end];
    if 0 < start && start < end {
        rows.select_nth_unstable_by_key(start, order);
    }
    let page = &mut rows[start..];
    page.sort_unstable_by_key(order);
    page
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 5] = [
        Self::Lag,
        Self::Id,
        Self::Frames,
        Self::Bytes,
        Self::Connected,
    ];

    fn key<S>(self, client: &Client<S>, log: &FrameLog) -> u64 {
        match self {
            Self::Lag => u64::MAX - client.backlog.lag_frames(log),
            Self::Id => client.card.serial,
            Self::Frames => u64::MAX - client.tally.frames,
            Self::Bytes => u64::MAX - client.tally.bytes,
            // They take their seats in the order in which they come.
            Self::Connected => u64::try_from(client.card.joined_at.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lag => "lag",
            Self::Id => "id",
            Self::Frames => "frames",
            Self::Bytes => "bytes",
            Self::Connected => "connected",
        })
    }
}

impl<S> Client<S> {
    /// What does not change while it is connected.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// How it is going for it.
    #[must_use]
    pub fn state(&self, log: &FrameLog) -> ClientState {
        match self.life {
            Life::Joining { .. } | Life::Live if self.backlog.is_empty(log) => {
                ClientState::CaughtUp
            }
            Life::Joining { .. } | Life::Live if self.writable => ClientState::Sending,
            Life::Joining { .. } | Life::Live => ClientState::Lagging,
            Life::Draining => ClientState::Draining,
            Life::Finishing { .. } | Life::Departed(_) => ClientState::Finishing,
        }
    }
}

impl fmt::Display for ClientState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CaughtUp => "caught-up",
            Self::Sending => "sending",
            Self::Lagging => "lagging",
            Self::Draining => "draining",
            Self::Finishing => "finishing",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_same_part_of_the_whole_however_it_is_cut() {
        let mut random = fastrand::Rng::with_seed(1);
        let all = (0..50u64).map(|serial| Row {
            key: random.u64(..4),
            serial,
            id: ClientId::new(0),
        });
        let mut all: Vec<Row> = all.collect();
        let order = |row: &Row| (row.key, row.serial);
        let mut sorted: Vec<_> = all.iter().map(order).collect();
        sorted.sort_unstable();
        for offset in [0, 1, 7, 49, 50, 51, usize::MAX] {
            for limit in [0, 1, 10, 43, 49, 50, 51, usize::MAX] {
                let expected = sorted.iter().skip(offset).take(limit);
                let page = cut(&mut all, offset, limit).iter().map(order);
                assert!(page.eq(expected.copied()), "{limit} behind {offset}");
            }
        }
        assert!(cut(&mut [], 3, 4).is_empty());
    }

    #[test]
    fn words_that_are_shown_are_all_different() {
        use std::collections::HashSet;
        let words: HashSet<_> = Sort::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), Sort::ALL.len());
    }
}
