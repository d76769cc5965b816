//! Partings: why somebody left must be true, and so must be the manner of it.

use std::time::Duration;

use fanout::relay::clients::Parted;
use fanout::relay::departure::{Ending, Reason};
use fanout::relay::limits::FLOOD_BYTES;
use fanout::relay::policy::SlowPolicy;

use crate::books::Books;
use crate::client::SimSocket;
use crate::weather::Orders;

impl Books {
    /// Why somebody left must be true, and so must be the manner of it.
    pub(crate) fn part(
        &mut self,
        parted: &Parted<SimSocket>,
        published: u64,
        orders: &Orders,
        time: (Duration, Duration),
    ) {
        let (socket, tally) = (&parted.socket, &parted.tally);
        let reason = parted.departure.reason;
        let is_reset = parted.departure.ending == Ending::Reset;
        let appended = self.appended(socket, tally.unreplayed, published);
        let is_behind = appended != tally.frames + tally.skipped || !socket.stream.is_at_boundary();
        match reason {
            Reason::Closed | Reason::Error => {
                assert!(socket.is_excused, "{} left for no reason", socket.id);
            }
            Reason::Slow => self.judge_slow(parted, published),
            Reason::Stalled => {
                let limit = orders.stall_timeout.expect("a stall timeout");
                let since = time.1.saturating_sub(socket.ledger.progress.1);
                assert!(since >= limit, "stalled after {since:?}");
            }
            Reason::Flood => assert!(tally.heard_bytes > FLOOD_BYTES, "that was no flood"),
            Reason::Drain | Reason::UpstreamEnd => {
                self.cut_short += usize::from(is_reset);
                let is_due = self
                    .punctuality
                    .drain_until
                    .is_some_and(|until| until <= time.0);
                assert!(!is_reset || is_due, "the drain is cut short");
                let is_told = socket.is_shut || socket.is_input_ended || socket.is_broken;
                assert!(is_reset || is_told, "no end was sent to {}", socket.id);
                let has_everything = is_reset || !is_behind;
                assert!(has_everything, "{} is let go without everything", socket.id);
            }
        }
        let is_expelled = matches!(
            reason,
            Reason::Slow | Reason::Stalled | Reason::Flood | Reason::Error
        );
        assert!(!is_expelled || is_reset, "a clean end for the expelled");
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

    fn judge_slow(&self, parted: &Parted<SimSocket>, published: u64) {
        let (socket, policy) = (&parted.socket, parted.card.policy);
        assert!(policy != SlowPolicy::Wait, "it is waited for");
        let departed_in = match socket.ledger.departed_in {
            0 => self.turn.get(),
            turn => turn,
        };
        let was_refused = socket.refused_in == departed_in;
        assert!(was_refused, "a willing client is taken for slow");
        let start = socket.ledger.start + parted.tally.unreplayed;
        let behind = published.saturating_sub(start * self.frame_size + socket.taken);
        let is_far = behind > self.backlog_bytes;
        // Whoever is skipped ahead leaves only if there is no room for the rest of its frame.
        assert!(is_far || policy == SlowPolicy::Skip, "it was not slow");
    }
}
