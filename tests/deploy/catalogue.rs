//! The metrics that there are, with their types, labels and the values of those.
//!
//! A list for now; [`all`] is the one place to put the program's own answer to `/metrics` in its stead.

/// One metric, as the program exposes it.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Its one label and the values of it, separated by blanks; `*` is any.
    label: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What can stand in an expression: a time series of a metric.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    label: Option<(&'static str, &'static str)>,
}

impl Series {
    /// Whether it has this label, by itself or by being scraped.
    pub(crate) fn has(&self, label: &str) -> bool {
        SCRAPED.contains(&label) || self.label.is_some_and(|(own, _)| own == label)
    }

    /// Whether this label ever has this value.
    pub(crate) fn may_be(&self, label: &str, value: &str) -> bool {
        let values = self.label.filter(|(own, _)| *own == label);
        values.is_none_or(|(_, values)| {
            values == "*" || values.split_whitespace().any(|known| known == value)
        })
    }
}

/// All series that the program exposes, and `up`, which Prometheus adds.
pub(crate) fn all() -> Vec<Series> {
    METRICS.iter().flat_map(series_of).collect()
}

fn series_of(metric: &Metric) -> Vec<Series> {
    let series = |ending: &str, kind, label| Series {
        name: format!("{}{ending}", metric.name),
        kind,
        label,
    };
    match metric.kind {
        Kind::Histogram => vec![
            series("_bucket", Kind::Counter, Some(("le", "*"))),
            series("_sum", Kind::Counter, None),
            series("_count", Kind::Counter, None),
        ],
        kind => vec![series("", kind, metric.label)],
    }
}

const fn counter(name: &'static str) -> Metric {
    let (kind, label) = (Kind::Counter, None);
    Metric { name, kind, label }
}

const fn counter_by(name: &'static str, label: &'static str, values: &'static str) -> Metric {
    let (kind, label) = (Kind::Counter, Some((label, values)));
    Metric { name, kind, label }
}

const fn gauge(name: &'static str) -> Metric {
    let (kind, label) = (Kind::Gauge, None);
    Metric { name, kind, label }
}

const fn histogram(name: &'static str) -> Metric {
    let (kind, label) = (Kind::Histogram, None);
    Metric { name, kind, label }
}

/// Labels that a series has from being scraped.
const SCRAPED: &[&str] = &["job", "instance"];

const DEPARTED: &str = "closed error slow stalled flood drain upstream-end";
const REFUSED: &str = "max-clients per-ip not-allowed descriptors";
const ACCEPT_ERRORS: &str = "EMFILE ENFILE ENOBUFS ENOMEM ECONNABORTED EINTR EPROTO EPERM other";

const METRICS: &[Metric] = &[
    gauge("up"),
    Metric {
        name: "fanout_build_info",
        kind: Kind::Gauge,
        label: Some(("version", "*")),
    },
    gauge("fanout_upstream_connected"),
    gauge("fanout_upstream_last_frame_age_seconds"),
    counter_by(
        "fanout_upstream_connects_total",
        "result",
        "ok refused timeout error self",
    ),
    counter("fanout_upstream_frames_total"),
    counter("fanout_upstream_bytes_total"),
    counter("fanout_upstream_discarded_bytes_total"),
    counter("fanout_upstream_held_seconds_total"),
    gauge("fanout_clients"),
    gauge("fanout_clients_lagging"),
    counter("fanout_clients_accepted_total"),
    counter_by("fanout_clients_refused_total", "reason", REFUSED),
    counter_by("fanout_clients_departed_total", "reason", DEPARTED),
    counter("fanout_frames_delivered_total"),
    counter("fanout_bytes_delivered_total"),
    counter("fanout_frames_skipped_total"),
    gauge("fanout_client_lag_frames_max"),
    histogram("fanout_client_lag_frames"),
    histogram("fanout_delivery_seconds"),
    histogram("fanout_turn_seconds"),
    counter("fanout_turns_total"),
    counter_by("fanout_accept_errors_total", "error", ACCEPT_ERRORS),
    counter("fanout_log_lines_suppressed_total"),
    counter("process_cpu_seconds_total"),
    gauge("process_start_time_seconds"),
    gauge("process_open_fds"),
    gauge("process_max_fds"),
    gauge("process_virtual_memory_bytes"),
    gauge("process_resident_memory_bytes"),
];
