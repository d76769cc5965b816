//! Made-up answers to the page's question, with every key that the program's has.

use serde_json::{Value, json};

/// All is well: 1,000 frames a second for two clients, one of which lags a little.
pub(crate) fn usual() -> Value {
    let seconds = 240;
    json!({
        "version": "0.1.0", "uptime_seconds": 11_520.5, "started_at": 1_790_000_000, "state": "serving",
        "ready": true, "reason": null, "frame_size": 1024, "backlog_frames": 16384,
        "upstream": {
            "state": "connected", "addr": "127.0.0.1:1234", "targets": ["127.0.0.1:1234"],
            "stale": false, "held": false, "last_frame_age_seconds": 0.004, "connected_seconds": 11_519.1,
            "retry_in_seconds": null, "frames": 11_519_104, "bytes": 11_795_562_496_u64, "discarded_bytes": 0,
            "held_seconds": 0.0,
            "connects": { "ok": 1, "refused": 0, "timeout": 0, "error": 0, "self": 0 },
        },
        "listeners": [{ "addr": "127.0.0.1:1235", "slow": "disconnect", "replay": 0 }],
        "clients": {
            "connected": 2, "lagging": 1, "most": 19968, "accepted": 5, "lag_frames_max": 17,
            "refused": { "max-clients": 0, "per-ip": 0, "not-allowed": 0, "descriptors": 0 },
            "departed": {
                "closed": 2, "error": 0, "slow": 1, "stalled": 0, "flood": 0, "drain": 0, "upstream-end": 0,
            },
        },
        "delivered": { "frames": 23_038_191, "bytes": 23_591_107_584_u64, "skipped": 0, "abandoned": 16402 },
        "turns": 9_876_543,
        "history": {
            "interval_seconds": 1,
            "frames": vec![1000; seconds], "delivered": vec![2000; seconds], "clients": vec![2; seconds],
        },
        "laggards": [client(7, "127.0.0.1:50312", 17)],
        "departed": [departure(5, "127.0.0.1:50288", "slow"), departure(3, "127.0.0.1:50102", "closed")],
    })
}

/// A client that lags by so many frames.
pub(crate) fn client(id: u64, addr: &str, lag_frames: u64) -> Value {
    json!({
        "id": id, "addr": addr, "listener": "127.0.0.1:1235", "policy": "disconnect", "connected_seconds": 754.25,
        "frames": 754_000, "bytes": 772_096_000, "lag_frames": lag_frames, "skipped": 0, "state": "lagging",
    })
}

/// A client that left.
pub(crate) fn departure(id: u64, addr: &str, reason: &str) -> Value {
    json!({
        "id": id, "addr": addr, "listener": "127.0.0.1:1235", "reason": reason, "frames": 31_000,
        "bytes": 31_744_000, "skipped": 0, "seconds": 31, "ago_seconds": 95.5, "error": null,
    })
}

/// Another value at one place, which is given as a JSON pointer.
#[track_caller]
pub(crate) fn set(status: &mut Value, place: &str, value: impl Into<Value>) {
    *status
        .pointer_mut(place)
        .unwrap_or_else(|| panic!("a status has no {place}")) = value.into();
}

/// The usual one, with other values at some places.
#[track_caller]
pub(crate) fn with<const COUNT: usize>(changes: [(&str, Value); COUNT]) -> Value {
    let mut status = usual();
    for (place, value) in changes {
        set(&mut status, place, value);
    }
    status
}
