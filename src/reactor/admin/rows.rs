//! Rows: clients and departures one by one, as they are shown.
//!
//! Layer: reactor. Owns which of a client's numbers is shown under which key. Knows nothing of the order,
//! which is the relay's affair, nor of JSON.

use std::time::Duration;

use super::scene::{Facts, Scene};
use crate::admin::query::ClientsQuery;
use crate::admin::view::{ClientView, ClientsView, DepartureView, DeparturesView, Seconds, Shown};
use crate::relay::client::ClientId;
use crate::relay::departures::Departed;
use crate::relay::listing::{Page, Sort};

/// Clients on the page that lag most.
const LAGGARDS: usize = 20;

/// The part of the clients that was asked for.
pub(super) fn page<'a>(
    query: ClientsQuery,
    facts: &'a Facts,
    scene: &'a Scene<'_>,
    now: Duration,
) -> ClientsView<'a> {
    let ClientsQuery {
        sort,
        limit,
        offset,
    } = query;
    let Page { total, ids } = scene.core.relay.page(sort, offset, limit);
    ClientsView {
        total,
        sort,
        offset,
        limit,
        clients: views(&ids, facts, scene, now).collect(),
    }
}

/// Those who lag most.
pub(super) fn laggards(scene: &Scene<'_>) -> Vec<ClientId> {
    let relay = &scene.core.relay;
    if relay.greatest_lag_frames() == 0 {
        return Vec::new();
    }
    relay.page(Sort::Lag, 0, LAGGARDS).ids
}

/// Each of these clients, unless it has left.
pub(super) fn views<'a>(
    ids: &[ClientId],
    facts: &'a Facts,
    scene: &'a Scene<'_>,
    now: Duration,
) -> impl Iterator<Item = ClientView<'a>> {
    let (relay, log) = (&scene.core.relay, scene.core.relay.log());
    let clients = ids.iter().filter_map(|&id| relay.client(id));
    clients.map(move |client| {
        let (card, tally) = (client.card(), client.tally());
        ClientView {
            id: card.serial,
            addr: Shown(&card.addr),
            listener: Shown(facts.listener_of(card)),
            policy: card.policy,
            connected_seconds: Seconds(now.saturating_sub(card.joined_at)),
            frames: tally.frames,
            bytes: tally.bytes,
            lag_frames: client.backlog().lag_frames(log),
            skipped: tally.skipped,
            state: client.state(log),
        }
    })
}

/// Everybody who has left and is remembered.
pub(super) fn departures<'a>(
    facts: &'a Facts,
    scene: &'a Scene<'_>,
    now: Duration,
) -> DeparturesView<'a> {
    let departures = scene.core.relay.departures();
    DeparturesView {
        total: departures.total(),
        kept: departures.kept(),
        departed: newest(usize::MAX, facts, scene, now),
    }
}

/// The last of them, the newest first.
pub(super) fn newest<'a>(
    most: usize,
    facts: &'a Facts,
    scene: &'a Scene<'_>,
    now: Duration,
) -> Vec<DepartureView<'a>> {
    let departed = scene.core.relay.departures().newest_first();
    departed
        .take(most)
        .map(|departed| view_of(departed, facts, now))
        .collect()
}

fn view_of<'a>(departed: &'a Departed, facts: &'a Facts, now: Duration) -> DepartureView<'a> {
    let (card, tally) = (&departed.card, &departed.tally);
    DepartureView {
        id: card.serial,
        addr: Shown(&card.addr),
        listener: Shown(facts.listener_of(card)),
        reason: departed.reason,
        frames: tally.frames,
        bytes: tally.bytes,
        skipped: tally.skipped,
        seconds: departed.left_at.saturating_sub(card.joined_at).as_secs(),
        ago_seconds: Seconds(now.saturating_sub(departed.left_at)),
        error: departed.error.as_ref().map(|error| Shown(error)),
    }
}
