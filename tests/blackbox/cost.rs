//! What it costs, as far as it shows from outside: memory, wake-ups, and who is served first.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use crate::harness::wait::wait_for_some;
use crate::harness::{DEADLINE, Reader, Scene, all_expect};

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use crate::harness::system;
    use crate::harness::{Reader, Scene, all_expect};

    #[test]
    fn memory_does_not_depend_on_how_far_clients_lag() {
        const BACKLOG_BYTES: u64 = 4_000 * 1024;
        let mut scene = Scene::set("--backlog 4000 --unsent-limit 16KiB --stall-timeout 0");
        let addr = scene.fanout.addr();
        let crowd: Vec<_> = (0..200)
            .map(|_| Reader::connect_small(addr, 1024))
            .collect();
        let mut witness = Reader::connect(addr, 1024);
        scene.fanout.wait_for_stat("clients", 201);
        scene.step(&mut witness, 1);
        let before = system::resident_bytes(scene.fanout.pid());
        scene.feed.send(3_999);
        witness.read_to(3_999);
        let grown = system::resident_bytes(scene.fanout.pid()).saturating_sub(before);
        let allowed = BACKLOG_BYTES + READ_WINDOW_BYTES + SLACK_BYTES;
        assert!(
            grown <= allowed,
            "{grown} bytes for 200 clients that lag, {allowed} allowed"
        );
        assert_eq!(
            crate::harness::line::number(&scene.fanout.stats(), "clients"),
            crowd.len() as u64 + 1
        );
    }

    #[test]
    fn no_memory_is_taken_for_a_lag_that_nobody_has() {
        let mut scene = Scene::set("");
        let mut witness = scene.fanout.join();
        scene.step(&mut witness, 100);
        let before = system::resident_bytes(scene.fanout.pid());
        // Half of the default backlog, with a window to spare.
        scene.step(&mut witness, 8_000);
        let grown = system::resident_bytes(scene.fanout.pid()).saturating_sub(before);
        let allowed = READ_WINDOW_BYTES + SLACK_BYTES;
        assert!(grown <= allowed, "{grown} bytes, {allowed} allowed");
    }

    #[test]
    fn a_client_costs_no_more_than_256_bytes() {
        const CLIENTS: u64 = 3_000;
        let mut scene = Scene::set("");
        let mut witness = scene.fanout.join();
        scene.step(&mut witness, 100);
        let before = system::resident_bytes(scene.fanout.pid());
        let mut crowd = scene.fanout.join_many(CLIENTS);
        scene.step(&mut witness, 2);
        let grown = system::resident_bytes(scene.fanout.pid()).saturating_sub(before);
        let allowed = CLIENTS * 256 + SLACK_BYTES;
        assert!(
            grown <= allowed,
            "{grown} bytes for {CLIENTS} clients, {allowed} allowed"
        );
        all_expect(&mut crowd, 100..102);
    }

    #[test]
    fn with_nothing_to_do_nothing_wakes_it_up() {
        let mut scene = Scene::set("--stale-after 1h --stall-timeout 0 --unsent-limit 16KiB");
        let mut witness = scene.fanout.join();
        let half_closed = scene.fanout.join();
        half_closed.half_close();
        let _stuck = scene.fanout.join_small();
        scene.step(&mut witness, 300);
        // The program may still be on its way to sleep in the first window; something periodic shows in each.
        let woken = [(); 3].map(|()| {
            let before = system::sleeps(scene.fanout.pid());
            witness.expect_silence(Duration::from_millis(1_100));
            system::sleeps(scene.fanout.pid()) - before
        });
        assert!(
            woken.contains(&0),
            "woken {woken:?} times in three windows without an event"
        );
    }

    const READ_WINDOW_BYTES: u64 = 256 * 1024;

    /// What an allocator and a log queue may add.
    const SLACK_BYTES: u64 = 1 << 20;
}

#[test]
fn no_client_is_always_last() {
    const CLIENTS: usize = 120;
    let mut scene = Scene::set("");
    let mut clients = scene.fanout.join_many(CLIENTS as u64);
    let mut early = [0; CLIENTS];
    let mut rounds = 0;
    for sequence in 0..1_000 {
        scene.feed.send(1);
        let ready = ready(&clients);
        // A look that came when all had been served says nothing about the order.
        if ready.len() < CLIENTS {
            rounds += 1;
            for client in ready {
                early[client] += 1;
            }
        }
        all_expect(&mut clients, sequence..sequence + 1);
    }
    // With fewer such looks, chance could pass over a client.
    let is_conclusive = rounds >= 600;
    let never: Vec<_> = (0..CLIENTS).filter(|client| early[*client] == 0).collect();
    assert!(
        never.is_empty() || !is_conclusive,
        "never among those who were served first in {rounds} rounds: {never:?}"
    );
}

/// Those who have something to read as soon as anybody has.
fn ready(clients: &[Reader]) -> Vec<usize> {
    let mut polled: Vec<_> = clients
        .iter()
        .map(|client| PollFd::new(client, PollFlags::IN))
        .collect();
    assert!(
        wait_for_some(&mut polled, DEADLINE) > 0,
        "the frame never came"
    );
    (0..clients.len())
        .filter(|client| polled[*client].revents().contains(PollFlags::IN))
        .collect()
}

#[test]
fn ten_thousand_frames_reach_a_hundred_clients() {
    let mut scene = Scene::with_frame_size(64, "--slow wait");
    let mut clients = scene.fanout.join_many(100);
    for _ in 0..10 {
        let next = scene.feed.next();
        scene.feed.send(1_000);
        all_expect(&mut clients, next..next + 1_000);
    }
    clients[0].expect_silence(Duration::from_millis(1));
}
