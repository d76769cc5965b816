//! Skipping ahead: the frame under way is finished, and the gap is whole frames, counted.

use super::super::backlog::Backlog;
use super::super::client::ClientId;
use super::super::departure::Reason;
use super::super::frame_log::FrameLog;
use super::super::policy::SlowPolicy::Skip;
use super::audit::assert_stream;
use super::fake::{FakeSocket, Outcome};
use super::rig::{Rig, SHAPE, Shape};
use super::{frame, frames};

/// What a skipping client is owed, in frames.
struct Model {
    backlog_frames: u64,
    /// The first frame that it has not been given completely, if it was begun.
    begun: Option<u64>,
    /// The next frame from its start.
    next: u64,
    skipped: u64,
}

impl Model {
    /// Frame `number` was published while the client's kernel refuses.
    fn publish(&mut self, number: u64) {
        let lag = number + 1 - self.next + u64::from(self.begun.is_some());
        if lag > self.backlog_frames {
            self.skipped += number - self.next;
            self.next = number;
        }
    }

    fn expected(&self, published: u64, size: usize) -> Vec<u8> {
        let begun = self.begun.map(|number| frame(number, size));
        let mut bytes = begun.unwrap_or_default();
        bytes.extend(frames(self.next..published, size));
        bytes
    }
}

/// A client whose kernel has taken `offset` bytes when `count` frames have come, one by one.
fn stuck(shape: Shape, offset: usize, count: u64) -> (Rig, ClientId, Model) {
    let mut rig = Rig::new(shape);
    let id = rig.join(Skip, offset);
    let whole = (offset / shape.frame_size) as u64;
    let is_begun = !offset.is_multiple_of(shape.frame_size);
    let mut model = Model {
        backlog_frames: shape.backlog_frames,
        begun: is_begun.then_some(whole),
        next: whole + u64::from(is_begun),
        skipped: 0,
    };
    for number in 0..count {
        rig.feed(1);
        if number >= model.next {
            model.publish(number);
        }
        assert_eq!(rig.client(id).tally.skipped, model.skipped);
    }
    (rig, id, model)
}

fn assert_recovers(mut rig: Rig, id: ClientId, model: &Model, what: &str) {
    let size = rig.upstream.frame_size;
    let published = rig.relay.log.published() / size as u64;
    let mut expected = rig.taken(id).to_vec();
    let rest = model.begun.map_or(0, |_| expected.len() % size);
    expected.extend(&model.expected(published, size)[rest..]);
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    assert_eq!(rig.taken(id), expected, "{what}");
    rig.feed(3);
    expected.extend(frames(published..published + 3, size));
    assert_eq!(rig.taken(id), expected, "{what}");
    assert_eq!(rig.client(id).tally.skipped, model.skipped, "{what}");
}

#[test]
fn a_skip_at_any_offset_finishes_the_frame_and_lands_on_the_newest() {
    for (frame_size, window) in [(8, 64), (8, 8), (8, 1), (5, 7), (2, 2)] {
        for backlog_frames in 1..=5 {
            for offset in 0..=2 * frame_size {
                let shape = Shape {
                    frame_size,
                    backlog_frames,
                    window,
                    ..SHAPE
                };
                for beyond in 0..3 * backlog_frames {
                    let count = backlog_frames + beyond + 2;
                    let (rig, id, model) = stuck(shape, offset, count);
                    let what = format!("{shape:?} offset {offset} frames {count}");
                    assert_recovers(rig, id, &model, &what);
                }
            }
        }
    }
}

#[test]
fn the_gap_at_the_mark_is_exact() {
    // Frames 0 to 4, a backlog of 4. Nothing begun: 0 to 3 are lost. Frame 0 begun: 1 to 3.
    let (_, _, model) = stuck(SHAPE, 0, 5);
    assert_eq!((model.skipped, model.next), (4, 4));
    let (mut rig, id, _) = stuck(SHAPE, 3, 5);
    assert_eq!(rig.client(id).tally.skipped, 3);
    assert_eq!(rig.lag(id), 2, "the frame under way and the newest");
    rig.socket(id).grant(usize::MAX);
    rig.settle();
    let numbers = assert_stream(rig.taken(id), 8, 0, 3);
    assert_eq!(numbers, [0, 4]);
}

#[test]
fn a_remnant_survives_any_number_of_skips_and_goes_out_byte_by_byte() {
    for offset in 1..8 {
        let (mut rig, id, _) = stuck(SHAPE, offset, 5);
        let mut published = 5;
        for given in offset + 1..=8 {
            rig.socket(id).grant(1);
            rig.settle();
            assert_eq!(rig.taken(id), &frame(0, 8)[..given]);
            rig.feed(7);
            published += 7;
            assert_eq!(rig.taken(id), &frame(0, 8)[..given]);
        }
        rig.socket(id).grant(usize::MAX);
        rig.settle();
        rig.feed(2);
        let skipped = rig.client(id).tally.skipped;
        let numbers = assert_stream(rig.taken(id), 8, 0, skipped);
        assert_eq!(numbers[0], 0);
        assert_eq!(*numbers.last().unwrap(), published + 1);
        assert_eq!(skipped + numbers.len() as u64, published + 2);
        let is_one_gap = numbers[1..].windows(2).all(|pair| pair[0] + 1 == pair[1]);
        assert!(is_one_gap, "{numbers:?}");
    }
}

#[test]
fn a_remnant_is_cut_by_the_write_limit_and_by_interrupts_without_harm() {
    for limit in 1..20 {
        let mut budgets = SHAPE.budgets;
        budgets.write_bytes = limit;
        let (mut rig, id, model) = stuck(Shape { budgets, ..SHAPE }, 3, 6);
        rig.socket(id).script = vec![Outcome::Interrupted; 20].into();
        assert_recovers(rig, id, &model, &format!("limit {limit}"));
    }
}

#[test]
fn the_last_offer_moves_the_offset_at_which_the_skip_cuts() {
    for taken in 0..8 {
        let (mut rig, id, _) = stuck(SHAPE, 0, 4);
        rig.socket(id).grant(taken);
        rig.send(1);
        rig.turn_without_events();
        let begun = taken > 0;
        assert_eq!(rig.client(id).tally.skipped, 4 - u64::from(begun));
        rig.socket(id).grant(usize::MAX);
        rig.settle();
        let expected = if begun { vec![0, 4] } else { vec![4] };
        assert_eq!(assert_stream(rig.taken(id), 8, 0, 4), expected);
    }
}

#[test]
fn a_frame_as_large_as_the_window_is_skipped_like_any_other() {
    let shape = Shape {
        frame_size: 3000,
        backlog_frames: 2,
        window: 256,
        ..SHAPE
    };
    for offset in [0, 1, 2999, 3000, 3001] {
        let (rig, id, model) = stuck(shape, offset, 9);
        assert_recovers(rig, id, &model, &format!("offset {offset}"));
    }
}

#[test]
fn others_get_every_frame_while_one_is_skipped() {
    let mut rig = Rig::new(SHAPE);
    let slow = rig.join(Skip, 11);
    let quick = rig.join(Skip, usize::MAX);
    rig.feed(100);
    assert_eq!(rig.taken(quick), frames(0..100, 8));
    assert!(rig.client(slow).tally.skipped > 90);
    assert_eq!(rig.client(quick).tally.skipped, 0);
}

#[test]
fn the_rests_of_interrupted_frames_are_kept_for_as_many_as_fit_and_the_next_one_leaves() {
    // A log of 4 × 8 + 64 bytes; each client is skipped with 7 bytes of a frame to come, or with 4,
    // which fill what there is to the last byte.
    for rest in [7, 4] {
        let mut rig = Rig::new(SHAPE);
        let fitting = rig.relay.log.capacity() / rest;
        let ids: Vec<_> = (0..=fitting).map(|_| rig.join(Skip, 8 - rest)).collect();
        rig.feed(4);
        assert_eq!(rig.left.len(), 0);
        rig.feed(3);
        let reasons: Vec<_> = rig.left.iter().map(|left| left.departure.reason).collect();
        assert_eq!(reasons, [Reason::Slow]);
        for &id in ids.iter().filter(|&&id| rig.is_seated(id)) {
            assert!(rig.client(id).tally.skipped > 0);
        }
        assert_eq!(rig.relay.clients.remnant_bytes, fitting * rest);
        for id in ids {
            if rig.is_seated(id) {
                rig.socket(id).grant(usize::MAX);
            }
        }
        rig.settle();
        assert_eq!(rig.relay.clients.remnant_bytes, 0);
    }
}

#[test]
fn a_skip_within_the_newest_frame_goes_nowhere() {
    for begun in 0..8 {
        let mut log = FrameLog::new(8, 4, 64).unwrap();
        log.spare(24, 24).copy_from_slice(&frames(0..3, 8));
        log.commit(24);
        log.publish();
        let mut backlog = Backlog::starting_at(16);
        let mut socket = FakeSocket::with_room(begun);
        backlog.flush(&log, &mut socket, usize::MAX);
        assert_eq!(backlog.skip_to_newest(&log), 0);
        assert_eq!(backlog.remnant_bytes(), 0, "nothing need be copied");
        socket.grant(usize::MAX);
        backlog.flush(&log, &mut socket, usize::MAX);
        assert_eq!(socket.taken, frame(2, 8), "{begun} bytes were sent");
    }
}
