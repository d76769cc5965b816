//! Clients that come and go: nobody else notices, and nothing stays behind.

use std::time::Instant;

use crate::client::{Client, Room};
use crate::fault::{Outcome, ensure};
use crate::scene::Scene;
use crate::server::{Manner, Server};
use crate::{BURST, DEADLINE, kernel};

pub(crate) fn leaving(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut one = scene.join(Room::Usual)?;
    let mut other = scene.join(Room::Usual)?;
    let before = kernel::descriptors(scene.server.id());
    for _ in 0..ROUNDS {
        let mut polite = scene.join(Room::Usual)?;
        scene.catch_up(&mut [&mut polite])?;
        // Nothing is unread, so this is a FIN.
        drop(polite);
        scene.step(&mut [&mut one, &mut other], 3)?;
        scene.join(Room::Usual)?.reset();
        scene.step(&mut [&mut one, &mut other], 3)?;
        // One that is behind leaves while frames flow; what it has not read makes its end a reset.
        let behind = scene.join(Room::Small)?;
        scene.step(&mut [&mut one, &mut other], BURST)?;
        scene.feed.send(BURST)?;
        drop(behind);
        scene.catch_up(&mut [&mut one, &mut other])?;
        // One that never says a word and is gone before a frame comes.
        drop(scene.connect(Room::Usual));
        scene.step(&mut [&mut one, &mut other], 3)?;
    }
    let give_up = Instant::now() + DEADLINE;
    while kernel::descriptors(scene.server.id()) > before {
        scene.step(&mut [&mut one, &mut other], 1)?;
        ensure(Instant::now() < give_up, || {
            let now = kernel::descriptors(scene.server.id());
            format!("{before:?} descriptors before clients came and went, {now:?} after")
        })?;
    }
    let mut late = scene.join(Room::Usual)?;
    scene.step(&mut [&mut one, &mut other, &mut late], 3)
}

pub(crate) fn departure(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    let before = kernel::descriptors(scene.server.id());
    let mut client = scene.join(Room::Usual)?;
    scene.step(&mut [&mut witness, &mut client], 3)?;
    let (own, server) = client.ends();
    client.reset();
    // No frame comes. What the server does about the reset once it has arrived, it has done when it sleeps.
    kernel::eventually(|| kernel::queues((server, own)).is_none());
    let is_let_go = || kernel::descriptors(scene.server.id()) <= before;
    kernel::eventually(|| is_let_go() || scene.is_at_rest());
    ensure(is_let_go(), || {
        "it sleeps on the descriptor of a client that is gone".to_owned()
    })
}

pub(crate) fn crowd(server: &Server) -> Outcome {
    let mut scene = Scene::set_under_soft_limit(server, SOFT_LIMIT)?;
    let mut clients: Vec<Client> = (0..CROWD).map(|_| scene.connect(Room::Usual)).collect();
    let mut clients: Vec<_> = clients.iter_mut().collect();
    scene.welcome(&mut clients)?;
    scene.step(&mut clients, 3)
}

/// How often clients come and go, in every manner.
const ROUNDS: u64 = 4;

/// Enough for any program to start, and for few clients.
const SOFT_LIMIT: u32 = 64;

/// Clients beyond that limit, even for a server that takes two descriptors for each.
const CROWD: u32 = 150;
