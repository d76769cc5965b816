//! What becomes of everybody else while the endpoint is abused: clients get every frame, and who asks properly is
//! answered.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::abusers::{ABUSERS, Order};
use crate::crowd::{Crowd, Source};
use crate::figures::Figures;
use crate::harness::{DEADLINE, Fanout, Scene, line, system};
use crate::http::{Visitor, request};
use crate::idle::{ANSWER, wait_until_it_rests};
use crate::watched::{Watched, wait_for, wait_until};

const CLIENTS: usize = 100;
const FRAME: usize = 64;

/// Proper scrapes beside each way of abuse.
const SCRAPES: usize = 15;

/// How long one scrape may take beside one kind of abuse. The contract says one second; a machine may be slow.
const BOUND: Duration = Duration::from_secs(5);

/// All abusers together fill the accept queue with thousands of connections, and a scrape is behind them.
const BOUND_BEHIND_EVERYBODY: Duration = DEADLINE;

/// Attempts of one scrape. Who has connected and not asked yet may be put out for a newcomer.
const ATTEMPTS: usize = 5;

/// What the program had before anybody abused it.
struct Before {
    /// Open descriptors as it counts them while it answers, the connection of the one who asks included.
    descriptors: u64,
    resident_bytes: u64,
}

/// One proper scrape, and how long it took from the first attempt to connect.
#[track_caller]
fn scrape(admin: SocketAddr) -> (Figures, Duration) {
    let begun = Instant::now();
    let mut answers = (0..ATTEMPTS).filter_map(|_| {
        let mut visitor = Visitor::try_connect(admin)?;
        let asked = request("GET", "/metrics");
        visitor.stream.write_all(asked.as_bytes()).ok()?;
        visitor.try_answer()
    });
    let answer = answers.next();
    let taken = begun.elapsed();
    let answer = answer.unwrap_or_else(|| panic!("no answer, after {taken:?}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    (Figures::parse(answer.body), taken)
}

/// Scrapes properly until every abuser has done enough; returns the longest that a scrape has taken.
#[track_caller]
fn scrape_beside(fanout: &Fanout, before: &Before, orders: &[(&Order, u64)]) -> Duration {
    let is_enough = || orders.iter().all(|(order, enough)| order.done() >= *enough);
    let give_up = Instant::now() + 3 * DEADLINE;
    let mut worst = Duration::ZERO;
    let mut scrapes = 0;
    while scrapes < SCRAPES || !is_enough() {
        let (figures, taken) = scrape(orders[0].0.admin);
        worst = worst.max(taken);
        scrapes += 1;
        assert_eq!(figures.count("fanout_clients"), CLIENTS as u64);
        let descriptors = figures.count("process_open_fds");
        assert!(
            descriptors <= before.descriptors + 15,
            "{descriptors}, and {} before",
            before.descriptors
        );
        let seen = system::descriptors(fanout.pid()).len();
        assert!(
            Instant::now() < give_up,
            "{seen} descriptors, and the abusers are not done"
        );
    }
    worst
}

/// All of these at the same time, each until it has done one part in `share` of what is often.
#[track_caller]
fn abuse(
    fanout: &Fanout,
    before: &Before,
    admin: SocketAddr,
    which: &[usize],
    share: u64,
) -> Duration {
    let orders: Vec<_> = which.iter().map(|_| Order::new(admin)).collect();
    thread::scope(|scope| {
        for (order, place) in orders.iter().zip(which) {
            scope.spawn(|| ABUSERS[*place].1(order));
        }
        let all: Vec<_> = orders
            .iter()
            .zip(which)
            .map(|(order, place)| (order, ABUSERS[*place].2.div_ceil(share)))
            .collect();
        // A failure has to end the abusers, or nobody would learn of it.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scrape_beside(fanout, before, &all)
        }));
        orders.iter().for_each(Order::stop);
        outcome.unwrap_or_else(|failure| std::panic::resume_unwind(failure))
    })
}

#[test]
fn clients_notice_nothing_while_the_endpoint_is_abused() {
    let Watched { scene, admin } = Watched::with_frame_size(FRAME, "--stale-after 0");
    let Scene {
        fanout,
        feed,
        upstream,
    } = scene;
    let source = Source::start(feed);
    let crowd = Crowd::join(CLIENTS, fanout.addr(), FRAME);
    let figures = wait_for(admin, "fanout_clients", CLIENTS as u64);
    let idle = system::descriptors(fanout.pid()).len();
    let before = Before {
        descriptors: figures.count("process_open_fds"),
        resident_bytes: system::resident_bytes(fanout.pid()),
    };
    for (place, (name, ..)) in ABUSERS.iter().enumerate() {
        let worst = abuse(&fanout, &before, admin, &[place], 1);
        println!("{name}: the longest scrape took {worst:?}");
        assert!(worst < BOUND, "{name}: {worst:?}");
    }
    let everybody: Vec<_> = (0..ABUSERS.len()).collect();
    let worst = abuse(&fanout, &before, admin, &everybody, 10);
    println!("all together: the longest scrape took {worst:?}");
    assert!(worst < BOUND_BEHIND_EVERYBODY, "{worst:?}");

    let feed = source.stop();
    let frames = feed.next();
    let delivered = crowd.finish(frames - 1);
    println!("{frames} frames, {delivered} deliveries");
    check_totals(&fanout, admin, frames, delivered);
    let resident = system::resident_bytes(fanout.pid());
    let grown = resident.saturating_sub(before.resident_bytes);
    assert!(
        grown < 16 << 20,
        "{grown} bytes more than the {} before",
        before.resident_bytes
    );
    wait_until("the end of every connection", || {
        let now = system::descriptors(fanout.pid()).len();
        // The clients have left; the one who had asked for the figures, too.
        if now <= idle - CLIENTS {
            Ok(())
        } else {
            Err(format!("{now} descriptors, {idle} before"))
        }
    });
    stand_still(&fanout);
    drop((feed, upstream));
}

#[track_caller]
fn check_totals(fanout: &Fanout, admin: SocketAddr, frames: u64, delivered: u64) {
    let figures = wait_for(admin, "fanout_clients", 0);
    assert_eq!(figures.count("fanout_upstream_frames_total"), frames);
    assert_eq!(figures.count("fanout_frames_delivered_total"), delivered);
    assert_eq!(
        figures.count("fanout_bytes_delivered_total"),
        delivered * FRAME as u64
    );
    assert_eq!(figures.count("fanout_frames_skipped_total"), 0);
    assert_eq!(figures.count("fanout_upstream_discarded_bytes_total"), 0);
    let departed = figures.by_label("fanout_clients_departed_total");
    assert_eq!(departed, [("closed".to_owned(), CLIENTS as u64)]);
    assert!(figures.by_label("fanout_clients_refused_total").is_empty());
    assert!(figures.by_label("fanout_accept_errors_total").is_empty());
    let lines = fanout.lines().matching("panicked");
    assert!(lines.is_empty(), "{lines:?}");
}

/// It sleeps, as one does who has never been abused.
#[track_caller]
fn stand_still(fanout: &Fanout) {
    // The log may have left out that it joined.
    let mut witness = fanout.join_many(1).remove(0);
    let quiet = wait_until_it_rests(fanout, &mut witness);
    let ticks = system::processor_ticks(fanout.pid());
    witness.expect_silence(Duration::from_secs(3));
    let ticks = system::processor_ticks(fanout.pid()) - ticks;
    let stats = fanout.stats();
    // And one turn in which the lines that were left out are summed up.
    assert!(
        line::number(&stats, "turns") - quiet <= ANSWER + 1,
        "{quiet}: {stats}"
    );
    assert!(ticks <= 1, "{ticks} hundredths of a second");
}
