//! What comes of an upstream's end, of its failure, and of an upstream that is not there.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::client::Room;
use crate::fault::{Outcome, broken, ensure};
use crate::running::Running;
use crate::scene::Scene;
use crate::server::{Manner, Server};
use crate::upstream::Closed;
use crate::wait::wait_for_some;
use crate::{DEADLINE, kernel};

pub(crate) fn end(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let mut behind = scene.join(Room::Small)?;
    scene.lag(&mut witness, &behind)?;
    let frames = scene.end_upstream();
    behind.widen();
    behind.expect_end(frames)?;
    witness.expect_end(frames)?;
    drop((behind, witness));
    let ending = scene.server.wait_for_end()?;
    ensure(ending.code == Some(0), || {
        format!("{ending:?} after the upstream's end")
    })
}

pub(crate) fn unfinished(server: &Server) -> Outcome {
    for part in [1, 1023] {
        let mut scene = Scene::set(server, Manner::Plain)?;
        let mut client = scene.join(Room::Usual)?;
        scene.step(&mut [&mut client], 3)?;
        scene.feed.send_bytes(part)?;
        let frames = scene.end_upstream();
        client.expect_end(frames)?;
    }
    Ok(())
}

pub(crate) fn failure(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut client = scene.join(Room::Usual)?;
    scene.step(&mut [&mut client], 3)?;
    let frames = scene.feed.complete();
    scene.feed.reset();
    client.expect_end(frames)?;
    drop(client);
    let ending = scene.server.wait_for_end()?;
    ensure(ending.code == Some(1) && ending.has_explained(), || {
        format!("{ending:?} after the upstream's failure")
    })
}

pub(crate) fn refusal(server: &Server) -> Outcome {
    let nobody = Closed::reserve();
    let words = server.command(Manner::Plain, nobody.addr(), "0");
    let ending = Running::start(&words).wait_for_end()?;
    ensure(ending.code == Some(1) && ending.has_explained(), || {
        format!("{ending:?} without an upstream")
    })?;
    let words = server.command(Manner::Plain, nobody.addr(), "no-port");
    let ending = Running::start(&words).wait_for_end()?;
    let is_told = ending.has_explained() && !ending.has_listened();
    ensure(ending.code == Some(2) && is_told, || {
        format!("{ending:?} for a port that is none")
    })
}

pub(crate) fn idle(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut clients = [scene.join(Room::Usual)?, scene.join(Room::Usual)?];
    let [one, other] = &mut clients;
    other.half_close();
    scene.step(&mut [one, other], 3)?;
    ensure(scene.rests(), || {
        "it is busy with silent clients".to_owned()
    })?;
    let frames = scene.end_upstream();
    one.expect_end(frames)?;
    other.expect_end(frames)?;
    // Neither closes: it may wait for that, or be gone.
    let before = kernel::processor_time(scene.server.id());
    let has_rested = scene.rests();
    let after = kernel::processor_time(scene.server.id());
    let spent = after
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    ensure(
        has_rested && spent.is_none_or(|spent| spent < FAREWELL),
        || format!("it is busy with clients that do not close, for {spent:?}"),
    )
}

pub(crate) fn redial(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Redialling)?;
    let mut client = scene.join(Room::Usual)?;
    for part in [0, 300, 1023] {
        scene.step(&mut [&mut client], 3)?;
        let next = scene.feed.complete();
        scene.feed.send_bytes(part)?;
        scene.feed.end();
        // One of two things comes next: it dials again, or it ends the client's stream.
        let mut polled = [
            PollFd::new(&scene.upstream, PollFlags::IN),
            PollFd::new(&client, PollFlags::IN),
        ];
        ensure(wait_for_some(&mut polled, DEADLINE) > 0, || {
            "an upstream that is lost is not dialled again".to_owned()
        })?;
        client.read()?;
        if let Some(end) = client.ended() {
            return broken(format!("{end} when the upstream was lost"));
        }
        scene.feed = scene.upstream.accept()?.starting_at(next);
    }
    scene.step(&mut [&mut client], 3)
}

/// More processor time than any program needs to end, and less than one uses up that waits without sleeping.
const FAREWELL: Duration = Duration::from_millis(300);
