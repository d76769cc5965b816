//! The states that fanout can be in, and what the page makes of each.

use serde_json::{Value, json};

use crate::shown::opened;
use crate::status::{set, usual, with};

#[test]
fn each_state_has_words_a_sign_and_a_title() {
    let Some((browser, fake)) = opened(usual()) else {
        return;
    };
    let mut signs = Vec::new();
    for (changes, words, detail, title) in states() {
        let mut status = usual();
        for (place, value) in changes.as_object().expect("it is written as one") {
            set(&mut status, place, value.clone());
        }
        fake.says(status);
        browser.wait_for("#verdict", words);
        let seen = browser.text("#detail");
        assert!(seen.contains(detail), "{words}: {seen}");
        browser.wait_for_title(title);
        signs.push(browser.text("#sign"));
    }
    assert!(
        !signs.contains(&"●".to_owned()),
        "a fault looks like none: {signs:?}"
    );
}

#[test]
fn an_upstream_that_is_held_for_moments_is_connected_as_ever() {
    let held = json!({ "/upstream/held": true, "/upstream/held_seconds": 4.5 });
    let mut status = usual();
    for (place, value) in held.as_object().expect("it is written as one") {
        set(&mut status, place, value.clone());
    }
    let Some((browser, _fake)) = opened(status) else {
        return;
    };
    browser.wait_for("#detail", "held for 4.5 s in all");
    assert_eq!(browser.text("#verdict"), "Connected");
}

#[test]
fn who_is_not_ready_says_why() {
    let reason = "the upstream has completed no frame yet";
    let changes = [("/ready", json!(false)), ("/reason", json!(reason))];
    let Some((browser, _fake)) = opened(with(changes)) else {
        return;
    };
    browser.wait_for("#readiness", &format!("✕ not ready: {reason}"));
}

#[test]
fn an_empty_house_says_what_to_type() {
    let nobody = |addr: &str| {
        with([
            ("/clients/connected", json!(0)),
            ("/laggards", json!([])),
            ("/departed", json!([])),
            ("/listeners/0/addr", json!(addr)),
        ])
    };
    let Some((browser, fake)) = opened(nobody("127.0.0.1:1235")) else {
        return;
    };
    for (addr, command) in [
        ("127.0.0.1:1235", "nc 127.0.0.1 1235"),
        ("[::1]:1236", "nc ::1 1236"),
        ("0.0.0.0:1237", "nc 127.0.0.1 1237"),
        ("[::]:1238", "nc 127.0.0.1 1238"),
        ("unix:/run/fanout.sock", "nc -U /run/fanout.sock"),
    ] {
        fake.says(nobody(addr));
        browser.wait_for("#empty-command", command);
    }
    assert_eq!(browser.text("#departed-empty"), "Nobody has left.");
    fake.says(usual());
    browser.wait_for_fact("document.querySelector('#empty').hidden");
}

/// What to change for a state; words of the page, a detail and a title for it.
fn states() -> [(Value, &'static str, &'static str, &'static str); 8] {
    let gone = |state: &str| {
        let mut changes = json!({ "/upstream/addr": null, "/upstream/connected_seconds": null });
        changes["/upstream/state"] = json!(state);
        changes
    };
    let mut waiting = gone("waiting");
    waiting["/upstream/retry_in_seconds"] = json!(3.25);
    let stale = json!({ "/upstream/stale": true, "/upstream/last_frame_age_seconds": 75.5 });
    let held = json!({
        "/upstream/held": true, "/upstream/held_seconds": 4.5, "/upstream/last_frame_age_seconds": 1.5,
    });
    let new = json!({ "/ready": false, "/upstream/last_frame_age_seconds": null });
    let draining = json!({ "/state": "draining" });
    let (addr, age) = ("127.0.0.1:1234", "last frame 1 min 15 s ago");
    [
        (waiting, "Waiting", "next try in 3.3 s", "○ waiting"),
        (gone("connecting"), "Connecting", addr, "○ connecting"),
        (gone("resolving"), "Looking up", addr, "○ resolving"),
        (gone("ended"), "The upstream has ended", addr, "■ ended"),
        (stale, "Stale", age, "◐ stale"),
        (held, "Held", "held for 4.5 s in all", "◫ held"),
        (new, "Connected, no frame yet", addr, "◐ no frame yet"),
        (draining, "Draining", addr, "◌ draining"),
    ]
}
