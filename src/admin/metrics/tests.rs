//! The text of the metrics: as a whole, and name by name.

use super::*;

/// The contract's list: each name with its label and the values of that.
const NAMES: &[(&str, &str, &[&str])] = &[
    ("fanout_build_info", "version", &["0.1.0"]),
    ("fanout_upstream_connected", "", &[]),
    ("fanout_upstream_last_frame_age_seconds", "", &[]),
    (
        "fanout_upstream_connects_total",
        "result",
        &["ok", "refused", "timeout", "error", "self"],
    ),
    ("fanout_upstream_frames_total", "", &[]),
    ("fanout_upstream_bytes_total", "", &[]),
    ("fanout_upstream_discarded_bytes_total", "", &[]),
    ("fanout_upstream_held_seconds_total", "", &[]),
    ("fanout_clients", "", &[]),
    ("fanout_clients_lagging", "", &[]),
    ("fanout_clients_accepted_total", "", &[]),
    (
        "fanout_clients_refused_total",
        "reason",
        &["max-clients", "per-ip", "not-allowed", "descriptors"],
    ),
    (
        "fanout_clients_departed_total",
        "reason",
        &[
            "closed",
            "error",
            "slow",
            "stalled",
            "flood",
            "drain",
            "upstream-end",
        ],
    ),
    ("fanout_frames_delivered_total", "", &[]),
    ("fanout_bytes_delivered_total", "", &[]),
    ("fanout_frames_skipped_total", "", &[]),
    ("fanout_client_lag_frames_max", "", &[]),
    (
        "fanout_client_lag_frames_bucket",
        "le",
        &["0", "16", "+Inf"],
    ),
    ("fanout_client_lag_frames_sum", "", &[]),
    ("fanout_client_lag_frames_count", "", &[]),
    (
        "fanout_delivery_seconds_bucket",
        "le",
        &["0.00001", "2.5", "+Inf"],
    ),
    ("fanout_delivery_seconds_sum", "", &[]),
    ("fanout_delivery_seconds_count", "", &[]),
    (
        "fanout_turn_seconds_bucket",
        "le",
        &["0.00001", "2.5", "+Inf"],
    ),
    ("fanout_turn_seconds_sum", "", &[]),
    ("fanout_turn_seconds_count", "", &[]),
    ("fanout_turns_total", "", &[]),
    (
        "fanout_accept_errors_total",
        "error",
        &[
            "EMFILE",
            "ENFILE",
            "ENOBUFS",
            "ENOMEM",
            "ECONNABORTED",
            "EINTR",
            "EPROTO",
            "EPERM",
            "other",
        ],
    ),
    ("fanout_log_lines_suppressed_total", "", &[]),
];

const PROCESS_NAMES: &[&str] = &[
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
];

const LAGS: &[u64] = &[0, 16];
const TIMES: &[Duration] = &[Duration::from_micros(10), Duration::from_millis(2500)];

/// As it is at the start.
fn view() -> MetricsView<'static> {
    let times = HistogramView {
        bounds: TIMES,
        counts: &[0; 3],
        sum: Duration::ZERO,
    };
    MetricsView {
        version: "0.1.0",
        uptime: Duration::from_millis(1500),
        upstream: UpstreamMetrics {
            connected: false,
            last_frame_age: None,
            connects: Connects::default(),
            frames: 0,
            bytes: 0,
            discarded_bytes: 0,
            held: Duration::ZERO,
        },
        clients: ClientMetrics {
            connected: 0,
            lagging: 0,
            accepted: 0,
            refused: Refused::default(),
            departed: Departed::default(),
            lag_frames_max: 0,
            lag_frames: HistogramView {
                bounds: LAGS,
                counts: &[0; 3],
                sum: 0,
            },
        },
        delivered: Delivered {
            frames: 0,
            bytes: 0,
            skipped: 0,
            abandoned: 0,
        },
        turns: TurnMetrics {
            turns: 0,
            durations: times,
            deliveries: times,
            accept_errors: [0; 9],
            lines_suppressed: 0,
        },
        process: ProcessMetrics::default(),
    }
}

/// No two numbers are the same, so that each is seen to be where it belongs.
fn busy_view() -> MetricsView<'static> {
    let mut view = view();
    view.upstream = UpstreamMetrics {
        connected: true,
        last_frame_age: Some(Duration::from_micros(250)),
        connects: Connects([11, 12, 13, 14, 15]),
        frames: 16,
        bytes: 17,
        discarded_bytes: 18,
        held: Duration::from_nanos(19_000_000_001),
    };
    view.clients = ClientMetrics {
        connected: 21,
        lagging: 22,
        accepted: 23,
        refused: Refused([24, 25, 26, 27]),
        departed: Departed([31, 32, 33, 34, 35, 36, 37]),
        lag_frames_max: 38,
        lag_frames: HistogramView {
            bounds: LAGS,
            counts: &[41, 1, 2],
            sum: 45,
        },
    };
    view.delivered = Delivered {
        frames: 51,
        bytes: 52,
        skipped: 53,
        abandoned: 54,
    };
    view.turns = TurnMetrics {
        turns: 61,
        durations: HistogramView {
            bounds: TIMES,
            counts: &[62, 1, 2],
            sum: Duration::from_millis(66_500),
        },
        deliveries: HistogramView {
            bounds: TIMES,
            counts: &[67, 1, 2],
            sum: Duration::from_millis(125),
        },
        accept_errors: [71, 72, 73, 74, 75, 76, 77, 78, 79],
        lines_suppressed: 80,
    };
    view.process = known_process();
    view
}

fn known_process() -> ProcessMetrics {
    ProcessMetrics {
        cpu: Some(Duration::from_millis(81_820)),
        open_fds: Some(83),
        max_fds: Some(84),
        virtual_memory_bytes: Some(85),
        resident_memory_bytes: Some(86),
        start_time: Some(Duration::from_millis(1_790_000_000_250)),
    }
}

/// The names and labels of all samples, in their order.
fn series(text: &str) -> Vec<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect()
}

#[test]
fn the_text_is_the_one_agreed_on() {
    let text = render(&busy_view());
    let mut lines = text.lines().zip(EXPECTED.lines());
    assert_eq!(lines.find(|(line, expected)| line != expected), None);
    assert_eq!(text, EXPECTED);
}

#[test]
fn each_series_of_the_contract_is_there_from_the_start() {
    let text = render(&view());
    let mut expected = Vec::new();
    for (name, label, values) in NAMES {
        if label.is_empty() {
            expected.push((*name).to_owned());
        }
        expected.extend(
            values
                .iter()
                .map(|value| format!("{name}{{{label}=\"{value}\"}}")),
        );
    }
    assert_eq!(series(&text), expected);
    let values = text.lines().filter(|line| line.ends_with(" 0")).count();
    // All are 0, except for the version and the age of a frame that never came.
    assert_eq!(values, expected.len() - 2);
}

#[test]
fn what_the_system_says_of_the_process_is_left_out_when_it_does_not() {
    let text = render(&busy_view());
    let known = |text: &str, name: &str| series(text).contains(&name);
    for name in PROCESS_NAMES {
        assert!(known(&text, name), "{name}");
    }
    let nothing_known = render(&view());
    assert!(!nothing_known.contains("process_"));
    let mut view = view();
    view.process.open_fds = Some(0);
    assert!(known(&render(&view), "process_open_fds"));
}

#[test]
fn an_upstream_that_never_sent_a_frame_ages_since_the_start() {
    let age = |view: &MetricsView<'_>| {
        let text = render(view);
        let line = text
            .lines()
            .find(|line| line.starts_with("fanout_upstream_last_frame_age_seconds"));
        line.unwrap().rsplit_once(' ').unwrap().1.to_owned()
    };
    let mut view = view();
    assert_eq!(age(&view), "1.5");
    view.upstream.last_frame_age = Some(Duration::ZERO);
    assert_eq!(age(&view), "0");
}

#[test]
fn the_longest_text_fits_into_the_room_reserved() {
    let mut view = busy_view();
    let bounds = [u64::MAX; 16];
    let times = HistogramView {
        bounds: &[Duration::from_micros(25); 17],
        counts: &[u64::MAX / 20; 18],
        sum: Duration::MAX,
    };
    view.clients.lag_frames = HistogramView {
        bounds: &bounds,
        counts: &[u64::MAX / 20; 17],
        sum: u64::MAX,
    };
    view.clients.departed = Departed([u64::MAX; 7]);
    view.turns.durations = times;
    view.turns.deliveries = times;
    assert!(render(&view).len() < TEXT_BYTES * 9 / 10);
}

const EXPECTED: &str = include_str!("expected.prom");
