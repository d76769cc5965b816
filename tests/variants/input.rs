//! What clients send, and that they stop sending.

use std::time::Instant;

use crate::client::{Client, Room};
use crate::fault::{Outcome, ensure};
use crate::scene::Scene;
use crate::server::{Manner, Server};
use crate::{DEADLINE, kernel};

pub(crate) fn half_closed(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let mut client = scene.join(Room::Usual)?;
    client.half_close();
    for _ in 0..STEPS {
        scene.step(&mut [&mut witness, &mut client], 1)?;
    }
    // Whatever the server does about it, it has done when it sleeps.
    ensure(scene.rests(), || {
        "it does not come to rest after a client has shut down its sending side".to_owned()
    })?;
    scene.step(&mut [&mut witness, &mut client], STEPS)?;
    let frames = scene.end_upstream();
    witness.expect_end(frames)?;
    client.expect_end(frames)
}

pub(crate) fn read(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let mut chatty = scene.join(Room::Small)?;
    let mut left = INPUT;
    let mut looks = 0;
    let give_up = Instant::now() + DEADLINE;
    while left > 0 || is_unread(&chatty) {
        left -= chatty.offer(left)?;
        scene.step(&mut [&mut witness, &mut chatty], 1)?;
        kernel::eventually(|| !is_unread(&chatty) || scene.is_at_rest());
        looks = if is_unread(&chatty) { looks + 1 } else { 0 };
        ensure(looks < LOOKS && Instant::now() < give_up, || {
            format!("it leaves unread what a client sends, and {left} bytes unsent")
        })?;
    }
    let frames = scene.end_upstream();
    chatty.expect_end(frames)?;
    witness.expect_end(frames)
}

pub(crate) fn chatty_end(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let mut chatty = scene.join(Room::Small)?;
    let sent = chatty.offer(FEW_BYTES)?;
    assert_eq!(sent, FEW_BYTES, "an empty socket takes a few bytes");
    // The client reads none of these, and its kernel takes few of them: the others are on their way.
    scene.step(&mut [&mut witness], IN_KERNEL)?;
    let frames = scene.end_upstream();
    ensure(scene.rests(), || {
        "it does not come to rest at its upstream's end".to_owned()
    })?;
    chatty.expect_end(frames)?;
    witness.expect_end(frames)
}

/// Whether bytes that the client has sent lie in the server's socket, if that can be known.
fn is_unread(client: &Client) -> bool {
    let (own, server) = client.ends();
    kernel::queues((server, own)).is_some_and(|queues| queues.unread > 0)
}

/// Frames that are sent one by one, to give the server every chance to act.
const STEPS: u64 = 100;

/// Bytes that a client sends: more than lie unread in a socket's first buffer, less than the relay allows.
const INPUT: usize = 256 * 1024;

/// Bytes that fit into any socket's buffer.
const FEW_BYTES: usize = 500;

/// Frames that the server's kernel surely takes for a client with little room, and the client's does not.
const IN_KERNEL: u64 = 24;

/// How often in a row, with a frame in between, a server that does not read is seen to sleep with input before it.
const LOOKS: u32 = 3;
