//! The world: a server that decides, and the made-up kernel, network and machines around it.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fanout::relay::admission::{Admission, AdmissionLimits};
use fanout::relay::core::Core;
use fanout::relay::entrance::{Entrance, Gate};
use fanout::relay::phase::Phase;
use fanout::relay::timekeeper::Timekeeper;
use fanout::relay::upstream::{Upstream, UpstreamSettings};
use fanout::relay::{Relay, RelaySettings};

use crate::books::Books;
use crate::client::SimSocket;
use crate::dice::Dice;
use crate::gates::SimListener;
use crate::trace::Trace;
use crate::upstream::SimUpstream;
use crate::weather::{BACKOFF, CONNECT_TIMEOUT, Kind, Orders, Weather};

pub(crate) struct World {
    pub(crate) core: Core<SimSocket, SimUpstream>,
    pub(crate) keeper: Timekeeper,
    pub(crate) dice: Dice,
    pub(crate) weather: Weather,
    pub(crate) orders: Orders,
    pub(crate) listeners: Vec<SimListener>,
    /// There are no descriptors left.
    pub(crate) is_exhausted: bool,
    /// The machine's monotonic clock.
    pub(crate) elapsed: Duration,
    /// Of that, the time during which the process was stopped.
    pub(crate) stopped: Duration,
    /// It was stopped since the clock was read last, and a handler of SIGCONT has run.
    pub(crate) has_continued: bool,
    /// The name of this target is being looked up.
    pub(crate) question: Option<usize>,
    /// Connections to the upstream that are open.
    pub(crate) open_upstreams: Rc<Cell<usize>>,
    pub(crate) books: Books,
    pub(crate) trace: Trace,
    /// Connections made so far.
    pub(crate) connections: u64,
    /// Things that have happened.
    pub(crate) steps: u64,
    /// What the upstream went through before the faults ended, how often.
    pub(crate) sights: BTreeMap<String, u64>,
    /// Steps before the faults ended.
    pub(crate) lived: u64,
    /// Turns of the server.
    pub(crate) turns: u64,
    /// Events of the poll that is being handled.
    pub(crate) events: VecDeque<crate::events::Event>,
}

impl World {
    pub(crate) fn new(mut dice: Dice, is_traced: bool) -> Self {
        let orders = Orders::random(&mut dice);
        let weather = Weather::random(&mut dice);
        let trace = Trace::new(is_traced);
        trace.say(|| format!("{orders:?}\n{weather:?}"));
        let core = core(&orders, &mut dice);
        Self {
            books: Books::new(&orders, &core),
            core,
            keeper: Timekeeper::default(),
            dice,
            weather,
            listeners: orders
                .listeners
                .iter()
                .map(|_| SimListener::default())
                .collect(),
            orders,
            is_exhausted: false,
            elapsed: Duration::ZERO,
            stopped: Duration::ZERO,
            has_continued: false,
            question: None,
            open_upstreams: Rc::default(),
            trace,
            connections: 0,
            steps: 0,
            lived: 0,
            sights: BTreeMap::new(),
            turns: 0,
            events: VecDeque::new(),
        }
    }

    /// The time during which the process was running.
    pub(crate) fn fair_time(&self) -> Duration {
        self.elapsed.saturating_sub(self.stopped)
    }

    /// Lives through `steps` things that happen, then brings it to rest.
    pub(crate) fn run(&mut self, steps: u64) {
        while self.steps < steps && !self.dice.is_used_up() && !self.is_over() {
            self.turn();
        }
        self.lived = self.steps;
        self.sights = self.books.dialling.sights.clone();
        self.come_to_rest();
    }

    /// The server has ended by itself.
    pub(crate) fn is_over(&self) -> bool {
        self.core.outcome().is_some()
    }

    /// Whether a fault of this kind happens now.
    pub(crate) fn strikes(&mut self, kind: Kind) -> bool {
        self.weather.strikes(kind, &mut self.dice)
    }

    pub(crate) fn step(&mut self) {
        self.steps += 1;
    }
}

fn core(orders: &Orders, dice: &mut Dice) -> Core<SimSocket, SimUpstream> {
    let replays = orders.listeners.iter().map(|(_, replay, _)| *replay);
    let relay = Relay::new(&RelaySettings {
        frame_size: orders.frame_size,
        window_bytes: orders.window_bytes,
        backlog_frames: orders.backlog_frames,
        replay_frames: replays.max().unwrap_or(0),
        linger: orders.linger,
        stall_timeout: orders.stall_timeout,
        departures_kept: 3,
        history_seconds: 100,
        budgets: orders.budgets,
    });
    let settings = UpstreamSettings {
        reconnect: orders.reconnect,
        reconnect_min: BACKOFF.0,
        reconnect_max: BACKOFF.1,
        connect_timeout: CONNECT_TIMEOUT,
        upstream_timeout: orders.upstream_timeout,
        stale_after: orders.stale_after,
    };
    let targets =
        (0..orders.targets).map(|index| (index % 2 == 0).then(|| target_addr(index).into()));
    let limits = AdmissionLimits {
        // With the limit on addresses, so that a run of one seed is what it was.
        allow: match orders.max_per_ip {
            0 => Vec::new(),
            _ => vec!["10.0.0.0/8".parse().expect("a network")],
        },
        max_clients: orders.max_clients,
        max_by_descriptors: orders.max_by_descriptors,
        max_per_ip: orders.max_per_ip,
        max_by_listener: orders
            .listeners
            .iter()
            .map(|(_, _, limit)| *limit)
            .collect(),
    };
    let gates = (0..)
        .zip(&orders.listeners)
        .map(|(listener, (policy, replay, _))| Gate {
            listener,
            policy: *policy,
            replay: *replay,
            acceptable: false,
        });
    Core {
        relay: relay.expect("a small log"),
        upstream: Upstream::new(targets.collect(), settings, dice.fork()),
        entrance: Entrance::new(gates.collect(), Admission::new(limits)),
        phase: Phase::Serving,
        drain_timeout: orders.drain_timeout,
        stop_signals: 0,
    }
}

/// The address of a target, or the first one of its name.
pub(crate) fn target_addr(index: usize) -> SocketAddr {
    let port = 1000 + u16::try_from(index).unwrap_or(0);
    SocketAddr::from(([127, 0, 0, 1], port))
}
