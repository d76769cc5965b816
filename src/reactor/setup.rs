//! Setting up: everything is opened, or nothing is.
//!
//! Layer: reactor. Owns the order in which resources are asked for, and which of the
//! limits that the user and the system set is the smaller one. Knows nothing of what happens once the server turns.

use std::sync::Arc;

use fastrand::Rng;
use log::{info, warn};
use mio::Registry;

use super::accept::Doors;
use super::admin::{Admin, Facts, Opening};
use super::effective::{self, ListenerSetup, Setup};
use super::handle::Desk;
use super::inlet::Inlet;
use super::listener::{self, Listener};
use super::openings::Openings;
use super::resolver::Resolver;
use super::socket::{ClientOptions, SocketCore};
use super::upstream::Dialler;
use crate::config::{Config, UpstreamAddress};
use crate::error::Error;
use crate::relay::admission::{Admission, AdmissionLimits};
use crate::relay::endpoint::Endpoint;
use crate::relay::entrance::{Entrance, Gate};
use crate::relay::frame_log::FrameLog;
use crate::relay::limits::{
    Budgets, CLIENT_BYTES, CLIENTS_RESERVED, DEPARTURES_KEPT, HISTORY_SECONDS, READ_WINDOW_BYTES,
    RESERVED_DESCRIPTORS,
};
use crate::relay::phase::Phase;
use crate::relay::upstream::{Upstream, UpstreamSettings};
use crate::relay::{Relay, RelaySettings};

/// What a server is made of, opened and ready to be put together.
pub(super) struct Parts {
    pub(super) core: SocketCore,
    pub(super) desk: Desk,
    pub(super) dialler: Dialler,
    pub(super) doors: Doors,
    pub(super) admin: Option<Admin>,
    pub(super) setup: Arc<Setup>,
}

impl Parts {
    /// Allocates the frame log, then opens every listener, and the admin endpoint.
    pub(super) fn open(
        config: &Config,
        openings: Openings,
        admin: Opening,
        registry: &Registry,
    ) -> Result<Self, Error> {
        let is_shown = admin.is_wanted();
        let mut relay = Relay::new(&RelaySettings {
            frame_size: config.frame_size,
            window_bytes: READ_WINDOW_BYTES,
            backlog_frames: config.backlog,
            replay_frames: openings.replay_frames(config),
            linger: config.linger,
            stall_timeout: config.stall_timeout,
            departures_kept: if is_shown { DEPARTURES_KEPT } else { 0 },
            history_seconds: if is_shown { HISTORY_SECONDS } else { 0 },
            budgets: Budgets::default(),
        })?;
        let desk = Desk::open(registry).map_err(Error::system("create a waker"))?;
        let max_by_listener = openings.max_clients(config);
        let for_admin = admin.descriptors();
        // Bound before anything is said of the listeners: it may be taken, and then nobody is let in.
        let admin_sockets = Admin::bind(config, admin)?;
        let (listeners, gates) = listener::open_all(config, openings, registry)?;
        let descriptors = Descriptors::read(listeners.len(), for_admin)?;
        let limits = admission_limits(config, &descriptors, max_by_listener);
        relay.reserve(limits.most().min(CLIENTS_RESERVED));
        let admin_addrs = admin_sockets.iter().map(Listener::endpoint).collect();
        let listener_setups = listener_setups(&listeners, &gates);
        let setup = descriptors.setup(listener_setups, admin_addrs, relay.log(), &limits);
        let setup = Arc::new(setup);
        let facts = Facts::new(config, Arc::clone(&setup));
        let admin = Admin::open(config, admin_sockets, facts, registry)?;
        let options = ClientOptions {
            unsent_limit: config.unsent_limit,
            user_timeout: config.stall_timeout,
        };
        Ok(Self {
            core: SocketCore {
                relay,
                upstream: upstream(config),
                entrance: Entrance::new(gates, Admission::new(limits)),
                phase: Phase::Serving,
                drain_timeout: config.drain_timeout,
                stop_signals: 0,
            },
            dialler: Dialler::new(config.upstreams.clone(), Resolver::new(desk.waker())),
            doors: Doors::new(listeners, options),
            admin,
            setup,
            desk,
        })
    }
}

fn upstream(config: &Config) -> Upstream<Inlet> {
    let settings = UpstreamSettings {
        reconnect: config.reconnect && !config.reads_stdin(),
        reconnect_min: config.reconnect_min,
        reconnect_max: config.reconnect_max,
        connect_timeout: config.connect_timeout,
        upstream_timeout: config.upstream_timeout,
        stale_after: config.stale_after,
    };
    // Only the name of a host needs somebody to look it up.
    let targets = config
        .upstreams
        .iter()
        .map(UpstreamAddress::endpoint)
        .collect();
    Upstream::new(targets, settings, Rng::new())
}

fn listener_setups(listeners: &[Listener], gates: &[Gate]) -> Vec<ListenerSetup> {
    let sockets = listeners.iter().zip(gates);
    let setups = sockets.map(|(listener, gate)| ListenerSetup {
        addr: listener.addr.clone(),
        listener: gate.listener,
        slow: gate.policy,
        replay: gate.replay,
    });
    setups.collect()
}

/// How many descriptors there are, and how many of them are not for clients.
struct Descriptors {
    limit: u64,
    reserve: u64,
}

impl Descriptors {
    /// The reserve covers a handful of listeners; more of them make it larger. The admin endpoint has
    /// descriptors of its own.
    fn read(listeners: usize, for_admin: u64) -> Result<Self, Error> {
        let (limit, _) = rlimit::Resource::NOFILE
            .get()
            .map_err(Error::system("read the descriptor limit"))?;
        let for_listeners = listeners.saturating_sub(LISTENERS_IN_RESERVE) as u64;
        let reserve = RESERVED_DESCRIPTORS + for_listeners + for_admin;
        if limit <= reserve {
            return Err(Error::Descriptors { limit, reserve });
        }
        Ok(Self { limit, reserve })
    }

    /// What it all comes to.
    fn setup(
        &self,
        listeners: Vec<ListenerSetup>,
        admin: Vec<Endpoint>,
        log: &FrameLog,
        limits: &AdmissionLimits,
    ) -> Setup {
        let max_clients = limits.most();
        Setup {
            max_clients,
            descriptors: self.limit,
            descriptors_reserved: self.reserve,
            log_bytes: log.capacity() as u64,
            client_bytes: CLIENT_BYTES,
            remnants_bytes: effective::remnants_bytes(&listeners, log, max_clients),
            addresses_bytes: effective::addresses_bytes(limits.max_per_ip, max_clients),
            admin_bytes: effective::admin_bytes(&admin, max_clients),
            listeners,
            admin,
        }
    }
}

/// The admission limits, as the configuration and the descriptor limit set them.
fn admission_limits(
    config: &Config,
    descriptors: &Descriptors,
    max_by_listener: Vec<Option<usize>>,
) -> AdmissionLimits {
    let Descriptors { limit, reserve } = descriptors;
    let possible = usize::try_from(limit - reserve).unwrap_or(usize::MAX);
    let max_clients = config
        .max_clients
        .map_or(possible, |most| most.min(possible));
    info!("limits max_clients={max_clients} descriptors={limit}");
    if let Some(wanted) = config.max_clients.filter(|&wanted| wanted > possible) {
        warn!(
            "limits lowered max_clients={possible} wanted={wanted}: \
             the descriptor limit allows no more"
        );
    }
    AdmissionLimits {
        allow: config.allow.clone(),
        max_clients: config.max_clients,
        max_by_descriptors: possible,
        max_per_ip: config.max_clients_per_ip,
        max_by_listener,
    }
}

/// Listening sockets that the descriptor reserve has room for.
const LISTENERS_IN_RESERVE: usize = 8;
