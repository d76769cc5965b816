//! The books: what must be true after every step, whatever happened in it.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use fanout::Refusal;
use fanout::relay::client::Client;
use fanout::relay::clients::Parted;
use fanout::relay::core::Core;
use fanout::relay::departure::{Ending, Reason};
use fanout::relay::limits::{ACCEPT_RETRY, FLOOD_BYTES, STALL_CHECK_INTERVAL};
use fanout::relay::policy::SlowPolicy;

use crate::acts::MOST_CONNECTIONS;
use crate::client::SimSocket;
use crate::content::StreamCheck;
use crate::upstream::SimUpstream;
use crate::weather::Orders;
use crate::world::World;

/// What the simulator itself knows of a client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    /// The first frame that it was promised.
    start: u64,
    /// How many of those its replay may lose.
    replay: u64,
    /// Bytes its kernel had taken when it was looked at last.
    seen: u64,
    /// It had everything then.
    had_everything: bool,
    /// When it last made progress, in the server's time and in fair time.
    progress: (Duration, Duration),
}

/// What the simulator knows of the whole.
pub(crate) struct Books {
    turn: Rc<Cell<u64>>,
    frame_size: u64,
    backlog_bytes: u64,
    capacity: usize,
    /// Sums over those who have left: frames, skipped, bytes, heard, abandoned, and how many they are.
    left: [u64; 6],
    /// Clients that a drain did not wait for.
    pub(crate) cut_short: usize,
    /// Frames of replays that those who have left were not given.
    pub(crate) unreplayed: u64,
    /// Clients that were seated.
    seated: u64,
    /// Turns in a row that were taken for known work and did none, and what had been done until then.
    idle_turns: usize,
    done: u64,
    /// When `accept` last failed for want of a descriptor, and how many had left by then.
    exhausted: Option<(Duration, u64)>,
    pub(crate) dialling: crate::dialling::Dialling,
}

impl Books {
    pub(crate) fn new(orders: &Orders, core: &Core<SimSocket, SimUpstream>) -> Self {
        let frame_size = orders.frame_size as u64;
        let backlog_bytes = orders.backlog_frames * frame_size;
        let window = orders.window_bytes.max(orders.frame_size);
        let capacity = usize::try_from(backlog_bytes).unwrap_or(0) + window;
        assert_eq!(
            core.relay.log().capacity(),
            capacity,
            "backlog, and a window"
        );
        Self {
            turn: Rc::new(Cell::new(1)),
            frame_size,
            backlog_bytes,
            capacity,
            left: [0; 6],
            cut_short: 0,
            unreplayed: 0,
            seated: 0,
            idle_turns: 0,
            done: 0,
            exhausted: None,
            dialling: crate::dialling::Dialling::default(),
        }
    }

    pub(crate) fn begin_turn(&self) {
        self.turn.set(self.turn.get() + 1);
    }

    pub(crate) fn turn(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.turn)
    }

    /// Whoever does not sleep has something to do.
    pub(crate) fn check_for_spin(
        &mut self,
        patience: Option<Duration>,
        core: &Core<SimSocket, SimUpstream>,
    ) {
        let stats = core.relay.stats();
        let departed: u64 = stats.departed_by_reason.iter().sum();
        let moved = stats.delivered_bytes + stats.upstream_bytes + stats.heard_bytes;
        let done = moved + stats.accepted + departed + stats.upstream_losses;
        let is_idle = patience == Some(Duration::ZERO) && done == self.done;
        self.idle_turns = if is_idle { self.idle_turns + 1 } else { 0 };
        self.done = done;
        assert!(self.idle_turns < 300, "the server spins");
    }

    pub(crate) fn note_accept_failure(
        &mut self,
        error: &io::Error,
        core: &Core<SimSocket, SimUpstream>,
        now: Duration,
    ) {
        if error.kind() == ErrorKind::WouldBlock {
            self.exhausted = None;
        }
        if error.raw_os_error() != Some(crate::gates::NO_DESCRIPTOR) {
            return;
        }
        let departed = core.relay.stats().departed_by_reason.iter().sum();
        if let Some((at, then)) = self.exhausted.replace((now, departed)) {
            let is_patient = now >= at + ACCEPT_RETRY.0 || departed > then;
            assert!(is_patient, "accept is tried again and again");
        }
    }

    pub(crate) fn check_refusal(&self, refusal: Refusal, core: &Core<SimSocket, SimUpstream>) {
        assert!(refusal != Refusal::NotAllowed, "everybody may connect");
        assert!(
            !core.relay.clients().is_empty(),
            "refused for nobody's sake"
        );
    }

    /// A stream starts with the frame under way, or with as much of the past as is wanted and kept.
    pub(crate) fn check_start(&self, start: u64, replay: u64, core: &Core<SimSocket, SimUpstream>) {
        let complete = core.relay.stats().frames;
        let most = (self.backlog_bytes / self.frame_size).min(complete);
        assert_eq!(
            start,
            (complete - replay.min(most)) * self.frame_size,
            "the seam"
        );
    }

    pub(crate) fn take_seat(
        &mut self,
        socket: &mut SimSocket,
        start: u64,
        replay: u64,
        policy: SlowPolicy,
        time: (Duration, Duration),
    ) {
        self.exhausted = None;
        self.seated += 1;
        let first = start / self.frame_size;
        let size = usize::try_from(self.frame_size).unwrap_or(1);
        socket.stream = StreamCheck::new(size, first, replay, policy == SlowPolicy::Skip);
        socket.ledger = Ledger {
            start: first,
            replay,
            seen: 0,
            had_everything: true,
            progress: time,
        };
    }

    /// Why somebody left must be true, and so must be the manner of it.
    pub(crate) fn part(
        &mut self,
        parted: &Parted<SimSocket>,
        published: u64,
        orders: &Orders,
        fair: Duration,
    ) {
        let (socket, tally) = (&parted.socket, &parted.tally);
        let reason = parted.departure.reason;
        let appended = self.appended(socket, tally.unreplayed, published);
        let is_behind = appended != tally.frames + tally.skipped || !socket.stream.is_at_boundary();
        match reason {
            Reason::Closed | Reason::Error => {
                assert!(socket.is_excused, "{} left for no reason", socket.id);
            }
            Reason::Slow => {
                assert!(parted.card.policy != SlowPolicy::Wait, "it is waited for");
                let is_reaped_late = orders.budgets.partings < MOST_CONNECTIONS;
                let was_refused = socket.refused_in == self.turn.get() || is_reaped_late;
                assert!(was_refused, "a willing client is taken for slow");
                let start = socket.ledger.start + tally.unreplayed;
                let behind = published.saturating_sub(start * self.frame_size + socket.taken);
                let is_far = behind > self.backlog_bytes;
                assert!(
                    is_far || parted.card.policy == SlowPolicy::Skip,
                    "it was not slow"
                );
            }
            Reason::Stalled => {
                let limit = orders.stall_timeout.expect("a stall timeout");
                let since = fair - socket.ledger.progress.1.min(fair);
                assert!(since >= limit, "stalled after {since:?}");
            }
            Reason::Flood => assert!(tally.heard_bytes > FLOOD_BYTES, "that was no flood"),
            Reason::Drain | Reason::UpstreamEnd => {
                let is_reset = parted.departure.ending == Ending::Reset;
                self.cut_short += usize::from(is_reset);
                assert!(
                    is_reset || !is_behind,
                    "{} is let go without everything",
                    socket.id
                );
            }
        }
        let is_expelled = matches!(reason, Reason::Slow | Reason::Stalled | Reason::Flood);
        assert!(
            !is_expelled || parted.departure.ending == Ending::Reset,
            "a clean end for the expelled"
        );
        assert_eq!(socket.stream.frames, tally.frames, "frames given");
        self.unreplayed += tally.unreplayed;
        let abandoned = appended - tally.frames - tally.skipped;
        let sums = [
            tally.frames,
            tally.skipped,
            socket.taken,
            tally.heard_bytes,
            abandoned,
            1,
        ];
        for (sum, more) in self.left.iter_mut().zip(sums) {
            *sum += more;
        }
    }

    /// Frames that were published for a client.
    fn appended(&self, socket: &SimSocket, unreplayed: u64, published: u64) -> u64 {
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
        assert_eq!(
            socket.stream.frames, tally.frames,
            "frames given to {}",
            socket.id
        );
        assert!(
            tally.unreplayed <= socket.ledger.replay,
            "more than its replay is lost"
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
        let mut remnants = 0;
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
