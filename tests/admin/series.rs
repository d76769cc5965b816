//! The series themselves: which there are, and what the histograms observe, frame by frame.

use std::time::{Duration, SystemTime};

use crate::harness::{all_expect, system};
use crate::watched::{Watched, wait_until};

#[test]
fn clients_never_become_labels() {
    let mut watched = Watched::set("--stale-after 0");
    let without = watched.figures();
    let mut clients = watched.scene.fanout.join_many(200);
    watched.scene.feed.send(10);
    all_expect(&mut clients, 0..10);
    let with = watched.wait_for("fanout_frames_delivered_total", 2_000);
    assert_eq!(with.text.lines().count(), without.text.lines().count());
    assert_eq!(with.series(), without.series());
    for client in &clients[..10] {
        assert!(!with.text.contains(&client.addr().to_string()));
    }
    assert_eq!(with.count("fanout_clients"), 200);
    assert_eq!(
        with.count(concat!(
            "fanout_build_info{version=\"",
            env!("CARGO_PKG_VERSION"),
            "\"}"
        )),
        1
    );
}

#[test]
fn every_word_is_there_from_nought_on() {
    let watched = Watched::set("");
    let figures = watched.figures();
    for (family, label, words) in [
        (
            "fanout_upstream_connects_total",
            "result",
            "ok refused timeout error self",
        ),
        (
            "fanout_clients_refused_total",
            "reason",
            "max-clients per-ip not-allowed descriptors",
        ),
        (
            "fanout_clients_departed_total",
            "reason",
            "closed error slow stalled flood drain upstream-end",
        ),
    ] {
        let mut words: Vec<_> = words
            .split(' ')
            .map(|word| format!("{family}{{{label}=\"{word}\"}}"))
            .collect();
        words.sort();
        let series = figures.series();
        let found: Vec<_> = series
            .into_iter()
            .filter(|name| name.starts_with(family))
            .collect();
        assert_eq!(found, words);
    }
}

/// One frame at a time, each read by everybody before the next is sent.
#[test]
fn each_publication_is_observed_once_for_each_client() {
    const STEPS: u64 = 40;
    let mut watched = Watched::set("--stale-after 0");
    // Nobody is there: nobody can lag, and nobody is delivered to.
    watched.scene.feed.send(3);
    let figures = watched.wait_for("fanout_upstream_frames_total", 3);
    assert_eq!(figures.histogram("fanout_client_lag_frames").count, 0);
    assert_eq!(figures.histogram("fanout_delivery_seconds").count, 0);
    let mut clients = watched.scene.fanout.join_many(3);
    for sequence in 3..3 + STEPS {
        watched.scene.feed.send(1);
        all_expect(&mut clients, sequence..sequence + 1);
    }
    let figures = watched.wait_for("fanout_frames_delivered_total", 3 * STEPS);
    let lags = figures.histogram("fanout_client_lag_frames");
    assert_eq!(lags.count, 3 * STEPS);
    assert_eq!(figures.count("fanout_client_lag_frames_sum"), 0);
    assert_eq!(lags.buckets[0], ("0".to_owned(), 3 * STEPS));
    let deliveries = figures.histogram("fanout_delivery_seconds");
    assert_eq!(deliveries.count, STEPS);
    assert!(deliveries.sum > 0.0, "{deliveries:?}");
}

#[test]
fn a_client_that_cannot_take_a_frame_is_no_delivery_but_a_lag() {
    let mut watched = Watched::set("--stale-after 0 --unsent-limit 16KiB --stall-timeout 0");
    let stalled = watched.scene.fanout.join_small();
    // More than its kernel takes: from here on it lags.
    watched.scene.feed.send(300);
    watched.wait_for("fanout_upstream_frames_total", 300);
    let figures = watched.wait_for("fanout_clients_lagging", 1);
    let delivered = figures.count("fanout_delivery_seconds_count");
    let mut lag = figures.count("fanout_client_lag_frames_max");
    for frames in 301..=310 {
        let before = watched.figures();
        watched.scene.feed.send(1);
        let after = watched.wait_for("fanout_upstream_frames_total", frames);
        let grown = |series: &str| after.count(series) - before.count(series);
        assert_eq!(grown("fanout_client_lag_frames_count"), 1);
        assert_eq!(
            grown("fanout_client_lag_frames_sum"),
            lag,
            "what it was behind just before"
        );
        lag += 1;
        assert_eq!(after.count("fanout_client_lag_frames_max"), lag);
        assert_eq!(after.count("fanout_delivery_seconds_count"), delivered);
    }
    drop(stalled);
}

#[test]
fn time_in_which_the_upstream_is_left_unread_is_counted() {
    let watched = Watched::set(
        "--stale-after 0 --backlog 64 --unsent-limit 16KiB --slow wait --stall-timeout 0",
    );
    let figures = watched.figures();
    assert_eq!(figures.count("fanout_upstream_held_seconds_total"), 0);
    let client = watched.scene.fanout.join_small();
    let Watched { scene, admin } = watched;
    let mut feed = scene.feed.with_small_buffer();
    feed.fill(Duration::from_millis(200));
    let held = || crate::figures::Figures::of(admin).number("fanout_upstream_held_seconds_total");
    let (first, second) = (held(), held());
    assert!(0.2 <= first && first < second, "{first} s, then {second} s");
    assert_eq!(
        crate::watched::json(admin, "/status.json")["upstream"]["held"],
        true
    );
    drop(client);
    // Nobody is waited for any more.
    crate::watched::wait_for(admin, "fanout_clients", 0);
    let at_last = wait_until("reading again", || {
        let status = crate::watched::json(admin, "/status.json");
        if status["upstream"]["held"] == false {
            Ok(held())
        } else {
            Err(status.to_string())
        }
    });
    assert_eq!(held().to_bits(), at_last.to_bits());
}

#[test]
fn the_process_is_measured_as_the_system_sees_it() {
    let watched = Watched::set("--stale-after 0");
    let _clients = watched.scene.fanout.join_many(20);
    let pid = watched.scene.fanout.pid();
    // The one who asks is connected while it is counted.
    let series = "process_open_fds";
    wait_until("as many descriptors as the system counts", || {
        let open = watched.figures().count(series);
        let seen = system::descriptors(pid).len() as u64;
        if open == seen || open == seen + 1 {
            Ok(())
        } else {
            Err(format!("{open}, not {seen}"))
        }
    });
    let figures = watched.figures();
    let most = watched.json("/status.json")["clients"]["most"].clone();
    assert!(
        Some(figures.count("process_max_fds")) > most.as_u64(),
        "{most}"
    );
    let (resident, seen) = (
        figures.count("process_resident_memory_bytes"),
        system::resident_bytes(pid),
    );
    assert!(resident.abs_diff(seen) < 4 << 20, "{resident}, not {seen}");
    assert!(figures.count("process_virtual_memory_bytes") > resident);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let started = figures.number("process_start_time_seconds");
    let age = now.expect("the clock is set").as_secs_f64() - started;
    assert!((0.0..300.0).contains(&age), "it started {age} s ago");
    let before = figures.number("process_cpu_seconds_total");
    wait_until("processor time for all these questions", || {
        let now = watched.figures().number("process_cpu_seconds_total");
        if now > before {
            Ok(())
        } else {
            Err(now.to_string())
        }
    });
}
