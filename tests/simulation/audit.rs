//! The audit: what must be true after every verb, and at the end of every turn.

use std::time::Duration;

use fanout::relay::client::Client;
use fanout::relay::core::Core;
use fanout::relay::limits::STALL_CHECK_INTERVAL;

use crate::books::Books;
use crate::client::SimSocket;
use crate::upstream::SimUpstream;
use crate::world::World;

impl Books {
    /// Frames that were published for a client.
    pub(crate) fn appended(&self, socket: &SimSocket, unreplayed: u64, published: u64) -> u64 {
        (published / self.frame_size).saturating_sub(socket.ledger.start + unreplayed)
    }

    fn audit_client(&self, client: &Client<SimSocket>, core: &Core<SimSocket, SimUpstream>) {
        let (socket, tally, log) = (&client.socket, client.tally(), core.relay.log());
        let lag = client.backlog().lag_frames(log);
        let appended = self.appended(socket, tally.unreplayed, log.published());
        assert_eq!(
            appended,
            tally.frames + tally.skipped + lag,
            "the account of {}",
            socket.id
        );
        assert_eq!(socket.taken, tally.bytes, "bytes given to {}", socket.id);
        assert_eq!(
            socket.stream.frames, tally.frames,
            "frames given to {}",
            socket.id
        );
        assert!(
            tally.unreplayed <= socket.ledger.replay,
            "more than its replay is lost"
        );
        // Of a replay, only what does not fit into the backlog any more.
        let start = (socket.ledger.start + tally.unreplayed) * self.frame_size;
        assert!(
            tally.unreplayed == 0 || start + self.backlog_bytes <= log.complete(),
            "a replay is given up that is kept"
        );
        // A frame tells its number in one byte, or in two.
        let wrap = if self.frame_size == 1 {
            1 << 8
        } else {
            1 << 16
        };
        let missed = tally.skipped + tally.unreplayed;
        let (seen, is_begun) = (socket.stream.missed, socket.stream.frames > 0);
        let is_exact = seen <= missed && (missed - seen) % wrap == 0;
        let is_counted = is_exact || (seen < missed && (lag > 0 || !is_begun));
        assert!(is_counted, "gaps that nobody counted");
    }
}

impl World {
    /// What must be true after every verb.
    pub(crate) fn audit(&self) {
        let (books, core) = (&self.books, &self.core);
        let mut sums = books.left;
        let (mut remnants, mut lagging) = (0, 0);
        for (_, client) in core.relay.clients().iter() {
            books.audit_client(client, core);
            let tally = client.tally();
            let more = [
                tally.frames,
                tally.skipped,
                client.socket.taken,
                tally.heard_bytes,
            ];
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += more;
            }
            remnants += client.backlog().remnant_bytes();
            let is_owed = !client.backlog().is_empty(core.relay.log());
            let is_lagging = is_owed && client.is_receiving() && !client.is_willing();
            lagging += u64::from(is_lagging);
        }
        let (stats, log) = (core.relay.stats(), core.relay.log());
        let totals = [
            stats.delivered,
            stats.skipped,
            stats.delivered_bytes,
            stats.heard_bytes,
            stats.abandoned,
            stats.departed_by_reason.iter().sum(),
        ];
        assert_eq!(totals, sums, "the totals");
        let seated = core.relay.clients().len() as u64;
        assert_eq!(
            (stats.accepted, stats.clients),
            (books.seated, seated),
            "who is seated"
        );
        let outcomes = (stats.upstream_connects, stats.upstream_losses);
        assert_eq!(outcomes, books.dialling.outcomes, "what became of dialling");
        let doors = (stats.refused_by_reason, stats.accept_errors, stats.turns);
        let seen = (books.refused, books.accept_errors, self.turns);
        assert_eq!(doors, seen, "who was not let in, and in how many turns");
        assert_eq!(
            stats.frames * books.frame_size,
            log.complete(),
            "frames received"
        );
        assert_eq!(
            stats.upstream_bytes,
            log.received() + stats.discarded_bytes,
            "bytes received"
        );
        assert!(
            remnants <= books.capacity && log.capacity() == books.capacity,
            "memory"
        );
        self.audit_views(lagging);
    }

    /// What is only shown must be true as well.
    fn audit_views(&self, lagging: u64) {
        let (books, core) = (&self.books, &self.core);
        let stats = core.relay.stats();
        assert_eq!(stats.lagging, lagging, "who lags");
        let failures: u64 = stats.accept_errors_by_kind.iter().sum();
        assert_eq!(failures, stats.accept_errors, "why nobody was accepted");
        let results = stats.connects_by_result;
        assert_eq!(results, books.dialling.results, "what became of attempts");
        let departures = core.relay.departures();
        assert_eq!(departures.total(), books.left[5], "departures");
        let kept = books.left[5].min(departures.kept() as u64);
        assert_eq!(
            departures.newest_first().len() as u64,
            kept,
            "departures kept"
        );
        let history = core.relay.history().seconds();
        let (frames, most) = history.fold((0, 0), |(frames, most), second| {
            (frames + second.frames, most.max(second.clients))
        });
        let is_past = frames <= stats.frames && most <= books.seated;
        assert!(is_past, "a second holds what never was");
        let measures = core.relay.measures();
        let delivered = measures.deliveries().count() * books.frame_size;
        let published = core.relay.log().published();
        assert!(delivered <= published, "delivered, and not published");
        let turns = measures.turns().count();
        assert!(
            turns <= self.turns && self.turns <= turns + 1,
            "a turn is lost"
        );
        let most = published / books.frame_size * books.seated;
        assert!(
            measures.lag_frames().count() <= most,
            "more lags than clients"
        );
        let is_open = core.phase.is_serving();
        assert!(
            is_open || !core.relay.is_holding(),
            "a closed upstream waits"
        );
    }

    /// What must be true at the end of a turn.
    pub(crate) fn audit_turn(&mut self, now: Duration) {
        let fair = self.fair_time();
        let (log, phase) = (self.core.relay.log(), &self.core.phase);
        let (published, size) = (log.published(), self.books.frame_size);
        let is_serving = phase.is_serving();
        let mut looks = Vec::new();
        for (seat, client) in self.core.relay.clients().iter() {
            let backlog = client.backlog();
            let position = backlog.position() - backlog.position() % size;
            if client.is_receiving() && !client.is_willing() && is_serving {
                let behind = published.saturating_sub(position);
                assert!(behind <= self.books.backlog_bytes, "beyond the mark");
            }
            looks.push((seat, backlog.is_empty(log)));
        }
        for (seat, has_everything) in looks {
            let Some(client) = self.core.relay.client_mut(seat) else {
                continue;
            };
            if client.has_departed() && client.socket.ledger.departed_in == 0 {
                client.socket.ledger.departed_in = self.books.turn.get();
            }
            let is_owed = client.is_receiving() && !client.is_willing();
            let (taken, ledger) = (client.socket.taken, &mut client.socket.ledger);
            if taken != ledger.seen || ledger.had_everything {
                ledger.progress = (now, fair);
            }
            ledger.seen = taken;
            ledger.had_everything = has_everything;
            if let Some(limit) = self.orders.stall_timeout
                && is_owed
                && !has_everything
            {
                // Twice: it may have been taken for willing when it was looked for.
                let latest = ledger.progress.0 + limit + STALL_CHECK_INTERVAL * 2;
                assert!(now <= latest, "{} stalls for ever", client.socket.id);
            }
        }
    }
}
