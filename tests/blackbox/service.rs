//! As a service: what the service manager is told, `sd_notify(3)`.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::manager::{Manager, has_line};
use crate::harness::{Fanout, Feed, Launch, Upstream, arguments, line};

/// The program as a service of a manager, connected to its upstream.
struct Service {
    manager: Manager,
    upstream: Upstream,
    feed: Feed,
    fanout: Fanout,
}

impl Service {
    #[track_caller]
    fn start(options: &str) -> Self {
        Self::start_watched(options, "")
    }

    /// The same with a watchdog of so many microseconds.
    #[track_caller]
    fn start_watched(options: &str, watchdog: &str) -> Self {
        Self::of(Manager::bind(), options, watchdog)
    }

    #[track_caller]
    fn of(manager: Manager, options: &str, watchdog: &str) -> Self {
        let upstream = Upstream::bind();
        let fanout = Launch::new(&arguments(&upstream, options))
            .env("NOTIFY_SOCKET", manager.name())
            .env("WATCHDOG_USEC", watchdog)
            .start();
        let feed = upstream.accept();
        fanout.wait_for_line("upstream connected");
        Self {
            manager,
            upstream,
            feed,
            fanout,
        }
    }

    /// The status of a service that is connected, with so many clients.
    fn connected(&self, clients: &str) -> String {
        format!(
            "STATUS=upstream {} connected, {clients}",
            self.upstream.addr()
        )
    }
}

#[test]
fn ready_is_said_once_when_clients_can_connect() {
    let managers = [
        Manager::bind(),
        #[cfg(target_os = "linux")]
        Manager::bind_abstract(),
    ];
    for manager in managers {
        let upstream = Upstream::bind();
        let mut fanout = Launch::new(&arguments(&upstream, ""))
            .env("NOTIFY_SOCKET", manager.name())
            .start_unheard();
        let first = manager.receive();
        assert!(first.starts_with("READY=1\nSTATUS=upstream "), "{first}");
        drop(fanout.join());
        assert_eq!(fanout.terminate(), 0);
        let rest = manager.waiting();
        let again = rest.iter().filter(|text| has_line(text, "READY=1"));
        assert_eq!(again.count(), 0, "{rest:#?}");
    }
}

#[test]
fn the_status_follows_clients_and_the_upstream() {
    let mut service = Service::start("");
    service.manager.wait_for(&service.connected("0 clients"));
    let first = service.fanout.join();
    service.manager.wait_for(&service.connected("1 client"));
    let _second = service.fanout.join();
    service.manager.wait_for(&service.connected("2 clients"));
    let addr = first.addr();
    drop(first);
    // It may take a frame to find out that it is gone, and another one to hear of it.
    service.feed.send(2);
    service.fanout.wait_for_departure(addr);
    service.manager.wait_for(&service.connected("1 client"));
    let Service {
        manager,
        upstream,
        feed,
        fanout: _fanout,
    } = service;
    drop((upstream, feed));
    manager.wait_for("STATUS=upstream waiting to be dialled again, 1 client");
}

#[test]
fn changes_are_told_no_more_than_once_a_second_and_the_last_one_always() {
    // No more than the lines about clients that the log takes in a second.
    const CLIENTS: usize = 15;
    let service = Service::start("");
    service.manager.wait_for(&service.connected("0 clients"));
    // From here on, texts are a second apart by the program's clock, which is not faster than ours.
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|_| service.fanout.join()).collect();
    let last = service.connected(&format!("{} clients", clients.len()));
    let texts = service.manager.wait_for(&last).len();
    let possible = start.elapsed().as_secs() + 2;
    assert!(texts as u64 <= possible, "{texts} of {possible}");
}

#[test]
fn signs_of_life_come_from_a_loop_that_turns_and_from_no_other() {
    let service = Service::start_watched("", "200000");
    for _ in 0..5 {
        service.manager.wait_for("WATCHDOG=1");
    }
    service.fanout.stop();
    service.manager.waiting();
    let sign = service.manager.receive_within(Duration::from_secs(1));
    assert_eq!(sign, None, "it stands still");
    service.fanout.signal(Signal::CONT);
    service.manager.wait_for("WATCHDOG=1");
}

#[test]
fn without_a_watchdog_nothing_is_told_and_nobody_wakes_up_while_nothing_changes() {
    for watchdog in ["", "0"] {
        let service = Service::start_watched("--stale-after 0", watchdog);
        let mut client = service.fanout.join();
        service.manager.wait_for(&service.connected("1 client"));
        let before = line::number(&service.fanout.stats(), "turns");
        client.expect_silence(Duration::from_millis(2500));
        let after = line::number(&service.fanout.stats(), "turns");
        // What it takes to ask: the signal ends one sleep, and its pipe the next.
        assert!(after - before <= 2, "{before}, {after}");
        assert_eq!(service.manager.waiting(), [""; 0]);
    }
}

#[test]
fn a_drain_is_told_when_it_begins() {
    let mut service = Service::start("--drain-timeout 1h --unsent-limit 16KiB");
    let mut stuck = service.fanout.join_small();
    service.feed.send(500);
    service.fanout.wait_for_stat("frames", 500);
    service.fanout.signal(Signal::TERM);
    let texts = service.manager.wait_for("STOPPING=1");
    let last = &texts[texts.len() - 1];
    assert!(has_line(last, "STATUS=draining, 1 client left"), "{last}");
    stuck.expect(0..500);
    stuck.expect_fin();
    drop(stuck);
    assert_eq!(service.fanout.wait_exit(), 0);
    for text in service.manager.waiting() {
        assert!(!has_line(&text, "STOPPING=1"), "{text}");
    }
}

#[test]
fn an_upstream_that_ends_at_once_is_a_service_that_was_ready_and_stops() {
    let manager = Manager::bind();
    let outcome = Launch::new("- -l 127.0.0.1:0")
        .env("NOTIFY_SOCKET", manager.name())
        .run();
    assert_eq!(outcome.code, 0, "{:#?}", outcome.lines);
    let texts = manager.waiting();
    // Of both in one text, a manager heeds only the last.
    assert!(has_line(&texts[0], "READY=1"), "{texts:#?}");
    assert!(!has_line(&texts[0], "STOPPING=1"), "{texts:#?}");
    let stops = texts.iter().filter(|text| has_line(text, "STOPPING=1"));
    assert_eq!(stops.count(), 1, "{texts:#?}");
}

#[test]
fn a_manager_that_does_not_read_stops_nothing_and_is_told_when_it_does() {
    let manager = Manager::bind();
    manager.fill_up();
    let mut service = Service::of(manager, "", "100000");
    let mut client = service.fanout.join();
    // Each after the one before: the loop turns, with signs of life that go nowhere.
    for frame in 0..200 {
        service.feed.send(1);
        client.expect(frame..frame + 1);
    }
    let texts = service.manager.wait_for(&service.connected("1 client"));
    assert!(has_line(&texts[0], "READY=1"), "{texts:#?}");
    assert!(has_line(&texts[0], "WATCHDOG=1"), "{texts:#?}");
}

#[test]
fn a_manager_that_is_not_there_is_one_warning() {
    for name in ["/nonexistent/notify", "notify", "@", ""] {
        let upstream = Upstream::bind();
        let mut fanout = Launch::new(&arguments(&upstream, ""))
            .env("NOTIFY_SOCKET", name)
            .env("WATCHDOG_USEC", "50000")
            .start();
        let mut feed = upstream.accept();
        let mut client = fanout.join();
        for frame in 0..100 {
            feed.send(1);
            client.expect(frame..frame + 1);
        }
        // Time for more signs of life that go nowhere.
        client.expect_silence(Duration::from_millis(300));
        drop(client);
        assert_eq!(fanout.terminate(), 0);
        let lines = fanout.lines().wait_for_end();
        let warnings = lines.iter().filter(|line| line.contains("service manager"));
        assert_eq!(
            warnings.count(),
            usize::from(!name.is_empty()),
            "{lines:#?}"
        );
    }
}
