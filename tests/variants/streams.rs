//! What every client's stream is: whole frames, in order, without a gap, from a boundary on.

use crate::BURST;
use crate::client::{Client, Room};
use crate::fault::Outcome;
use crate::scene::Scene;
use crate::server::{Manner, Server};

pub(crate) fn whole_frames(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut clients: Vec<Client> = Vec::new();
    // In crumbs, cut anywhere, and many at once.
    for bytes in [1, 511, 1023, 1024, 1025, 3000, 60 * 1024 + 1] {
        clients.push(scene.join(Room::Usual)?);
        for _ in 0..WRITES {
            scene.feed.send_bytes(bytes)?;
            scene.catch_up(&mut clients.iter_mut().collect::<Vec<_>>())?;
        }
    }
    for frames in [1, 7, BURST] {
        for _ in 0..WRITES {
            scene.step(&mut clients.iter_mut().collect::<Vec<_>>(), frames)?;
        }
    }
    Ok(())
}

pub(crate) fn boundary(server: &Server) -> Outcome {
    let mut scene = Scene::set(server, Manner::Plain)?;
    let mut witness = scene.join(Room::Usual)?;
    for shift in [1, 511, 511] {
        // From here on every write ends a frame and begins the next one: whenever a client joins, one is under way.
        scene.feed.send_bytes(shift)?;
        for _ in 0..JOINS {
            let mut client = scene.join(Room::Usual)?;
            scene.step(&mut [&mut witness, &mut client], 3)?;
        }
    }
    Ok(())
}

/// Writes of one size.
const WRITES: u64 = 20;

/// Clients that join at one place of a frame.
const JOINS: u64 = 5;
