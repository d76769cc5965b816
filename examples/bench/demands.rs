//! The demands: what the ratio of which figures has to be.
//!
//! Owns the numbers. It does not know how a ratio is taken.

use crate::report::Figure;
use crate::servers::{FLOOR, RELAY};
use crate::window::to_float;

/// The ratio of one server's figure to another's has to be so.
pub(crate) struct Demand {
    pub(crate) scenario: &'static str,
    /// Numbers of clients that it is about.
    pub(crate) clients: Clients,
    /// Frames a second that it is about; `None` for any.
    pub(crate) rate: Option<u64>,
    /// Whose figure is divided: a server, and how long it lingers in microseconds.
    pub(crate) server: (&'static str, u64),
    /// By whose.
    pub(crate) other: Other,
    pub(crate) figure: Measure,
    pub(crate) bound: Bound,
}

/// One figure, and how it is written.
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) figure: Figure,
    /// From the figure's unit to the one it is written in.
    pub(crate) factor: f64,
    pub(crate) unit: &'static str,
}

pub(crate) enum Clients {
    Any,
    One(u32),
    AtLeast(u32),
}

/// The divisor.
pub(crate) enum Other {
    /// This server in the same scenario under the same load.
    Server(&'static str),
    /// The same server in the scenario of the same name with `-base` behind it: undisturbed.
    Undisturbed,
}

pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Above(f64),
    Below(f64),
    /// Nothing in numbers: that there is a sample says that nothing was lost.
    NothingLost,
}

impl Bound {
    pub(crate) fn allows(&self, ratio: f64) -> bool {
        match *self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
            Self::Above(bound) => ratio > bound,
            Self::Below(bound) => ratio < bound,
            Self::NothingLost => true,
        }
    }

    pub(crate) fn text(&self, other: &str) -> String {
        match self {
            Self::AtLeast(least) => format!("at least {least:.2} of {other}"),
            Self::AtMost(most) => format!("at most {most:.2} of {other}"),
            Self::Above(bound) => format!("more than {bound:.2} of {other}"),
            Self::Below(bound) => format!("less than {bound:.2} of {other}"),
            Self::NothingLost => format!("nobody loses a frame (ratio to {other} for information)"),
        }
    }
}

const PER_CPU: Measure = Measure {
    name: "deliveries per CPU second",
    figure: |figures| Some(figures.deliveries_per_cpu_second),
    factor: 1e-6,
    unit: "M",
};
const PER_SECOND: Measure = Measure {
    name: "deliveries per second",
    figure: |figures| Some(figures.deliveries_per_second),
    factor: 1e-3,
    unit: "k",
};
const COST: Measure = Measure {
    name: "CPU per delivery",
    figure: |figures| Some(figures.cpu_ns_per_delivery),
    factor: 1.0,
    unit: "ns",
};
const P99: Measure = Measure {
    name: "p99",
    figure: |figures| figures.p99_us,
    factor: 1.0,
    unit: "us",
};
const MEMORY: Measure = Measure {
    name: "peak resident memory",
    figure: |figures| Some(to_float(figures.peak_resident_bytes)),
    factor: 1.0 / (1024.0 * 1024.0),
    unit: "MiB",
};

/// Of the relay at saturation.
const fn saturation(
    clients: Clients,
    other: &'static str,
    figure: Measure,
    bound: Bound,
) -> Demand {
    let (server, other) = ((RELAY, 0), Other::Server(other));
    Demand {
        scenario: "saturation",
        clients,
        rate: None,
        server,
        other,
        figure,
        bound,
    }
}

/// Of the relay beside whatever disturbs it.
const fn undisturbed(scenario: &'static str, figure: Measure, bound: Bound) -> Demand {
    let (server, other, clients) = ((RELAY, 0), Other::Undisturbed, Clients::Any);
    Demand {
        scenario,
        clients,
        rate: None,
        server,
        other,
        figure,
        bound,
    }
}

/// Of the relay at a steady rate, beside the floor.
const fn paced(figure: Measure, bound: Bound) -> Demand {
    let (server, other, clients) = ((RELAY, 0), Other::Server(FLOOR), Clients::Any);
    Demand {
        scenario: "paced",
        clients,
        rate: None,
        server,
        other,
        figure,
        bound,
    }
}

/// Every demand there is on a ratio.
pub(crate) const DEMANDS: &[Demand] = &[
    saturation(Clients::One(10), FLOOR, PER_CPU, Bound::AtLeast(1.0)),
    saturation(Clients::One(100), FLOOR, PER_CPU, Bound::AtLeast(1.0)),
    saturation(Clients::One(1_000), FLOOR, PER_CPU, Bound::AtLeast(1.0)),
    saturation(Clients::One(10_000), FLOOR, PER_CPU, Bound::AtLeast(0.9)),
    saturation(
        Clients::One(100),
        "thread-per-client",
        PER_CPU,
        Bound::AtLeast(20.0),
    ),
    saturation(
        Clients::One(100),
        "message-passing",
        PER_CPU,
        Bound::AtLeast(20.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "shared-log-threads",
        PER_CPU,
        Bound::Above(1.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "shared-log-threads",
        MEMORY,
        Bound::Below(1.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "tokio-broadcast",
        PER_CPU,
        Bound::Above(1.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "tokio-broadcast",
        MEMORY,
        Bound::Below(1.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "tokio-current-thread",
        PER_CPU,
        Bound::Above(1.0),
    ),
    saturation(
        Clients::AtLeast(10),
        "tokio-current-thread",
        MEMORY,
        Bound::Below(1.0),
    ),
    saturation(Clients::Any, "ncat", PER_CPU, Bound::Above(1.0)),
    saturation(Clients::Any, "str2str", PER_CPU, Bound::Above(1.0)),
    saturation(Clients::Any, "redis", PER_CPU, Bound::AtLeast(3.0)),
    saturation(Clients::Any, "nats", PER_CPU, Bound::AtLeast(3.0)),
    paced(COST, Bound::AtMost(1.05)),
    paced(P99, Bound::AtMost(1.20)),
    Demand {
        scenario: "linger",
        clients: Clients::One(30),
        rate: Some(1_000),
        server: (RELAY, 10_000),
        other: Other::Server("str2str"),
        figure: COST,
        bound: Bound::AtMost(1.0),
    },
    undisturbed("half-stalled-skip", PER_SECOND, Bound::AtLeast(0.9)),
    undisturbed("half-stalled-skip", P99, Bound::AtMost(1.10)),
    undisturbed("storm", P99, Bound::NothingLost),
];
