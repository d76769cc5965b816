//! The closing balance: what happened between two rests, with nobody there but clients that stay.
//!
//! Nobody comes, goes, or loses what the kernel held, so everything is known outside and every sum has to be equal.

use crate::audit::View;
use crate::stats::Stats;

/// Both sides' books at one rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    pub(crate) stats: Stats,
    pub(crate) view: View,
}

/// Everything that does not add up between these two, a line each.
pub(crate) fn differences(before: &Statement, after: &Statement) -> Vec<String> {
    let stats = |of: fn(&Stats) -> u64| of(&after.stats).saturating_sub(of(&before.stats));
    let seen = |of: fn(&View) -> u64| of(&after.view).saturating_sub(of(&before.view));
    let delivered = stats(|stats| stats.delivered);
    let skipped = stats(|stats| stats.skipped);
    let published = seen(|view| view.books.frames) * after.view.ledger.open;
    let equal = [
        ("delivered", delivered, seen(|view| view.ledger.frames)),
        (
            "delivered_bytes",
            stats(|stats| stats.delivered_bytes),
            seen(|view| view.ledger.bytes),
        ),
        ("skipped", skipped, seen(|view| view.ledger.missing)),
        ("delivered + skipped", delivered + skipped, published),
        ("abandoned", stats(|stats| stats.abandoned), 0),
        ("accepted", stats(|stats| stats.accepted), 0),
        ("departures", stats(Stats::departed), 0),
    ];
    let unequal = equal.into_iter().filter(|(_, said, seen)| said != seen);
    unequal
        .map(|(what, said, seen)| {
            format!("closing balance: {what}: the server says {said}, and the clients {seen}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;

    /// How it comes about, and how many lines it makes.
    type Wrong = (fn(&mut Statement), usize);

    fn statement(frames: u64, delivered: u64, skipped: u64) -> Statement {
        let stats = Stats {
            frames,
            delivered,
            skipped,
            delivered_bytes: 64 * delivered,
            abandoned: 9,
            ..Stats::default()
        };
        let ledger = Ledger {
            frames: delivered - 7,
            bytes: 64 * (delivered - 7),
            missing: skipped - 5,
            open: 4,
            ..Ledger::default()
        };
        let mut view = View {
            ledger,
            ..View::default()
        };
        view.books.frames = frames;
        Statement { stats, view }
    }

    #[test]
    fn what_was_unknown_before_does_not_matter() {
        let (before, after) = (statement(100, 350, 20), statement(200, 720, 50));
        assert_eq!(differences(&before, &after), [] as [String; 0]);
    }

    #[test]
    fn a_single_frame_that_is_not_accounted_for_is_found() {
        let before = statement(100, 350, 20);
        let wrong: [Wrong; 5] = [
            (|after| after.view.ledger.frames -= 1, 1),
            (|after| after.view.ledger.missing += 1, 1),
            (|after| after.stats.delivered += 1, 2),
            (|after| after.stats.abandoned += 1, 1),
            (|after| after.stats.left_slow += 1, 1),
        ];
        for (change, expected) in wrong {
            let mut after = statement(200, 720, 50);
            change(&mut after);
            let found = differences(&before, &after);
            assert_eq!(found.len(), expected, "{found:?}");
        }
    }
}
