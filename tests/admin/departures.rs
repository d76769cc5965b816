//! Who has left and who was never let in: each reason in each account.

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::figures::Figures;
use crate::harness::{Fanout, Reader, Upstream, all_expect, all_reset};
use crate::watched::{ADMIN, DEPARTED, Watched, admin_of, wait_for, wait_until};

const REFUSED: &str = "fanout_clients_refused_total";

#[track_caller]
fn column(left: &Value, key: &str) -> Vec<Value> {
    let rows = left["departed"].as_array().expect("a list");
    rows.iter().map(|row| row[key].clone()).collect()
}

#[track_caller]
fn assert_counts(figures: &Figures, family: &str, expected: &[(&str, u64)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(word, count)| ((*word).to_owned(), *count))
        .collect();
    assert_eq!(figures.by_label(family), expected, "{family}");
}

/// A client that leaves, and nobody else until that is known.
#[track_caller]
fn come_and_go(watched: &Watched, gone_before: u64) -> Value {
    let client = Reader::connect(watched.scene.fanout.addr(), 1024);
    watched.wait_for("fanout_clients_accepted_total", gone_before + 1);
    let addr = client.reset();
    watched.wait_for(&format!("{DEPARTED}{{reason=\"closed\"}}"), gone_before + 1);
    json!(addr.to_string())
}

#[test]
fn the_last_thousand_who_left_are_remembered_the_newest_first() {
    const CROWD: u64 = 1_000;
    let watched = Watched::set("");
    let first: Vec<_> = (0..2).map(|gone| come_and_go(&watched, gone)).collect();
    for lot in 0..10 {
        let clients = watched.scene.fanout.join_many(CROWD / 10);
        all_reset(clients);
        let gone = 2 + (lot + 1) * CROWD / 10;
        watched.wait_for(&format!("{DEPARTED}{{reason=\"closed\"}}"), gone);
    }
    let last: Vec<_> = (CROWD + 2..CROWD + 5)
        .map(|gone| come_and_go(&watched, gone))
        .collect();
    let left = watched.json("/departed.json");
    assert_eq!(
        (&left["total"], &left["kept"]),
        (&json!(1005), &json!(1000))
    );
    let addrs = column(&left, "addr");
    assert_eq!(addrs.len(), 1_000);
    assert!(
        addrs.iter().take(3).eq(last.iter().rev()),
        "{:?}",
        &addrs[..3]
    );
    let mut ids: Vec<_> = column(&left, "id")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!(ids[..3], [1005, 1004, 1003]);
    // Those who left in one turn are in no order; the first five are forgotten, and nobody is there twice.
    ids[3..]
        .chunks_mut(100)
        .for_each(|lot| lot.sort_unstable_by(|one, other| other.cmp(one)));
    assert!(ids.iter().copied().eq((6..=1005).rev()), "{ids:?}");
    let ages: Vec<_> = column(&left, "ago_seconds")
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert!(ages.len() == 1_000 && ages.is_sorted(), "{ages:?}");
    assert!(
        column(&left, "reason")
            .iter()
            .all(|reason| reason == "closed")
    );
    assert!(!addrs.contains(&first[0]) || first[0] != first[1]);
    // The page shows the same, fewer of them.
    let status = watched.json("/status.json");
    let shown = column(&status, "addr");
    assert_eq!(shown[..], addrs[..shown.len()]);
}

#[test]
fn whoever_is_not_let_in_is_counted_by_the_reason() {
    let watched = Watched::set("--max-clients-per-ip 1 --allow 127.0.0.1/32");
    let to = watched.scene.fanout.addr();
    let _welcome = watched.scene.fanout.join();
    for _ in 0..3 {
        Reader::knock(to).expect_reset();
    }
    watched.wait_for(&format!("{REFUSED}{{reason=\"per-ip\"}}"), 3);
    for host in 2..4 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let own = std::net::SocketAddr::from(([127, 0, 0, host], 0));
        socket
            .bind(&own.into())
            .expect("loopback has these addresses");
        // The reset may come before the connect has returned.
        let _ = socket.connect(&to.into());
    }
    let figures = watched.wait_for(&format!("{REFUSED}{{reason=\"not-allowed\"}}"), 2);
    assert_counts(&figures, REFUSED, &[("not-allowed", 2), ("per-ip", 3)]);
    assert_eq!(figures.count("fanout_clients_accepted_total"), 1);
    assert_counts(&figures, DEPARTED, &[]);
}

#[test]
fn a_client_whose_kernel_takes_nothing_left_as_stalled() {
    let mut watched = Watched::set("--stall-timeout 1s --unsent-limit 16KiB");
    let mut witness = watched.scene.fanout.join();
    let stalled = watched.scene.fanout.join_small();
    watched.scene.step(&mut witness, 300);
    let figures = watched.wait_for(&format!("{DEPARTED}{{reason=\"stalled\"}}"), 1);
    assert_counts(&figures, DEPARTED, &[("stalled", 1)]);
    let left = watched.json("/departed.json")["departed"][0].clone();
    assert_eq!(left["addr"], stalled.addr().to_string());
    assert_eq!(
        (&left["reason"], &left["error"]),
        (&json!("stalled"), &Value::Null)
    );
    let frames = left["frames"].as_u64().expect("a count");
    let abandoned = watched.json("/status.json")["delivered"]["abandoned"].clone();
    assert_eq!(abandoned, 300 - frames);
}

/// One that does not take its backlog keeps the drain open, so that there is somebody left to ask.
#[test]
fn those_let_go_when_the_upstream_has_ended_are_counted_so() {
    let upstream = Upstream::bind();
    let options = format!(
        "{ADMIN} --no-reconnect --drain-timeout 60s --unsent-limit 16KiB --stall-timeout 0"
    );
    let fanout = Fanout::start(&upstream, &options);
    let admin = admin_of(&fanout);
    let mut feed = upstream.accept();
    let mut clients: Vec<_> = (0..3).map(|_| fanout.join()).collect();
    let mut slow = fanout.join_small();
    feed.send(300);
    all_expect(&mut clients, 0..300);
    drop(feed);
    for client in &mut clients {
        client.expect_fin();
    }
    all_reset(clients);
    let figures = wait_for(admin, &format!("{DEPARTED}{{reason=\"upstream-end\"}}"), 3);
    assert_counts(&figures, DEPARTED, &[("upstream-end", 3)]);
    assert_eq!(figures.count("fanout_upstream_connected"), 0);
    let state = wait_until("the one that is left", || {
        let page = crate::watched::json(admin, "/clients.json");
        let state = page["clients"][0]["state"].clone();
        if page["total"] == 1 {
            Ok(state)
        } else {
            Err(page.to_string())
        }
    });
    assert_eq!(state, "draining");
    slow.expect(0..300);
    slow.expect_fin();
}
