//! Windows that clients close and open again, which the kernel keeps its own clock for.

use std::time::{Duration, Instant};

use crate::harness::Scene;

/// Linux forgets to stop the clock of `TCP_USER_TIMEOUT` when a window opens again by less than what it would like to
/// send next. The second time that the window closes, it would be found closed since the first.
#[test]
fn a_window_that_was_closed_long_ago_is_not_held_against_a_client() {
    let mut scene = Scene::set("--stall-timeout 3s");
    let (mut witness, mut dozing) = (scene.fanout.join(), scene.fanout.join_small());
    // Its window closes, long enough for the kernel to ask after it, and opens again.
    scene.step(&mut witness, FILLING_FRAMES);
    witness.expect_silence(Duration::from_secs(1));
    dozing.read_to(scene.feed.next() - 1);
    // It keeps up for longer than the stall timeout.
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        scene.step(&mut witness, 10);
        dozing.read_to(scene.feed.next() - 1);
    }
    // It may close its window for less than the stall timeout, as anybody may.
    scene.step(&mut witness, FILLING_FRAMES);
    witness.expect_silence(Duration::from_secs(1));
    dozing.read_to(scene.feed.next() - 1);
    assert_eq!(scene.fanout.lines().matching("client left").len(), 0);
}

/// More than the smallest receive buffer takes.
const FILLING_FRAMES: u64 = 300;
