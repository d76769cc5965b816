//! Made-up days: a busy one, an extreme one, and one on which nothing works yet.

use serde_json::{Value, json};

use crate::status::{client, departure, set, with};

/// A working day: a thousand clients, an upstream that was away for a moment. The pictures show it.
pub(crate) fn busy() -> Value {
    let seconds = || (0..300).map(f64::from);
    let frames: Vec<f64> = seconds().map(frames_in).collect();
    let clients: Vec<f64> = seconds().map(clients_at).collect();
    let delivered: Vec<f64> = frames.iter().zip(&clients).map(|(a, b)| a * b).collect();
    let departures = json!({
        "closed": 481, "error": 3, "slow": 14, "stalled": 8, "flood": 0, "drain": 0, "upstream-end": 0,
    });
    let refusals = json!({ "max-clients": 0, "per-ip": 6, "not-allowed": 2, "descriptors": 0 });
    let listeners = json!([
        { "addr": "0.0.0.0:1235", "slow": "disconnect", "replay": 0 },
        { "addr": "[::]:1236", "slow": "skip", "replay": 64 },
        { "addr": "unix:/run/fanout/frames.sock", "slow": "wait", "replay": 0 },
    ]);
    with([
        ("/upstream/connects/ok", json!(2)),
        ("/upstream/connects/refused", json!(4)),
        ("/upstream/connected_seconds", json!(191.3)),
        ("/upstream/discarded_bytes", json!(512)),
        ("/clients/connected", json!(1236)),
        ("/clients/accepted", json!(1742)),
        ("/clients/lagging", json!(LAGGARDS.len())),
        ("/clients/lag_frames_max", json!(LAGGARDS[0].1)),
        ("/clients/departed", departures),
        ("/clients/refused", refusals),
        ("/delivered/frames", json!(13_947_204_881_u64)),
        ("/delivered/bytes", json!(14_281_937_798_144_u64)),
        ("/delivered/skipped", json!(52_310)),
        ("/history/frames", json!(frames)),
        ("/history/clients", json!(clients)),
        ("/history/delivered", json!(delivered)),
        ("/laggards", LAGGARDS.iter().map(laggard).collect()),
        ("/departed", DEPARTURES.iter().map(gone).collect()),
        ("/listeners", listeners),
    ])
}

fn frames_in(second: f64) -> f64 {
    if (98.0..109.0).contains(&second) {
        return 0.0;
    }
    let swell = (second / 37.0).sin() + (second / 11.0).sin() / 3.0;
    let noise = (second * 7919.0 % 101.0) / 101.0 - 0.5;
    (960.0 + 90.0 * swell + 60.0 * noise).round()
}

fn clients_at(second: f64) -> f64 {
    let joined = 1236.0 - 320.0 * (-second / 80.0).exp();
    (joined + 9.0 * (second / 9.0).sin()).round()
}

fn laggard((id, lag_frames, policy, seconds): &(u64, u64, &str, u64)) -> Value {
    let addr = format!("10.20.{}.{}:{}", id % 7, id % 251, 32_768 + id * 17);
    let mut laggard = client(*id, &addr, *lag_frames);
    let is_skipped = *policy == "skip";
    let listener = if is_skipped {
        "[::]:1236"
    } else {
        "0.0.0.0:1235"
    };
    set(&mut laggard, "/policy", *policy);
    set(&mut laggard, "/listener", listener);
    set(&mut laggard, "/connected_seconds", *seconds);
    set(&mut laggard, "/frames", seconds * 998);
    set(
        &mut laggard,
        "/skipped",
        if is_skipped { 17_411 } else { 0 },
    );
    laggard
}

fn gone((id, reason, seconds, ago): &(u64, &str, u64, f64)) -> Value {
    let addr = format!("10.20.{}.{}:{}", id % 5, id % 241, 32_768 + id * 13);
    let mut gone = departure(*id, &addr, reason);
    set(&mut gone, "/listener", "0.0.0.0:1235");
    set(&mut gone, "/seconds", *seconds);
    set(&mut gone, "/frames", seconds * 997);
    set(&mut gone, "/ago_seconds", *ago);
    if *reason == "error" {
        set(&mut gone, "/error", "No route to host (os error 113)");
    }
    gone
}

/// As full as it can be: twenty clients with the longest of addresses, the largest of numbers.
pub(crate) fn extreme() -> Value {
    let addr = "[2001:0db8:85a3:08d3:1319:8a2e:0370:7344%enp0s31f6]:65535";
    let path = format!("unix:/run/{}/frames.sock", "averylongname".repeat(7));
    let mut laggard = client(u64::MAX, addr, u64::MAX);
    let mut gone = departure(u64::MAX, &path, "upstream-end");
    for (object, places) in [
        (&mut laggard, &["/frames", "/bytes", "/skipped"] as &[_]),
        (&mut gone, &["/frames", "/bytes", "/skipped"]),
    ] {
        set(object, "/listener", path.as_str());
        for place in places {
            set(object, place, u64::MAX);
        }
    }
    set(&mut laggard, "/connected_seconds", 1e9);
    set(&mut gone, "/error", "error ".repeat(60));
    with([
        ("/upstream/addr", json!(addr)),
        ("/upstream/frames", json!(u64::MAX)),
        ("/upstream/bytes", json!(u64::MAX)),
        ("/delivered/frames", json!(u64::MAX)),
        ("/delivered/skipped", json!(999_999_999)),
        ("/clients/departed/upstream-end", json!(999_999_999)),
        ("/clients/refused/descriptors", json!(999_999_999)),
        ("/clients/lag_frames_max", json!(u64::MAX)),
        ("/uptime_seconds", json!(1e9)),
        ("/turns", json!(18_446_744_073_u64)),
        ("/history/frames", json!([u64::MAX, 0, u64::MAX])),
        ("/listeners/0/addr", json!(path)),
        ("/laggards", json!(vec![laggard; 20])),
        ("/departed", json!(vec![gone; 10])),
    ])
}

/// Nobody there, the upstream neither.
pub(crate) fn empty() -> Value {
    with([
        ("/ready", json!(false)),
        ("/reason", json!("the upstream has completed no frame yet")),
        ("/upstream/state", json!("waiting")),
        ("/upstream/addr", Value::Null),
        ("/upstream/retry_in_seconds", json!(3.4)),
        ("/upstream/connected_seconds", Value::Null),
        ("/upstream/last_frame_age_seconds", Value::Null),
        ("/clients/connected", json!(0)),
        ("/clients/lagging", json!(0)),
        ("/clients/lag_frames_max", json!(0)),
        ("/history/frames", json!([])),
        ("/history/delivered", json!([])),
        ("/history/clients", json!(vec![0; 60])),
        ("/laggards", json!([])),
        ("/departed", json!([])),
    ])
}

/// Id, lag in frames, policy, connected seconds.
const LAGGARDS: &[(u64, u64, &str, u64)] = &[
    (412, 14_208, "disconnect", 9_714),
    (1207, 9_120, "skip", 2_371),
    (1388, 4_417, "disconnect", 1_022),
    (87, 1_902, "disconnect", 11_340),
    (1661, 311, "skip", 95),
    (703, 64, "disconnect", 5_820),
    (1702, 17, "disconnect", 41),
    (998, 3, "disconnect", 3_604),
];

/// Id, reason, seconds connected, seconds since it left.
const DEPARTURES: &[(u64, &str, u64, f64)] = &[
    (1519, "slow", 604, 12.4),
    (1733, "closed", 3, 40.2),
    (240, "closed", 10_977, 51.8),
    (1101, "stalled", 1_466, 96.1),
    (1630, "closed", 88, 171.0),
    (377, "error", 7_213, 240.5),
    (1590, "closed", 31, 355.9),
];
