//! Ways to be a nuisance to the endpoint. Each goes on until it is told to stop, and returns how often it has done it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;

use crate::http::{Visitor, request};

/// What an abuser knows: where to go, whether to stop, and how often it has done it.
pub(crate) struct Order {
    pub(crate) admin: SocketAddr,
    stop: AtomicBool,
    done: AtomicU64,
}

pub(crate) type Abuser = fn(&Order);

/// Every way, by its name, and how often is often.
pub(crate) const ABUSERS: [(&str, Abuser, u64); 10] = [
    ("slow heads", send_slow_heads, 600),
    ("huge heads", send_huge_heads, 100),
    ("pipelining", pipeline, 10),
    ("a thousand connections", stay, 1_000),
    ("foreigners", ask_as_foreigners, 100),
    ("slow readers", leave_answers_unread, 200),
    ("greedy scrapers", ask_greedily, 300),
    ("resets", reset_at_once, 500),
    ("random bytes", send_random_bytes, 200),
    ("half-closes", half_close, 200),
];

impl Order {
    pub(crate) fn new(admin: SocketAddr) -> Self {
        Self {
            admin,
            stop: AtomicBool::new(false),
            done: AtomicU64::new(0),
        }
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection; none if the kernel has no room for another one just now.
    fn connect(&self) -> Option<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.admin, Duration::from_secs(1)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        stream
            .set_write_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        Some(stream)
    }
}

/// Hundreds of connections that send a byte now and then, and come again when they are hung up on.
fn send_slow_heads(order: &Order) {
    let mut crowd: Vec<Option<TcpStream>> = (0..300).map(|_| None).collect();
    let letters = request("GET", "/metrics").into_bytes();
    for letter in letters.iter().cycle() {
        for place in &mut crowd {
            if order.is_over() {
                return;
            }
            let is_heard = place
                .as_mut()
                .is_some_and(|stream| stream.write_all(&[*letter]).is_ok());
            if !is_heard {
                *place = order.connect();
            }
            order.count();
        }
    }
}

fn send_huge_heads(order: &Order) {
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nCookie: {}",
        "c".repeat(1 << 20)
    );
    while !order.is_over() {
        if let Some(mut stream) = order.connect() {
            // It may be told that this is too much before it has said it all.
            let _ = stream.write_all(head.as_bytes());
            order.count();
        }
    }
}

/// Megabytes of requests on one connection.
fn pipeline(order: &Order) {
    let many = request("GET", "/metrics").repeat(40_000);
    while !order.is_over() {
        if let Some(mut stream) = order.connect() {
            let _ = stream.write_all(many.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
            order.count();
        }
    }
}

/// A thousand at once, and all of them stay for as long as they are let.
fn stay(order: &Order) {
    let mut crowd = Vec::new();
    while !order.is_over() {
        if crowd.len() == 1_000 {
            crowd.clear();
        }
        crowd.extend(order.connect());
        order.count();
    }
}

fn ask_as_foreigners(order: &Order) {
    let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let page =
        "GET /clients.json HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n";
    for text in [rebound, page].iter().cycle() {
        if order.is_over() {
            return;
        }
        let Some(mut visitor) = Visitor::try_connect(order.admin) else {
            continue;
        };
        if visitor.stream.write_all(text.as_bytes()).is_ok()
            && let Some(answer) = visitor.try_answer()
        {
            assert_eq!(answer.status, 403, "{answer:?}");
        }
        order.count();
    }
}

/// They ask many times for what is long, and fetch nothing of it. Each waits until it could.
fn leave_answers_unread(order: &Order) {
    let many = request("GET", "/metrics").repeat(100);
    let mut crowd = Vec::new();
    while !order.is_over() {
        if crowd.len() == 200 {
            crowd.clear();
        }
        let Some(mut visitor) = Visitor::try_connect_small(order.admin) else {
            continue;
        };
        let _ = visitor.stream.write(many.as_bytes());
        crowd.push(visitor);
        order.count();
    }
}

/// Four times as many as there are places, all at once, and the next ones when all have been served.
fn ask_greedily(order: &Order) {
    let text = request("GET", "/status.json");
    while !order.is_over() {
        let mut crowd: Vec<_> = (0..64).filter_map(|_| order.connect()).collect();
        for stream in &mut crowd {
            let _ = stream.write_all(text.as_bytes());
        }
        for mut stream in crowd {
            let _ = stream.read_to_end(&mut Vec::new());
            order.count();
        }
    }
}

fn reset_at_once(order: &Order) {
    let text = request("GET", "/status.json");
    for length in (0..text.len()).cycle() {
        if order.is_over() {
            return;
        }
        if let Some(mut stream) = order.connect() {
            let _ = stream.write_all(&text.as_bytes()[..length]);
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            order.count();
        }
    }
}

fn send_random_bytes(order: &Order) {
    let mut random = fastrand::Rng::with_seed(1);
    while !order.is_over() {
        if let Some(mut stream) = order.connect() {
            let mut bytes = vec![0; random.usize(1..20_000)];
            random.fill(&mut bytes);
            if random.bool() {
                bytes.splice(..0, *b"GET / HTTP/1.1\r\n");
            }
            let _ = stream.write_all(&bytes);
            order.count();
        }
    }
}

fn half_close(order: &Order) {
    let text = request("GET", "/clients.json");
    for length in (0..=text.len()).rev().cycle() {
        if order.is_over() {
            return;
        }
        if let Some(mut stream) = order.connect() {
            let _ = stream.write_all(&text.as_bytes()[..length]);
            let _ = stream.shutdown(Shutdown::Write);
            order.count();
        }
    }
}
