//! In the steady state nothing is allocated: not per frame, not per event, not per write.
//!
//! One test in a binary of its own, because the counting allocator counts the whole process.

use std::alloc::System;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fanout::{AdminConfig, Config, HostPort, ListenerConfig, Server};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CLIENTS: usize = 100;
const FRAME_BYTES: usize = 1024;
const FRAMES_PER_ROUND: usize = 10;
const DEADLINE: Duration = Duration::from_secs(30);

/// Sends a round of frames and reads it from every client. Allocates nothing itself.
fn relay_round(upstream: &mut TcpStream, clients: &mut [TcpStream], number: u8) {
    let sent = [number; FRAME_BYTES * FRAMES_PER_ROUND];
    upstream.write_all(&sent).expect("the upstream can send");
    for client in clients {
        let mut received = [0; FRAME_BYTES * FRAMES_PER_ROUND];
        client
            .read_exact(&mut received)
            .expect("every client is given every frame");
        assert!(received == sent, "round {number} arrived changed");
    }
}

#[test]
fn a_thousand_frames_to_a_hundred_clients_allocate_nothing() {
    let source = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        listeners: vec![ListenerConfig::new(HostPort::new("127.0.0.1", 0).into())],
        // With everything that is kept for whoever asks.
        admin: AdminConfig {
            address: Some(HostPort::new("127.0.0.1", 0).into()),
            ..AdminConfig::default()
        },
        ..Config::new(source.local_addr().unwrap().into())
    };
    let server = Server::bind(&config).unwrap();
    let addr = server.local_addrs()[0];
    let handle = server.handle();
    let running = thread::spawn(move || server.run());

    let (mut upstream, _) = source.accept().unwrap();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = TcpStream::connect(addr).unwrap();
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            client
        })
        .collect();
    let start = Instant::now();
    while handle.stats().clients < CLIENTS as u64 {
        assert!(start.elapsed() < DEADLINE, "{:?}", handle.stats());
        thread::yield_now();
    }
    for number in 0..20 {
        relay_round(&mut upstream, &mut clients, number);
    }

    let region = Region::new(ALLOCATOR);
    for number in 0..100 {
        relay_round(&mut upstream, &mut clients, number);
    }
    let change = region.change();
    assert_eq!(change.allocations, 0, "{change:?}");
    assert_eq!(change.reallocations, 0, "{change:?}");
    assert_eq!(change.deallocations, 0, "{change:?}");

    let region = Region::new(ALLOCATOR);
    drop(vec![0u8; 1]);
    assert_eq!(region.change().allocations, 1, "the allocator is counted");

    // Clients can have read the last round before the turn that gave it out has ended.
    let start = Instant::now();
    while handle.stats().frames < 1200 {
        assert!(start.elapsed() < DEADLINE, "{:?}", handle.stats());
        thread::yield_now();
    }
    assert_eq!(handle.stats().frames, 1200);
    handle.drain();
    drop(clients);
    running.join().unwrap().expect("a drain is a clean end");
}
