//! Every number against what a test has sent, read and done.

use serde_json::{Value, json};

use crate::books;
use crate::figures::Figures;
use crate::harness::Reader;
use crate::play::{BACKLOG, FRAME, Play, listener};
use crate::watched::{DEPARTED, json, number, wait_for, wait_until};

/// What the client that does not read was given, once the kernel and the program agree on it.
fn look_at_stalled(play: &Play, stalled: &Reader) -> Value {
    wait_until("the kernel's word for it", || {
        let client = json(play.admin, "/clients.json?sort=lag&limit=1")["clients"][0].clone();
        let taken = books::unread(play.fanout.addr(), stalled.addr());
        let is_known = client["bytes"] == taken;
        if is_known {
            Ok(client)
        } else {
            Err(format!("{taken} bytes: {client}"))
        }
    })
}

#[test]
fn every_number_is_what_was_sent_read_and_done() {
    const CUT: usize = 400;
    let mut play = Play::begin();
    play.readers = [0, 0, 0, 2].map(|place| play.join(place)).into();
    let (mut flood, mut gone) = (play.join(0), play.join(0));
    Reader::knock(listener(&play.fanout, 2)).expect_reset();
    play.step(100);
    for reader in [&mut flood, &mut gone] {
        reader.expect(0..100);
        play.account(reader);
    }
    flood.send_until_refused(&vec![0; (1 << 20) + 1]);
    flood.expect_reset();
    gone.reset();
    wait_for(play.admin, "fanout_clients", 4);
    let abandoned = play.throw_one_out();
    play.skip_one();
    let mut stalled = play.join_small(0);
    let joined = play.feed.next();
    play.step(150);
    let mut play = play.lose_upstream(CUT);
    play.step(20);
    let frames = play.feed.next();
    let readers = std::mem::take(&mut play.readers);
    for reader in &readers {
        play.account(reader);
    }
    let shown = look_at_stalled(&play, &stalled);
    let (given, bytes) = (number(&shown["frames"]), number(&shown["bytes"]));
    assert_eq!(given, bytes / FRAME, "{shown}");
    let lag = frames - joined - given;
    let seen = Seen {
        frames,
        bytes: frames * FRAME + CUT as u64,
        discarded: CUT as u64,
        delivered: (play.given.0 + given, play.given.1 + bytes),
        skipped: readers.iter().map(Reader::missing).sum(),
        abandoned,
        lag,
        published: play.published + frames - joined,
    };
    seen.check(&play);
    assert_eq!(shown["lag_frames"], lag, "{shown}");
    assert_eq!(shown["state"], "lagging", "{shown}");
    assert_eq!(shown["addr"], stalled.addr().to_string(), "{shown}");
    // It was no worse off for it.
    stalled.expect(joined..frames);
    wait_for(play.admin, "fanout_clients_lagging", 0);
    let figures = wait_for(play.admin, "fanout_client_lag_frames_max", 0);
    assert_eq!(
        figures.count("fanout_frames_delivered_total"),
        seen.delivered.0 + lag
    );
}

/// What the test has seen, of which the endpoint gives its own account.
struct Seen {
    frames: u64,
    bytes: u64,
    discarded: u64,
    /// Frames and bytes, over all clients.
    delivered: (u64, u64),
    skipped: u64,
    abandoned: u64,
    /// Of the one client that has a backlog.
    lag: u64,
    published: u64,
}

impl Seen {
    #[track_caller]
    fn check(&self, play: &Play) {
        assert_eq!(
            self.delivered.0 + self.skipped + self.abandoned + self.lag,
            self.published
        );
        self.check_metrics(&Figures::of(play.admin));
        self.check_status(&json(play.admin, "/status.json"));
        let clients = json(play.admin, "/clients.json?sort=id");
        assert_eq!(clients["total"], 6, "{clients}");
        let rows = clients["clients"].as_array().expect("a list");
        let sum = |key: &str| rows.iter().map(|row| number(&row[key])).sum::<u64>();
        let left = json(play.admin, "/departed.json");
        let rows = left["departed"].as_array().expect("a list");
        let sum_left = |key: &str| rows.iter().map(|row| number(&row[key])).sum::<u64>();
        assert_eq!(sum("frames") + sum_left("frames"), self.delivered.0);
        assert_eq!(sum("bytes") + sum_left("bytes"), self.delivered.1);
        assert_eq!(sum("skipped") + sum_left("skipped"), self.skipped);
        assert_eq!(sum("lag_frames"), self.lag);
        let reasons: Vec<_> = rows.iter().map(|row| row["reason"].clone()).collect();
        assert_eq!(reasons, ["slow", "closed", "flood"], "the newest first");
        assert_eq!((&left["total"], &left["kept"]), (&json!(3), &json!(1000)));
    }

    #[track_caller]
    fn check_metrics(&self, figures: &Figures) {
        for (series, value) in [
            ("fanout_upstream_connected", 1),
            ("fanout_upstream_frames_total", self.frames),
            ("fanout_upstream_bytes_total", self.bytes),
            ("fanout_upstream_discarded_bytes_total", self.discarded),
            ("fanout_frames_delivered_total", self.delivered.0),
            ("fanout_bytes_delivered_total", self.delivered.1),
            ("fanout_frames_skipped_total", self.skipped),
            ("fanout_clients", 6),
            ("fanout_clients_accepted_total", 9),
            ("fanout_clients_lagging", 1),
            ("fanout_client_lag_frames_max", self.lag),
            // Somebody was always ready for the next frame.
            ("fanout_delivery_seconds_count", self.frames),
        ] {
            assert_eq!(figures.count(series), value, "{series}");
        }
        for (family, counts) in [
            (
                "fanout_upstream_connects_total",
                &[("error", 1), ("ok", 2), ("refused", 1), ("timeout", 1)][..],
            ),
            (DEPARTED, &[("closed", 1), ("flood", 1), ("slow", 1)]),
            ("fanout_clients_refused_total", &[("max-clients", 1)]),
            ("fanout_accept_errors_total", &[]),
        ] {
            let expected: Vec<_> = counts
                .iter()
                .map(|(word, count)| ((*word).to_owned(), *count))
                .collect();
            assert_eq!(figures.by_label(family), expected, "{family}");
        }
        let turns = figures.histogram("fanout_turn_seconds");
        assert!(
            0 < turns.count && turns.count <= figures.count("fanout_turns_total"),
            "{turns:?}"
        );
        figures.histogram("fanout_delivery_seconds");
        figures.histogram("fanout_client_lag_frames");
        assert!(figures.count("fanout_client_lag_frames_sum") >= self.lag);
    }

    #[track_caller]
    fn check_status(&self, status: &Value) {
        let upstream = &status["upstream"];
        for (key, value) in [
            ("frames", self.frames),
            ("bytes", self.bytes),
            ("discarded_bytes", self.discarded),
        ] {
            assert_eq!(upstream[key], value, "{key} in {upstream}");
        }
        let connects = json!({"ok": 2, "refused": 1, "timeout": 1, "error": 1, "self": 0});
        assert_eq!(
            (&upstream["connects"], &upstream["state"]),
            (&connects, &json!("connected"))
        );
        let delivered = json!({
            "frames": self.delivered.0, "bytes": self.delivered.1, "skipped": self.skipped, "abandoned": self.abandoned,
        });
        assert_eq!(status["delivered"], delivered);
        let clients = &status["clients"];
        for (key, value) in [
            ("connected", 6),
            ("lagging", 1),
            ("accepted", 9),
            ("lag_frames_max", self.lag),
        ] {
            assert_eq!(clients[key], value, "{key} in {clients}");
        }
        let refused = json!({"max-clients": 1, "per-ip": 0, "not-allowed": 0, "descriptors": 0});
        assert_eq!(clients["refused"], refused);
        let departed = json!({
            "closed": 1, "error": 0, "slow": 1, "stalled": 0, "flood": 1, "drain": 0, "upstream-end": 0,
        });
        assert_eq!(clients["departed"], departed);
        let laggards = status["laggards"].as_array().expect("a list");
        assert_eq!(laggards[0]["lag_frames"], self.lag, "{laggards:?}");
        assert_eq!(
            (&status["frame_size"], &status["backlog_frames"]),
            (&json!(FRAME), &json!(BACKLOG))
        );
    }
}
