//! Who is connected: in which order, how many at a time, and what is told of each.

use serde_json::{Value, json};

use crate::harness::{Reader, all_expect};
use crate::watched::{Watched, wait_until};

const CLIENTS: u64 = 5;

/// Five clients, each of which joined after the one before had been given two frames more; the third reads nothing.
fn five(watched: &mut Watched) -> Vec<Reader> {
    let mut clients: Vec<Reader> = Vec::new();
    for place in 0..CLIENTS {
        let client = if place == 2 {
            watched.scene.fanout.join_small()
        } else {
            watched.scene.fanout.join()
        };
        clients.push(client);
        watched.scene.feed.send(2);
        let sequences = place * 2..place * 2 + 2;
        for client in clients
            .iter_mut()
            .enumerate()
            .filter(|(place, _)| *place != 2)
        {
            client.1.expect(sequences.clone());
        }
    }
    let most = CLIENTS * 2;
    watched.scene.feed.send(300);
    let mut others: Vec<_> = clients.extract_if(2..3, |_| true).collect();
    all_expect(&mut clients, most..most + 300);
    clients.insert(2, others.remove(0));
    clients
}

#[track_caller]
fn column(page: &Value, key: &str) -> Vec<Value> {
    let rows = page["clients"].as_array().expect("a list");
    rows.iter().map(|row| row[key].clone()).collect()
}

#[test]
fn each_client_is_listed_with_what_it_has_had() {
    let mut watched = Watched::set("--unsent-limit 16KiB");
    let clients = five(&mut watched);
    let page = watched.json("/clients.json?sort=id");
    let head = ["total", "sort", "offset", "limit"].map(|key| page[key].clone());
    assert_eq!(head, [json!(5), json!("id"), json!(0), json!(100)]);
    let addrs: Vec<_> = clients
        .iter()
        .map(|client| json!(client.addr().to_string()))
        .collect();
    assert_eq!(column(&page, "addr"), addrs);
    let listener = json!(watched.scene.fanout.addr().to_string());
    for (client, row) in clients
        .iter()
        .zip(page["clients"].as_array().expect("a list"))
    {
        assert_eq!(
            (&row["listener"], &row["policy"]),
            (&listener, &json!("disconnect"))
        );
        assert_eq!(row["skipped"], 0);
        assert!(
            row["connected_seconds"]
                .as_f64()
                .is_some_and(|seconds| seconds > 0.0),
            "{row}"
        );
        if client.frames() > 0 {
            assert_eq!(row["frames"], client.frames(), "{row}");
            assert_eq!(row["bytes"], client.frames() * 1024, "{row}");
            assert_eq!(
                (&row["lag_frames"], &row["state"]),
                (&json!(0), &json!("caught-up"))
            );
        } else {
            let given = row["frames"].as_u64().expect("a count");
            // It joined when four frames had gone by.
            assert_eq!(row["lag_frames"], CLIENTS * 2 + 300 - 4 - given, "{row}");
            assert_eq!(row["state"], "lagging");
        }
    }
}

#[test]
fn a_listing_is_in_the_order_asked_for() {
    let mut watched = Watched::set("--unsent-limit 16KiB");
    let clients = five(&mut watched);
    let addr = |place: usize| json!(clients[place].addr().to_string());
    let in_order = |sort: &str| {
        let page = watched.json(&format!("/clients.json?sort={sort}"));
        assert_eq!(page["sort"], sort);
        column(&page, "addr")
    };
    let as_they_came = [0, 1, 2, 3, 4].map(addr);
    let by_frames = [0, 1, 3, 4, 2].map(addr);
    assert_eq!(in_order("id"), as_they_came);
    assert_eq!(in_order("connected"), as_they_came);
    assert_eq!(in_order("frames"), by_frames);
    assert_eq!(in_order("bytes"), by_frames);
    assert_eq!(
        in_order("lag"),
        [2, 0, 1, 3, 4].map(addr),
        "among equals, who came first is first"
    );
    assert_eq!(
        column(&watched.json("/clients.json"), "addr"),
        in_order("lag")
    );
}

#[test]
fn pages_put_together_are_the_whole() {
    let watched = Watched::set("");
    let _clients = watched.scene.fanout.join_many(30);
    let whole = column(&watched.json("/clients.json?sort=id"), "id");
    assert_eq!(whole.len(), 30);
    for limit in [1, 7, 29, 30, 1000] {
        let mut together = Vec::new();
        while together.len() < 30 {
            let offset = together.len();
            let page = watched.json(&format!(
                "/clients.json?sort=id&limit={limit}&offset={offset}"
            ));
            let head = ["total", "limit", "offset"].map(|key| page[key].clone());
            assert_eq!(head, [json!(30), json!(limit), json!(offset)]);
            let ids = column(&page, "id");
            assert_eq!(ids.len(), limit.min(30 - offset));
            together.extend(ids);
        }
        assert_eq!(together, whole, "{limit} at a time");
    }
    for offset in ["30", "31", "18446744073709551615"] {
        let page = watched.json(&format!("/clients.json?sort=id&offset={offset}"));
        assert_eq!(
            (&page["total"], &page["clients"]),
            (&json!(30), &json!([])),
            "{offset}"
        );
    }
}

#[test]
fn a_hundred_are_listed_unless_told_otherwise() {
    let watched = Watched::set("");
    let _clients = watched.scene.fanout.join_many(120);
    for (query, count) in [
        ("", 100),
        ("?", 100),
        ("?limit=120", 120),
        ("?limit=1000", 120),
        ("?offset=50", 70),
    ] {
        let page = watched.json(&format!("/clients.json{query}"));
        assert_eq!(page["total"], 120);
        assert_eq!(column(&page, "id").len(), count, "{query}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_named_in_one_line() {
    let watched = Watched::set("");
    for (query, named) in [
        ("sort=age", "age"),
        ("sort=", "sort"),
        ("sort=Lag", "Lag"),
        ("limit=0", "limit"),
        ("limit=1001", "1001"),
        ("limit=-1", "-1"),
        ("limit=ten", "ten"),
        ("limit=1.5", "1.5"),
        ("offset=-1", "-1"),
        ("offset=18446744073709551616", "18446744073709551616"),
        ("limit=1&limit=1", "twice"),
        ("page=1", "page"),
        ("sort%00=lag", "key"),
        ("sort=%0d%0aSet-Cookie:%20a=b", "Set-Cookie"),
    ] {
        let answer = watched.get(&format!("/clients.json?{query}"));
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert_eq!(answer.body.lines().count(), 1, "{query}: {answer:?}");
        assert!(answer.body.contains(named), "{query}: {answer:?}");
        assert_eq!(answer.header("Set-Cookie"), None, "{query}");
    }
}

#[test]
fn who_leaves_is_not_listed_any_more() {
    let watched = Watched::set("");
    let mut clients = watched.scene.fanout.join_many(3);
    let gone = clients.remove(1).reset();
    let page = wait_until("two clients", || {
        let page = watched.json("/clients.json?sort=id");
        if page["total"] == 2 {
            Ok(page)
        } else {
            Err(page.to_string())
        }
    });
    let addrs: Vec<_> = clients
        .iter()
        .map(|client| json!(client.addr().to_string()))
        .collect();
    assert_eq!(column(&page, "addr"), addrs);
    let left = watched.json("/departed.json");
    assert_eq!(left["departed"][0]["addr"], gone.to_string());
}
