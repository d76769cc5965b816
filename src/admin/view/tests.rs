//! The keys and values of the JSON, word for word.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::*;
use crate::admin::limits::ANSWER_BYTES;
use crate::admin::query::LIMITS;
use crate::relay::departure::Reason;
use crate::relay::limits::DEPARTURES_KEPT;
use crate::relay::listing::{ClientState, Sort};

const UNIX: &str = "unix:/run/\"fan\"out.sock";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn no_answer_is_longer_than_was_promised() {
    // As long as the path of a unix socket can be.
    let path = format!("unix:{}", "x".repeat(108));
    let client = ClientView {
        id: u64::MAX,
        policy: SlowPolicy::Disconnect,
        connected_seconds: Seconds(Duration::MAX),
        frames: u64::MAX,
        bytes: u64::MAX,
        lag_frames: u64::MAX,
        skipped: u64::MAX,
        ..client(&path, &path)
    };
    let clients = serde_json::to_vec(&vec![client; *LIMITS.end()]).unwrap();
    let failure = "e".repeat(100);
    let departure = DepartureView {
        id: u64::MAX,
        addr: Shown(&path),
        listener: Shown(&path),
        reason: Reason::UpstreamEnd,
        frames: u64::MAX,
        bytes: u64::MAX,
        skipped: u64::MAX,
        seconds: u64::MAX,
        ago_seconds: Seconds(Duration::MAX),
        error: Some(Shown(&failure)),
    };
    let departures = serde_json::to_vec(&vec![departure; DEPARTURES_KEPT]).unwrap();
    for rows in [clients, departures] {
        // With a head, and what stands around the rows.
        assert!(rows.len() + 1024 <= ANSWER_BYTES, "{}", rows.len());
    }
}

#[track_caller]
fn shown(view: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(view).unwrap()).unwrap()
}

fn client<'a>(addr: &'a dyn fmt::Display, listener: &'a dyn fmt::Display) -> ClientView<'a> {
    ClientView {
        id: 7,
        addr: Shown(addr),
        listener: Shown(listener),
        policy: SlowPolicy::Disconnect,
        connected_seconds: Seconds(Duration::from_millis(12_345)),
        frames: 1200,
        bytes: 1_228_800,
        lag_frames: 3,
        skipped: 0,
        state: ClientState::Lagging,
    }
}

fn client_keys(addr: &str, listener: &str) -> Value {
    json!({
        "id": 7, "addr": addr, "listener": listener, "policy": "disconnect",
        "connected_seconds": 12.345, "frames": 1200, "bytes": 1_228_800, "lag_frames": 3, "skipped": 0,
        "state": "lagging",
    })
}

fn departure<'a>(addr: &'a dyn fmt::Display, error: Option<Shown<'a>>) -> DepartureView<'a> {
    DepartureView {
        id: 7,
        addr: Shown(addr),
        listener: Shown(&UNIX),
        reason: Reason::UpstreamEnd,
        frames: 10,
        bytes: 10_240,
        skipped: 0,
        seconds: 12,
        ago_seconds: Seconds(Duration::from_millis(3200)),
        error,
    }
}

fn departure_keys(addr: &str, error: &Value) -> Value {
    json!({
        "id": 7, "addr": addr, "listener": UNIX, "reason": "upstream-end", "frames": 10, "bytes": 10_240,
        "skipped": 0, "seconds": 12, "ago_seconds": 3.2, "error": error,
    })
}

fn upstream<'a>(addr: &'a dyn fmt::Display, target: &'a dyn fmt::Display) -> UpstreamView<'a> {
    UpstreamView {
        state: Stage::Connected,
        addr: Some(Shown(addr)),
        targets: vec![Shown(target), Shown(addr)],
        stale: false,
        held: true,
        last_frame_age_seconds: Some(Seconds(Duration::from_millis(100))),
        connected_seconds: Some(Seconds(Duration::from_millis(12_100))),
        retry_in_seconds: None,
        frames: 1,
        bytes: 2,
        discarded_bytes: 3,
        held_seconds: Seconds(Duration::ZERO),
        connects: Connects([1, 2, 3, 4, 5]),
    }
}

fn status<'a>(tcp: &'a dyn fmt::Display, server: &'a dyn fmt::Display) -> StatusView<'a> {
    StatusView {
        version: "0.1.0",
        uptime_seconds: Seconds(Duration::from_millis(12_300)),
        started_at: 1_790_000_000,
        state: ServerState::Serving,
        readiness: Readiness { obstacle: None },
        frame_size: 1024,
        backlog_frames: 16_384,
        upstream: upstream(server, &"a.example:1234"),
        listeners: vec![ListenerView {
            addr: Shown(tcp),
            slow: SlowPolicy::Skip,
            replay: 9,
        }],
        clients: ClientCounts {
            connected: 3,
            lagging: 1,
            most: 19_968,
            accepted: 4,
            lag_frames_max: 17,
            refused: Refused([1, 2, 3, 4]),
            departed: Departed([1, 2, 3, 4, 5, 6, 7]),
        },
        delivered: Delivered {
            frames: 1,
            bytes: 2,
            skipped: 3,
            abandoned: 4,
        },
        turns: 1234,
        history: HistoryView {
            interval_seconds: 1,
            frames: vec![1, 2],
            delivered: vec![3, 4],
            clients: vec![5, 6],
        },
        laggards: vec![client(tcp, &UNIX)],
        departed: vec![departure(&UNIX, None)],
    }
}

#[test]
fn the_clients_have_the_keys_agreed_on() {
    let (tcp, listener) = (addr("127.0.0.1:50312"), addr("127.0.0.1:1235"));
    let view = ClientsView {
        total: 123,
        sort: Sort::Lag,
        offset: 0,
        limit: 100,
        clients: vec![client(&tcp, &listener), client(&UNIX, &UNIX)],
    };
    let expected = json!({
        "total": 123, "sort": "lag", "offset": 0, "limit": 100,
        "clients": [client_keys("127.0.0.1:50312", "127.0.0.1:1235"), client_keys(UNIX, UNIX)],
    });
    assert_eq!(shown(&view), expected);
}

#[test]
fn the_departures_have_the_keys_agreed_on() {
    let tcp = addr("[::1]:50312");
    let error = io::Error::other("out of\norder");
    let view = DeparturesView {
        total: 5,
        kept: 1000,
        departed: vec![departure(&tcp, None), departure(&tcp, Some(Shown(&error)))],
    };
    let expected = json!({
        "total": 5, "kept": 1000,
        "departed": [
            departure_keys("[::1]:50312", &Value::Null),
            departure_keys("[::1]:50312", &json!("out of\norder")),
        ],
    });
    assert_eq!(shown(&view), expected);
}

#[test]
fn the_status_has_the_keys_agreed_on() {
    let (tcp, server) = (addr("127.0.0.1:1235"), addr("127.0.0.1:1234"));
    let view = status(&tcp, &server);
    let expected = json!({
        "version": "0.1.0", "uptime_seconds": 12.3, "started_at": 1_790_000_000, "state": "serving",
        "ready": true, "reason": null, "frame_size": 1024, "backlog_frames": 16_384,
        "upstream": {
            "state": "connected", "addr": "127.0.0.1:1234", "targets": ["a.example:1234", "127.0.0.1:1234"],
            "stale": false, "held": true, "last_frame_age_seconds": 0.1, "connected_seconds": 12.1,
            "retry_in_seconds": null, "frames": 1, "bytes": 2, "discarded_bytes": 3, "held_seconds": 0.0,
            "connects": {"ok": 1, "refused": 2, "timeout": 3, "error": 4, "self": 5},
        },
        "listeners": [{"addr": "127.0.0.1:1235", "slow": "skip", "replay": 9}],
        "clients": {
            "connected": 3, "lagging": 1, "most": 19_968, "accepted": 4, "lag_frames_max": 17,
            "refused": {"max-clients": 1, "per-ip": 2, "not-allowed": 3, "descriptors": 4},
            "departed": {
                "closed": 1, "error": 2, "slow": 3, "stalled": 4, "flood": 5, "drain": 6, "upstream-end": 7,
            },
        },
        "delivered": {"frames": 1, "bytes": 2, "skipped": 3, "abandoned": 4},
        "turns": 1234,
        "history": {"interval_seconds": 1, "frames": [1, 2], "delivered": [3, 4], "clients": [5, 6]},
        "laggards": [client_keys("127.0.0.1:1235", UNIX)],
        "departed": [departure_keys(UNIX, &Value::Null)],
    });
    assert_eq!(shown(&view), expected);
}

#[test]
fn who_is_not_ready_says_why() {
    let obstacle = Some("the upstream has completed no frame yet");
    let expected = json!({"ready": false, "reason": obstacle});
    assert_eq!(shown(&Readiness { obstacle }), expected);
}

#[test]
fn states_are_shown_by_the_words_agreed_on() {
    use ClientState::{CaughtUp, Draining, Finishing, Lagging, Sending};
    use Stage::{Connected, Connecting, Ended, Resolving, Waiting};
    let listed = [CaughtUp, Sending, Lagging, Draining, Finishing].map(|state| {
        let mut view = client(&UNIX, &UNIX);
        view.state = state;
        shown(&view)["state"].clone()
    });
    assert_eq!(
        listed,
        ["caught-up", "sending", "lagging", "draining", "finishing"]
    );
    assert_eq!(
        json!([Connected, Connecting, Resolving, Waiting, Ended].map(|stage| stage.to_string())),
        json!(["connected", "connecting", "resolving", "waiting", "ended"])
    );
    assert_eq!(
        shown(&[ServerState::Serving, ServerState::Draining]),
        json!(["serving", "draining"])
    );
}

#[test]
fn seconds_are_rounded_to_the_microsecond_and_have_no_digits_beyond() {
    let text =
        |nanoseconds| serde_json::to_string(&Seconds(Duration::from_nanos(nanoseconds))).unwrap();
    assert_eq!(text(0), "0.0");
    assert_eq!(text(499), "0.0");
    assert_eq!(text(1_000_500), "0.001001");
    assert_eq!(text(12_345_678_499), "12.345678");
    assert_eq!(text(1_999_999_999), "2.0");
    for step in 0..100_000 {
        let shown = text(step * 1_234_567_891_234);
        let digits = shown.split_once('.').map_or(0, |(_, digits)| digits.len());
        assert!((1..=6).contains(&digits), "{shown}");
    }
    let longest = serde_json::to_value(Seconds(Duration::MAX)).unwrap();
    assert!(longest.as_f64().is_some_and(|seconds| seconds > 1.8e19));
}
