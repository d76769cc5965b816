//! The books of both sides, compared when everything is at rest: what the server says, and what is seen from outside.
//!
//! What is known exactly outside has to be equal; what a client lost with its connection nobody outside knows, so there
//! it is between two bounds. Knows no process and no socket.

use crate::books::Books;
use crate::ledger::Ledger;
use crate::stats::Stats;

/// What can be seen from outside.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct View {
    pub(crate) books: Books,
    pub(crate) ledger: Ledger,
    /// Open descriptors of the server.
    pub(crate) descriptors: u64,
    /// Those that it had before the first client and the upstream.
    pub(crate) idle_descriptors: u64,
    /// Resident memory of the server, and the most that it may have.
    pub(crate) resident: u64,
    pub(crate) resident_limit: u64,
    /// Whether each departure's reason is known: not where clients leave that may just have been thrown out.
    pub(crate) reasons_are_known: bool,
}

/// Everything that does not agree, a line each.
pub(crate) fn differences(stats: &Stats, view: &View) -> Vec<String> {
    let mut equal = equals(stats, view).to_vec();
    if view.reasons_are_known {
        equal.extend(reasons(stats, &view.ledger));
    }
    let unequal = equal.into_iter().filter(|(_, said, seen)| said != seen);
    let above = bounds(stats, view)
        .into_iter()
        .filter(|(_, part, _, whole)| part > whole);
    unequal
        .map(|(what, said, seen)| {
            format!("{what}: the server says {said}, and from outside it is {seen}")
        })
        .chain(above.map(|(what, part, bound, whole)| {
            format!("{what}: {part} is more than {bound}, which is {whole}")
        }))
        .collect()
}

/// What is known exactly: what it is, what the server says, and what is seen.
fn equals(stats: &Stats, view: &View) -> [(&'static str, u64, u64); 15] {
    let View { books, ledger, .. } = view;
    // One more is the upstream's.
    let descriptors = view.idle_descriptors + stats.clients + 1;
    let second = books.second_connects;
    let lost = books.lost_by_server;
    let discarded = stats.discarded_bytes;
    [
        ("frames", stats.frames, books.frames),
        ("upstream_bytes", stats.upstream_bytes, books.bytes),
        ("discarded_bytes", discarded, books.partial_bytes),
        ("upstream_connects", stats.upstream_connects, books.connects),
        ("upstream_losses", stats.upstream_losses, books.cuts()),
        ("clients", stats.clients, ledger.open),
        ("accepted", stats.accepted, ledger.connects),
        ("departures", stats.departed(), ledger.departed()),
        ("left_drain", stats.left_drain, 0),
        ("left_upstream_end", stats.left_upstream_end, 0),
        ("refused", stats.refused, 0),
        ("accept_errors", stats.accept_errors, 0),
        ("upstream connections beside another", 0, second),
        ("upstream connections lost by the server", 0, lost),
        ("descriptors", view.descriptors, descriptors),
    ]
}

/// How many left for what.
fn reasons(stats: &Stats, ledger: &Ledger) -> [(&'static str, u64, u64); 3] {
    let behind = ledger.thrown_out_behind + ledger.wronged;
    [
        ("left_closed", stats.left_closed, ledger.left_by_themselves),
        ("left_flood", stats.left_flood, ledger.thrown_out_flooding),
        (
            "left_slow + left_stalled + left_error",
            stats.left_behind(),
            behind,
        ),
    ]
}

/// What is known to be at most something else: what it is, how much, what the bound is, and how much that is.
fn bounds(stats: &Stats, view: &View) -> [(&'static str, u64, &'static str, u64); 6] {
    let ledger = &view.ledger;
    [
        (
            "frames received",
            ledger.frames,
            "delivered",
            stats.delivered,
        ),
        ("frames missing", ledger.missing, "skipped", stats.skipped),
        (
            "bytes received",
            ledger.bytes,
            "delivered_bytes",
            stats.delivered_bytes,
        ),
        (
            "heard_bytes",
            stats.heard_bytes,
            "bytes sent",
            ledger.said_bytes,
        ),
        (
            // What was published after a client had left is abandoned at most: its kernel takes nothing any more.
            "delivered",
            stats.delivered,
            "frames offered to each client",
            ledger.owed_at_most,
        ),
        (
            "resident memory",
            view.resident,
            "its limit",
            view.resident_limit,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to be wrong, and how it comes about.
    type Wrong<T> = (&'static str, fn(&mut T));

    /// Two sides that agree.
    fn agreeing() -> (Stats, View) {
        let stats = Stats {
            frames: 100,
            clients: 3,
            delivered: 280,
            skipped: 20,
            abandoned: 10,
            accepted: 9,
            upstream_bytes: 102_700,
            discarded_bytes: 300,
            delivered_bytes: 290_000,
            heard_bytes: 5_000,
            upstream_connects: 3,
            upstream_losses: 2,
            left_closed: 1,
            left_error: 1,
            left_slow: 1,
            left_stalled: 1,
            left_flood: 2,
            ..Stats::default()
        };
        let ledger = Ledger {
            connects: 9,
            left_by_themselves: 1,
            thrown_out_behind: 3,
            thrown_out_flooding: 2,
            frames: 270,
            bytes: 280_000,
            missing: 20,
            said_bytes: 6_000,
            owed_at_most: 310,
            open: 3,
            ..Ledger::default()
        };
        let books = Books {
            frames: 100,
            offered: 100,
            bytes: 102_700,
            partial_bytes: 300,
            connects: 3,
            cuts_by_fin: 1,
            cuts_by_rst: 1,
            ..Books::default()
        };
        let view = View {
            books,
            ledger,
            descriptors: 14,
            idle_descriptors: 10,
            resident: 5_000,
            resident_limit: 5_000,
            reasons_are_known: true,
        };
        (stats, view)
    }

    #[track_caller]
    fn expect_one(stats: &Stats, view: &View, what: &str) {
        let found = differences(stats, view);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{what}: ")), "{found:?}");
    }

    #[test]
    fn sides_that_agree_have_no_differences() {
        let (stats, view) = agreeing();
        assert_eq!(differences(&stats, &view), [] as [String; 0]);
    }

    #[test]
    fn one_frame_or_byte_or_client_too_many_is_found_and_named() {
        let wrong: [Wrong<Stats>; 11] = [
            ("frames", |stats| stats.frames += 1),
            ("upstream_bytes", |stats| stats.upstream_bytes -= 1),
            ("discarded_bytes", |stats| stats.discarded_bytes += 1),
            ("upstream_connects", |stats| stats.upstream_connects += 1),
            ("accepted", |stats| stats.accepted -= 1),
            ("refused", |stats| stats.refused += 1),
            ("accept_errors", |stats| stats.accept_errors += 1),
            ("frames received", |stats| stats.delivered = 269),
            ("frames missing", |stats| stats.skipped = 19),
            ("heard_bytes", |stats| stats.heard_bytes = 6_001),
            ("delivered", |stats| stats.delivered = 311),
        ];
        for (what, change) in wrong {
            let (mut stats, view) = agreeing();
            change(&mut stats);
            expect_one(&stats, &view, what);
        }
    }

    #[test]
    fn a_leak_and_a_second_upstream_connection_are_found() {
        let wrong: [Wrong<View>; 4] = [
            ("descriptors", |view| view.descriptors += 1),
            ("resident memory", |view| view.resident += 1),
            ("upstream connections beside another", |view| {
                view.books.second_connects += 1;
            }),
            ("upstream connections lost by the server", |view| {
                view.books.lost_by_server += 1;
            }),
        ];
        for (what, change) in wrong {
            let (stats, mut view) = agreeing();
            change(&mut view);
            expect_one(&stats, &view, what);
        }
    }

    #[test]
    fn a_departure_for_another_reason_is_found_where_reasons_are_known() {
        let (mut stats, mut view) = agreeing();
        stats.left_flood -= 1;
        stats.left_slow += 1;
        assert_eq!(differences(&stats, &view).len(), 2);
        view.reasons_are_known = false;
        assert_eq!(differences(&stats, &view), [] as [String; 0]);
        stats.left_slow += 1;
        expect_one(&stats, &view, "departures");
    }
}
