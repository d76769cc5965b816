//! The core: relay, upstream, entrance and phase let go together.

use super::super::core::Core;
use super::super::departure::{Ending, Reason};
use super::super::entrance::Entrance;
use super::super::limits::Budgets;
use super::super::phase::Phase;
use super::super::policy::SlowPolicy;
use super::fake::FakeSocket;
use super::line::Line;
use super::rig::{Rig, SHAPE, Shape};
use super::scene::{SETTINGS, Scene};
use super::{MS, entrance};

#[test]
fn a_stop_makes_everybody_leave_at_once_and_frees_the_place_at_the_upstream() {
    let budgets = Budgets {
        partings: 2,
        ..SHAPE.budgets
    };
    let mut rig = Rig::new(Shape { budgets, ..SHAPE });
    for room in [0, 3, usize::MAX, 8, 0] {
        rig.join(SlowPolicy::Wait, room);
    }
    rig.feed(2);
    let mut core = core(rig, entrance::waiting());
    let parted = core.stop();
    assert_eq!(parted.len(), 5, "however few a turn may reap");
    for parted in parted {
        let departure = &parted.departure;
        let manner = (departure.reason, departure.ending);
        assert_eq!(manner, (Reason::Drain, Ending::Reset));
    }
    assert!(core.relay.clients().is_empty());
    assert!(core.upstream.socket().is_none());
    assert!(!core.entrance.has_work(MS(0)));
}

/// What serves the clients of this rig, with an upstream that is connected.
fn core(rig: Rig, entrance: Entrance) -> Core<FakeSocket, Line> {
    Core {
        relay: rig.relay,
        upstream: Scene::streaming(SETTINGS).upstream,
        entrance,
        phase: Phase::Serving,
        drain_timeout: MS(5000),
        stop_signals: 0,
    }
}
