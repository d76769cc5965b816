//! Writing to a client: whatever the kernel takes, the bytes are the right ones.

use std::io::{self, ErrorKind, Write};

use super::super::backlog::{Backlog, FlushEnd};
use super::super::departure::{Ending, Reason};
use super::super::frame_log::FrameLog;
use super::super::limits::INTERRUPTS;
use super::super::policy::SlowPolicy::{Disconnect, Skip, Wait};
use super::fake::{FakeSocket, Outcome};
use super::frames;
use super::rig::{Rig, SHAPE, Shape};

#[test]
fn short_writes_of_every_length_make_up_the_same_stream() {
    for length in 1..=8 * 3 {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Wait, usize::MAX);
        rig.socket(id).script = vec![Outcome::Takes(length); 100].into();
        rig.feed(4);
        assert_eq!(rig.taken(id), frames(0..4, 8), "writes of {length}");
        rig.feed(3);
        assert_eq!(rig.taken(id), frames(0..7, 8), "writes of {length}");
    }
}

#[test]
fn room_that_comes_in_lumps_of_every_length_is_used_to_the_last_byte() {
    for lump in 1..=8 * 3 {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Wait, 0);
        rig.send(20);
        let mut granted = 0;
        while granted < 20 * 8 {
            rig.settle();
            assert_eq!(rig.taken(id).len(), granted);
            rig.socket(id).grant(lump);
            granted += lump;
        }
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..20, 8), "lumps of {lump}");
    }
}

#[test]
fn a_range_over_the_end_of_the_ring_is_one_vectored_write_cut_anywhere() {
    // Capacity 4 × 5 + 7 = 27: frames 3, 4 and 5 are bytes 15 to 29, the seam is at 27.
    for cut in 1..=15 {
        let mut log = FrameLog::new(5, 4, 7).unwrap();
        let mut socket = FakeSocket::with_room(usize::MAX);
        let mut backlog = Backlog::starting_at(15);
        for byte in frames(0..6, 5) {
            let limit = log.received() + 1;
            log.spare(limit, 1)[0] = byte;
            log.commit(1);
        }
        log.publish();
        socket.script.push_back(Outcome::Takes(cut));
        let flush = backlog.flush(&log, &mut socket, usize::MAX);
        assert_eq!((flush.bytes, flush.frames), (cut, cut as u64 / 5));
        assert_eq!((socket.calls.writes, socket.calls.vectored), (1, 1));
        assert_eq!(matches!(flush.end, FlushEnd::Emptied), cut == 15);
        assert_eq!(matches!(flush.end, FlushEnd::Refused), cut < 15);
        assert_eq!(backlog.bytes(&log), 15 - cut as u64);
        backlog.flush(&log, &mut socket, usize::MAX);
        assert_eq!(socket.taken, frames(3..6, 5), "cut at {cut}");
    }
}

#[test]
fn a_client_that_goes_round_the_ring_many_times_misses_nothing() {
    for window in 8..24 {
        let mut rig = Rig::new(Shape { window, ..SHAPE });
        let id = rig.join(Wait, 0);
        rig.send(100);
        for _ in 0..100 {
            rig.settle();
            rig.socket(id).grant(11);
        }
        rig.socket(id).grant(usize::MAX);
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..100, 8));
        let has_met_the_seam = rig.socket(id).calls.vectored > 0;
        assert!(has_met_the_seam, "window {window}");
    }
}

#[test]
fn no_flush_offers_more_than_its_limit_and_the_rest_is_remembered() {
    let mut budgets = SHAPE.budgets;
    budgets.write_bytes = 5;
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    let id = rig.join(Disconnect, usize::MAX);
    rig.feed(3);
    assert_eq!(rig.taken(id), frames(0..3, 8));
    assert_eq!(rig.socket(id).calls.writes, 5, "24 bytes in fives");
}

/// Takes whatever it is offered, which is something.
struct Demanding(Vec<u8>);

impl Write for Demanding {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a call for nothing");
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_flush_offers_nothing_even_when_a_remnant_has_spent_its_limit() {
    let mut log = FrameLog::new(8, 2, 8).unwrap();
    log.spare(24, usize::MAX).copy_from_slice(&frames(0..3, 8));
    log.commit(24);
    log.publish();
    let mut backlog = Backlog::starting_at(0);
    let mut socket = Demanding(Vec::new());
    backlog.flush(&log, &mut socket, 3);
    assert_eq!(backlog.skip_to_newest(&log), 1);
    let flush = backlog.flush(&log, &mut socket, 5);
    assert_eq!((flush.bytes, flush.frames), (5, 1));
    assert!(matches!(flush.end, FlushEnd::LimitReached));
    backlog.flush(&log, &mut socket, 8);
    assert!(backlog.is_empty(&log));
    backlog.flush(&log, &mut socket, 8);
    assert_eq!(socket.0, [frames(0..1, 8), frames(2..3, 8)].concat());
}

#[test]
fn a_client_that_keeps_up_costs_one_write_a_turn_for_any_number_of_frames() {
    let mut rig = Rig::new(Shape {
        backlog_frames: 8,
        window: 56,
        ..SHAPE
    });
    let id = rig.join(Disconnect, usize::MAX);
    for count in 1..=7 {
        let before = rig.socket(id).calls.writes;
        rig.send(count);
        rig.turn();
        assert_eq!(rig.socket(id).calls.writes - before, 1, "{count} frames");
        assert_eq!(rig.lag(id), 0);
    }
}

#[test]
fn an_interrupted_write_is_made_again_and_is_no_refusal() {
    for times in [1, INTERRUPTS - 1, INTERRUPTS, INTERRUPTS * 3] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(Disconnect, usize::MAX);
        rig.socket(id).script = vec![Outcome::Interrupted; times].into();
        rig.send(1);
        rig.turn();
        assert!(rig.client(id).writable);
        rig.settle();
        assert_eq!(rig.taken(id), frames(0..1, 8));
        assert_eq!(rig.socket(id).calls.writes, times + 1);
    }
}

#[test]
fn a_kernel_that_refuses_is_not_asked_again_before_its_edge() {
    for policy in [Disconnect, Skip, Wait] {
        let mut rig = Rig::new(SHAPE);
        let id = rig.join(policy, 3);
        assert!(rig.client(id).is_willing(), "a fresh one is");
        rig.feed(1);
        assert_eq!(rig.socket(id).calls.writes, 1);
        assert!(!rig.client(id).is_willing());
        rig.feed(2);
        assert_eq!(rig.socket(id).calls.writes, 1, "{policy}");
        rig.socket(id).grant(100);
        rig.settle();
        assert_eq!(rig.socket(id).calls.writes, 2, "{policy}");
        assert_eq!(rig.taken(id), frames(0..3, 8));
    }
}

#[test]
fn a_failed_write_makes_that_client_leave_and_the_others_do_not_notice() {
    for (kind, reason) in [
        (ErrorKind::ConnectionReset, Reason::Closed),
        (ErrorKind::BrokenPipe, Reason::Closed),
        (ErrorKind::TimedOut, Reason::Error),
    ] {
        let mut rig = Rig::new(SHAPE);
        let ids = [0; 3].map(|_| rig.join(Disconnect, usize::MAX));
        rig.socket(ids[1]).script = [Outcome::Takes(3), Outcome::Fails(kind)].into();
        rig.feed(5);
        assert_eq!(rig.left.len(), 1);
        let departure = &rig.left[0].departure;
        let ending = if reason == Reason::Error {
            Ending::Reset
        } else {
            Ending::Fin
        };
        assert_eq!((departure.reason, departure.ending), (reason, ending));
        let error = departure.error.as_ref().map(io::Error::kind);
        assert_eq!(error, (reason == Reason::Error).then_some(kind));
        assert_eq!(rig.left[0].socket.taken, frames(0..1, 8)[..3]);
        for id in [ids[0], ids[2]] {
            assert_eq!(rig.taken(id), frames(0..5, 8));
        }
    }
}
