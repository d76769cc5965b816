//! Clients that lag: whom they hold up, and how it ends for them.

use rustix::event::{PollFd, PollFlags};

use crate::client::{Client, End, Room, all_read_up_to};
use crate::fault::{Outcome, broken};
use crate::scene::Scene;
use crate::server::{Manner, Server};
use crate::wait::wait_for_some;
use crate::{BURST, MOMENT, kernel};

pub(crate) fn stalled(server: &Server) -> Outcome {
    stall(server).map(drop)
}

pub(crate) fn thrown_out(server: &Server) -> Outcome {
    let (scene, mut stuck) = stall(server)?;
    let sent = scene.feed.complete();
    // It reads again: first what the kernel still has for it.
    stuck.widen();
    let end = stuck.read_up_to_or_end(sent)?;
    match end {
        Some(End::Reset) => Ok(()),
        Some(end) => broken(format!("{end} before frame {} of {sent}", stuck.next())),
        None => broken(format!("it lagged by {sent} frames, and gets them all")),
    }
}

/// A client reads nothing until it has been thrown out, or until another has had more frames than any bound and any
/// kernel holds.
fn stall(server: &Server) -> Outcome<(Scene, Client)> {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let stuck = scene.join(Room::Small)?;
    while scene.feed.complete() < FLOOD && !stuck.is_reset() {
        scene.step(&mut [&mut witness], BURST)?;
    }
    Ok((scene, stuck))
}

pub(crate) fn waiting(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Waiting)?;
    let mut witness = scene.join(Room::Usual)?;
    let mut stuck = scene.join(Room::Small)?;
    let mut quiet_moments = 0;
    while scene.feed.complete() < FLOOD && quiet_moments < MOMENTS {
        let mut polled = [
            PollFd::new(&scene.feed, PollFlags::OUT),
            PollFd::new(&witness, PollFlags::IN),
        ];
        let is_quiet = wait_for_some(&mut polled, MOMENT) == 0;
        if is_quiet && waits(&scene) {
            break;
        }
        quiet_moments = if is_quiet { quiet_moments + 1 } else { 0 };
        witness.read()?;
        if let Some(end) = witness.ended() {
            return broken(format!("{end} for a client that reads all it gets"));
        }
        scene.feed.offer(BURST)?;
    }
    // Nothing further comes from the upstream: that the client reads again is all that happens.
    let sent = scene.feed.complete();
    stuck.widen();
    all_read_up_to(&mut [&mut witness, &mut stuck], sent)?;
    scene.feed.finish_frame()?;
    scene.step(&mut [&mut witness, &mut stuck], BURST)?;
    let frames = scene.end_upstream();
    witness.expect_end(frames)?;
    stuck.expect_end(frames)
}

/// Whether the server sleeps and leaves its upstream unread.
fn waits(scene: &Scene) -> bool {
    let (upstream, server) = scene.feed.ends();
    let queues = kernel::queues((server, upstream));
    queues.is_none_or(|queues| queues.unread > 0) && scene.is_at_rest()
}

/// How many moments in a row nothing has moved when a server that does not sleep is taken to wait all the same.
const MOMENTS: u32 = 40;

/// Frames that are more than any server's bound and the kernel's buffers together: 32 MiB.
const FLOOD: u64 = 32 * 1024;
