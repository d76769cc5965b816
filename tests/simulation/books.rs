//! The books: what must be true after every step, whatever happened in it.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use fanout::Refusal;
use fanout::relay::core::Core;
use fanout::relay::endpoint::Endpoint;
use fanout::relay::limits::ACCEPT_RETRY;
use fanout::relay::policy::SlowPolicy;

use crate::client::SimSocket;
use crate::content::StreamCheck;
use crate::upstream::SimUpstream;
use crate::weather::Orders;

/// What the simulator itself knows of a client.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    /// The first frame that it was promised.
    pub(crate) start: u64,
    /// How many of those its replay may lose.
    pub(crate) replay: u64,
    /// Bytes its kernel had taken when it was looked at last.
    pub(crate) seen: u64,
    /// It had everything then.
    pub(crate) had_everything: bool,
    /// When it last made progress, in the server's time and in fair time.
    pub(crate) progress: (Duration, Duration),
    /// The turn in which it was seen to have departed, if it was not reaped in that turn.
    pub(crate) departed_in: u64,
}

/// What the simulator knows of the whole.
pub(crate) struct Books {
    pub(crate) turn: Rc<Cell<u64>>,
    pub(crate) frame_size: u64,
    pub(crate) backlog_bytes: u64,
    pub(crate) capacity: usize,
    /// Sums over those who have left: frames, skipped, bytes, heard, abandoned, and how many they are.
    pub(crate) left: [u64; 6],
    /// Clients that a drain did not wait for.
    pub(crate) cut_short: usize,
    /// Frames of replays that those who have left were not given.
    pub(crate) unreplayed: u64,
    /// Clients that were seated.
    pub(crate) seated: u64,
    /// Connections that were refused, in the order of [`Refusal::ALL`].
    pub(crate) refused: [u64; Refusal::ALL.len()],
    /// Of those seated and refused, who had no address.
    pub(crate) nameless_seated: u64,
    pub(crate) nameless_refused: u64,
    /// Connections that were lost in `accept` or right behind it.
    pub(crate) accept_errors: u64,
    /// Turns in a row that were taken for known work and did none, and what had been done until then.
    idle_turns: usize,
    done: u64,
    /// When `accept` last failed for want of a descriptor, and how many had left by then.
    exhausted: Option<(Duration, u64)>,
    pub(crate) dialling: crate::dialling::Dialling,
    pub(crate) punctuality: crate::punctuality::Punctuality,
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
            refused: [0; Refusal::ALL.len()],
            nameless_seated: 0,
            nameless_refused: 0,
            accept_errors: 0,
            idle_turns: 0,
            done: 0,
            exhausted: None,
            dialling: crate::dialling::Dialling::default(),
            punctuality: crate::punctuality::Punctuality::default(),
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
        } else {
            self.accept_errors += 1;
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
            departed_in: 0,
        };
    }

    pub(crate) fn note_refusal(
        &mut self,
        refusal: Refusal,
        addr: &Endpoint,
        core: &Core<SimSocket, SimUpstream>,
    ) {
        self.refused[refusal as usize] += 1;
        assert!(
            refusal == Refusal::NotAllowed || !core.relay.clients().is_empty(),
            "refused for nobody's sake"
        );
        let is_for_its_address = matches!(refusal, Refusal::NotAllowed | Refusal::PerIp);
        assert!(
            !is_for_its_address || addr.ip().is_some(),
            "{addr} is refused as {refusal}"
        );
        self.nameless_refused += u64::from(addr.ip().is_none());
    }
}
