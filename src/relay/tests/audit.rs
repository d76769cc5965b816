//! What must be true after every turn, whatever happened in it.

use std::collections::{HashMap, VecDeque};

use super::super::client::{Client, ClientId, Life};
use super::super::policy::SlowPolicy;
use super::fake::{Edge, FakeSocket};
use super::frame_byte;
use super::rig::Rig;

impl Rig {
    /// Checks the books, the roster, the queue, the readiness bits and what the log must keep.
    #[track_caller]
    pub(super) fn audit(&self) {
        let clients = &self.relay.clients;
        assert_eq!(clients.roster.len(), clients.slab.len());
        assert_eq!(clients.len(), clients.slab.len());
        let mut sending = entries(&clients.sending);
        let mut talking = entries(&clients.talking);
        let mut remnant_bytes = 0;
        for (key, client) in &clients.slab {
            assert_eq!(clients.roster[client.place], ClientId::new(key));
            remnant_bytes += client.backlog.remnant_bytes();
            let queued = [&mut sending, &mut talking].map(|queue| queue.remove(&key).unwrap_or(0));
            if client.has_departed() {
                assert!(self.relay.has_work(), "the departed are not forgotten");
                continue;
            }
            let is_sending = client.is_receiving() && client.writable && self.is_behind_of(client);
            let due = [is_sending, client.readable].map(usize::from);
            assert_eq!(queued, due, "queued as its bits say");
            self.audit_client(client);
        }
        let is_empty = sending.is_empty() && talking.is_empty();
        assert!(is_empty, "nobody is queued who is not seated");
        assert_eq!(clients.remnant_bytes, remnant_bytes, "copies of frames");
        let lagging = clients.iter().filter(|(_, client)| client.is_lagging());
        assert_eq!(clients.stats.lagging, lagging.count() as u64, "who lags");
        self.audit_sums();
    }

    fn is_behind_of(&self, client: &Client<FakeSocket>) -> bool {
        !client.backlog.is_empty(&self.relay.log)
    }

    #[track_caller]
    fn audit_client(&self, client: &Client<FakeSocket>) {
        let log = &self.relay.log;
        let size = log.frame_size();
        let appended = log
            .published()
            .saturating_sub(self.start_of(&client.card, &client.tally))
            / size;
        let lag = client.backlog.lag_frames(log);
        let tally = client.tally;
        let accounted = tally.frames + tally.skipped + lag;
        assert_eq!(appended, accounted, "the books");
        let unsent = (appended - tally.skipped) * size - client.socket.taken.len() as u64;
        assert_eq!(client.backlog.bytes(log), unsent, "the books, in bytes");
        assert_eq!(client.socket.taken.len() as u64 / size, tally.frames);
        assert_eq!(client.socket.taken.len() as u64, tally.bytes);
        assert_eq!(
            client.backlog.is_empty(log),
            unsent == 0,
            "empty means no bytes"
        );
        if !client.is_receiving() {
            return;
        }
        // The replay of a client that has been offered nothing yet may be overwritten.
        let position = match client.life {
            Life::Joining { since } => since.max(client.backlog.position()),
            _ => client.backlog.position(),
        };
        assert!(position >= log.retained(), "overwritten, or rewound over");
        if !client.writable {
            let unsent = log.published().saturating_sub(log.frame_start(position));
            // In a drain nothing more is taken in, so that what is held back may go beyond.
            let is_draining = matches!(client.life, Life::Draining);
            assert!(
                is_draining || unsent <= log.backlog_limit(),
                "beyond the mark"
            );
            let edge = client.socket.writable;
            let retry = self.relay.next_deadline();
            assert!(edge != Edge::None || retry.is_some(), "a lost edge");
        }
        let is_begun = !matches!(client.life, Life::Joining { .. });
        if client.card.policy == SlowPolicy::Wait && is_begun {
            assert_eq!(tally.skipped, 0);
            assert!(lag * size <= log.backlog_limit());
        }
        let is_heard = client.readable || !client.socket.has_silent_input();
        assert!(is_heard, "input that nobody will read");
    }

    #[track_caller]
    fn audit_sums(&self) {
        let stats = self.relay.stats();
        let seated = self.relay.clients.slab.iter().map(|(_, client)| client);
        let seated = seated.map(|client| (client.tally, client.socket.taken.len()));
        let left = self.left.iter();
        let left = left.map(|parted| (parted.tally, parted.socket.taken.len()));
        let (mut frames, mut skipped, mut heard, mut bytes) = (0, 0, 0, 0);
        for (tally, taken) in seated.chain(left) {
            frames += tally.frames;
            skipped += tally.skipped;
            heard += tally.heard_bytes;
            bytes += taken as u64;
        }
        assert_eq!(stats.delivered, frames);
        assert_eq!(stats.delivered_bytes, bytes);
        assert_eq!(stats.skipped, skipped);
        assert_eq!(stats.heard_bytes, heard);
        assert_eq!(stats.abandoned, self.abandoned);
        assert_eq!(stats.clients, self.relay.clients.len() as u64);
        assert_eq!(stats.accepted - stats.clients, self.left.len() as u64);
        assert_eq!(
            stats.departed_by_reason.iter().sum::<u64>(),
            self.left.len() as u64
        );
        let log = &self.relay.log;
        assert_eq!(stats.frames * log.frame_size(), log.complete());
        assert_eq!(
            stats.upstream_bytes,
            log.received() + stats.discarded_bytes,
            "what came in is in the log or was discarded"
        );
    }

    /// Every client has everything that was published, and nothing waits to be read.
    #[track_caller]
    pub(super) fn assert_everybody_has_everything(&self) {
        assert_eq!(self.upstream.available, 0, "the upstream is left unread");
        for (_, client) in &self.relay.clients.slab {
            assert!(!self.is_behind_of(client), "{:?} is behind", client.card);
            assert_stream(
                &client.socket.taken,
                self.upstream.frame_size,
                self.start_of(&client.card, &client.tally),
                client.tally.skipped,
            );
        }
    }
}

/// How often each seat stands in a queue.
fn entries(queue: &VecDeque<ClientId>) -> HashMap<usize, usize> {
    let mut times = HashMap::new();
    for id in queue {
        *times.entry(id.key()).or_default() += 1;
    }
    times
}

/// The stream is a run of whole frames from `start` on and maybe a part of one more, in order,
/// and at most `skipped` frames are missing. Says which frames they are.
#[track_caller]
pub(super) fn assert_stream(taken: &[u8], size: usize, start: u64, skipped: u64) -> Vec<u64> {
    let mut next = start / size as u64;
    let mut missing = 0;
    let mut numbers = Vec::new();
    for bytes in taken.chunks(size) {
        let gap = (0..=skipped - missing)
            .find(|gap| is_part_of_frame(bytes, next + gap))
            .unwrap_or_else(|| panic!("{bytes:?} is not frame {next} nor one behind it"));
        missing += gap;
        next += gap + 1;
        if bytes.len() == size {
            numbers.push(next - 1);
        }
    }
    numbers
}

fn is_part_of_frame(bytes: &[u8], number: u64) -> bool {
    let mut bytes = bytes.iter().enumerate();
    bytes.all(|(offset, &byte)| byte == frame_byte(number, offset))
}
