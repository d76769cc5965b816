//! Setting up: everything is opened, or nothing is.
//!
//! Layer: reactor. Owns the order in which resources are asked for, and which of the
//! limits that the user and the system set is the smaller one. Knows nothing of what happens once the server turns.

use fastrand::Rng;
use log::{info, warn};
use mio::Registry;

use super::accept::Doors;
use super::admin::{Admin, Facts, ListenerFact, Opening};
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
use crate::relay::entrance::{Entrance, Gate};
use crate::relay::limits::{
    Budgets, CLIENTS_RESERVED, DEPARTURES_KEPT, HISTORY_SECONDS, READ_WINDOW_BYTES,
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
        let (listeners, gates) = listener::open_all(config, openings, registry)?;
        let for_admin = admin.descriptors();
        let limits = admission_limits(config, listeners.len(), max_by_listener, for_admin)?;
        let most = limits.max_clients.unwrap_or(usize::MAX);
        let most = most.min(limits.max_by_descriptors);
        relay.reserve(most.min(CLIENTS_RESERVED));
        let facts = Facts::new(config, listener_facts(&listeners, &gates), most);
        let admin = Admin::open(config, admin, facts, registry)?;
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

fn listener_facts(listeners: &[Listener], gates: &[Gate]) -> Vec<ListenerFact> {
    let sockets = listeners.iter().zip(gates);
    let facts = sockets.map(|(listener, gate)| ListenerFact {
        addr: listener.addr.clone(),
        listener: gate.listener,
        policy: gate.policy,
        replay: gate.replay,
    });
    facts.collect()
}

/// The admission limits, as the configuration and the descriptor limit set them. The admin endpoint has
/// descriptors of its own.
fn admission_limits(
    config: &Config,
    listeners: usize,
    max_by_listener: Vec<Option<usize>>,
    for_admin: u64,
) -> Result<AdmissionLimits, Error> {
    let (descriptors, _) = rlimit::Resource::NOFILE
        .get()
        .map_err(Error::system("read the descriptor limit"))?;
    // The reserve covers a handful of listeners; more of them make it larger.
    let for_listeners = listeners.saturating_sub(LISTENERS_IN_RESERVE) as u64;
    let reserve = RESERVED_DESCRIPTORS + for_listeners + for_admin;
    if descriptors <= reserve {
        return Err(Error::Descriptors {
            limit: descriptors,
            reserve,
        });
    }
    let possible = usize::try_from(descriptors.saturating_sub(reserve)).unwrap_or(usize::MAX);
    let max_clients = config
        .max_clients
        .map_or(possible, |most| most.min(possible));
    info!("limits max_clients={max_clients} descriptors={descriptors}");
    if let Some(wanted) = config.max_clients.filter(|&wanted| wanted > possible) {
        warn!(
            "limits lowered max_clients={possible} wanted={wanted}: \
             the descriptor limit allows no more"
        );
    }
    Ok(AdmissionLimits {
        allow: config.allow.clone(),
        max_clients: config.max_clients,
        max_by_descriptors: possible,
        max_per_ip: config.max_clients_per_ip,
        max_by_listener,
    })
}

/// Listening sockets that the descriptor reserve has room for.
const LISTENERS_IN_RESERVE: usize = 8;
