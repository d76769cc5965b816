//! The clients as they are shown: their states, their order, and the greatest lag.

use std::io::ErrorKind;

use super::super::client::ClientId;
use super::super::departure::Reason;
use super::super::limits::Budgets;
use super::super::listing::{ClientState, Sort};
use super::super::policy::SlowPolicy;
use super::MS;
use super::rig::{ONE_WRITE, Rig, SHAPE, Shape};

fn state(rig: &Rig, id: ClientId) -> ClientState {
    rig.client(id).state(rig.relay.log())
}

/// Serial numbers of those on a page, and how many there are in all.
fn page(rig: &Rig, sort: Sort, offset: usize, limit: usize) -> (Vec<u64>, usize) {
    let page = rig.relay.page(sort, offset, limit);
    let serial = |id: &ClientId| rig.client(*id).card().serial;
    (page.ids.iter().map(serial).collect(), page.total)
}

#[test]
fn each_state_has_its_name() {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        ..SHAPE
    });
    let [first, second, full] = [1000, 1000, 4].map(|room| rig.join(SlowPolicy::Skip, room));
    assert_eq!(state(&rig, first), ClientState::CaughtUp);
    rig.send(1);
    rig.turn();
    let states = [first, second].map(|id| state(&rig, id));
    assert!(states.contains(&ClientState::Sending), "{states:?}");
    rig.settle();
    assert_eq!(state(&rig, second), ClientState::CaughtUp);
    assert_eq!(state(&rig, full), ClientState::Lagging);
    rig.drain(Reason::Drain);
    assert_eq!(state(&rig, full), ClientState::Draining);
    assert_eq!(state(&rig, first), ClientState::Finishing);
    let states = [first, full].map(|id| state(&rig, id).to_string());
    assert_eq!(states, ["finishing", "draining"]);
}

#[test]
fn a_page_is_in_the_order_that_was_asked_for_and_among_equals_in_that_of_coming() {
    let mut rig = Rig::new(SHAPE);
    // They are given 24, 4, 8 and 24 bytes of three frames.
    for room in [1000, 4, 8, 1000] {
        rig.now += MS(1);
        rig.join(SlowPolicy::Disconnect, room);
    }
    rig.feed(3);
    let orders = [
        (Sort::Lag, [2, 3, 1, 4]),
        (Sort::Id, [1, 2, 3, 4]),
        (Sort::Frames, [1, 4, 3, 2]),
        (Sort::Bytes, [1, 4, 3, 2]),
        (Sort::Connected, [1, 2, 3, 4]),
    ];
    for (sort, serials) in orders {
        assert_eq!(page(&rig, sort, 0, 10), (serials.to_vec(), 4), "{sort}");
        let middle = serials[1..3].to_vec();
        assert_eq!(page(&rig, sort, 1, 2), (middle, 4), "{sort}");
    }
    assert_eq!(page(&rig, Sort::Id, 4, 2), (vec![], 4));
}

#[test]
fn who_has_departed_is_not_listed_and_lags_no_more() {
    let mut rig = Rig::new(SHAPE);
    rig.join(SlowPolicy::Disconnect, 4);
    rig.join(SlowPolicy::Disconnect, 1000);
    assert_eq!(rig.relay.greatest_lag_frames(), 0);
    rig.feed(3);
    assert_eq!(rig.relay.greatest_lag_frames(), 3);
    rig.relay.cut_drain();
    assert_eq!(page(&rig, Sort::Id, 0, 10), (vec![], 0));
    assert_eq!(rig.relay.greatest_lag_frames(), 0);
}

#[test]
fn the_greatest_lag_counts_those_that_are_still_to_be_sent_to() {
    let mut rig = Rig::new(Shape {
        budgets: ONE_WRITE,
        ..SHAPE
    });
    rig.join(SlowPolicy::Disconnect, 1000);
    rig.join(SlowPolicy::Disconnect, 1000);
    rig.send(2);
    rig.turn();
    assert_eq!(rig.relay.stats().lagging, 0);
    assert_eq!(rig.relay.greatest_lag_frames(), 2);
    rig.settle();
    assert_eq!(rig.relay.greatest_lag_frames(), 0);
}

#[test]
fn the_lag_of_one_who_has_departed_and_is_not_reaped_yet_is_nobodys() {
    let mut rig = Rig::new(Shape {
        budgets: Budgets {
            partings: 0,
            ..SHAPE.budgets
        },
        ..SHAPE
    });
    let [worst, _] = [4, 16].map(|room| rig.join(SlowPolicy::Disconnect, room));
    rig.send(3);
    rig.turn();
    assert_eq!(rig.relay.greatest_lag_frames(), 3);
    rig.socket(worst).break_off(ErrorKind::ConnectionReset);
    rig.turn();
    assert!(rig.client(worst).has_departed());
    assert_eq!(rig.relay.greatest_lag_frames(), 1);
    assert_eq!(page(&rig, Sort::Lag, 0, 10), (vec![2], 1));
}
