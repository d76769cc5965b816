//! The effective setup: what became of a configuration on this system.
//!
//! Layer: reactor. Owns the figures that a user would otherwise have to work out: what is listened on, how
//! many clients there may be and why not more, how much memory that comes to. Knows nothing of how they are
//! printed.

use crate::admin::limits::{ANSWER_BYTES, ANSWERS_UNDER_WAY, MAX_CONNECTIONS};
use crate::relay::admission::ADDRESS_BYTES;
use crate::relay::backlog::REMNANT_BYTES;
use crate::relay::departures::DEPARTED_BYTES;
use crate::relay::endpoint::Endpoint;
use crate::relay::frame_log::FrameLog;
use crate::relay::history::SECOND_BYTES;
use crate::relay::limits::{DEPARTURES_KEPT, HISTORY_SECONDS};
use crate::relay::listing::ROW_BYTES;
use crate::relay::policy::SlowPolicy;

/// What a server that is bound amounts to.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The sockets that clients connect to.
    pub listeners: Vec<ListenerSetup>,
    /// The sockets of the admin endpoint.
    pub admin: Vec<Endpoint>,
    /// Clients there may be: the lesser of what was asked for and what descriptors allow.
    pub max_clients: usize,
    /// Descriptors that this process may have open.
    pub descriptors: u64,
    /// Those of them that are kept back from clients.
    pub descriptors_reserved: u64,
    /// The frame log with its read window, in bytes. It is taken whatever the clients do.
    pub log_bytes: u64,
    /// What one client takes in user space at the most, in bytes.
    pub client_bytes: u64,
    /// The rests of frames that clients were in the middle of when they were skipped over, in bytes at the
    /// most. They never exceed the log's size; 0 where nobody is skipped.
    pub remnants_bytes: u64,
    /// The addresses of clients, in bytes at the most. They are kept where there is a limit for each.
    pub addresses_bytes: u64,
    /// The admin endpoint's answers, and what is remembered for them, in bytes at the most; 0 without one.
    pub admin_bytes: u64,
}

/// One listening socket.
#[derive(Clone, Debug)]
pub struct ListenerSetup {
    /// Where it listens, with the port that the system chose.
    pub addr: Endpoint,
    /// Index of the listener in the configuration; a name may have several sockets.
    pub listener: u16,
    /// What happens to its clients when they are slow.
    pub slow: SlowPolicy,
    /// Frames from before its time that a client is given first.
    pub replay: u64,
}

impl Setup {
    /// What all clients together take in user space at the most, in bytes.
    #[must_use]
    pub fn clients_bytes(&self) -> u64 {
        (self.max_clients as u64).saturating_mul(self.client_bytes)
    }
    /// All of it, in bytes at the most; not what the program takes before it has anything to do.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        [
            self.log_bytes,
            self.clients_bytes(),
            self.remnants_bytes,
            self.addresses_bytes,
            self.admin_bytes,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// What skipped clients may take: less than a frame each, and never more than the log in all.
pub(super) fn remnants_bytes(listeners: &[ListenerSetup], log: &FrameLog, clients: usize) -> u64 {
    let skips = |listener: &ListenerSetup| listener.slow == SlowPolicy::Skip;
    if !listeners.iter().any(skips) {
        return 0;
    }
    let clients = clients as u64;
    let rests = clients.saturating_mul(log.frame_size() - 1);
    let places = clients.saturating_mul(REMNANT_BYTES);
    places.saturating_add(rests.min(log.capacity() as u64))
}

/// What a limit for each address takes: at worst every client has its own.
pub(super) fn addresses_bytes(max_per_ip: u32, clients: usize) -> u64 {
    if max_per_ip == 0 {
        return 0;
    }
    (clients as u64).saturating_mul(ADDRESS_BYTES)
}

/// What the admin endpoint takes: answers that nobody reads, one that is being made, for which all clients
/// are put in order, and what is remembered.
pub(super) fn admin_bytes(admin: &[Endpoint], clients: usize) -> u64 {
    if admin.is_empty() {
        return 0;
    }
    let answers = (MAX_CONNECTIONS + ANSWERS_UNDER_WAY) as u64 * ANSWER_BYTES as u64;
    let departures = DEPARTURES_KEPT as u64 * DEPARTED_BYTES;
    let history = HISTORY_SECONDS as u64 * SECOND_BYTES;
    let listing = (clients as u64).saturating_mul(ROW_BYTES);
    (answers + departures + history).saturating_add(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(slow: SlowPolicy) -> ListenerSetup {
        ListenerSetup {
            addr: Endpoint::Stdin,
            listener: 0,
            slow,
            replay: 0,
        }
    }

    #[test]
    fn rests_of_frames_are_bounded_by_the_frame_and_by_the_log_and_only_skipping_leaves_them() {
        let log = FrameLog::new(100, 50, 0).unwrap();
        let [skip, wait] = [SlowPolicy::Skip, SlowPolicy::Wait].map(listener);
        let both = [wait.clone(), skip];
        assert_eq!(remnants_bytes(&[wait], &log, 10), 0);
        assert_eq!(remnants_bytes(&both, &log, 10), 10 * (99 + REMNANT_BYTES));
        let all = log.capacity() as u64 + 1000 * REMNANT_BYTES;
        assert_eq!(remnants_bytes(&both, &log, 1000), all);
        assert_eq!(remnants_bytes(&both, &log, usize::MAX), u64::MAX);
    }

    #[test]
    fn what_is_not_asked_for_takes_nothing() {
        assert_eq!((addresses_bytes(0, 1000), admin_bytes(&[], 1000)), (0, 0));
        assert_eq!(addresses_bytes(2, 1000), 1000 * ADDRESS_BYTES);
        let admin = [Endpoint::Stdin];
        // 19 answers, 1,000 departures and five minutes, and a row for each client.
        let idle = 19 * 640 * 1024 + 1000 * DEPARTED_BYTES + 300 * 24;
        assert_eq!(admin_bytes(&admin, 0), idle);
        assert_eq!(admin_bytes(&admin, 1000), idle + 1000 * ROW_BYTES);
        assert_eq!(addresses_bytes(1, usize::MAX), u64::MAX);
    }

    #[test]
    fn all_of_it_is_the_sum_of_its_parts() {
        let setup = Setup {
            listeners: Vec::new(),
            admin: Vec::new(),
            max_clients: 7,
            descriptors: 0,
            descriptors_reserved: 0,
            log_bytes: 1,
            client_bytes: 10,
            remnants_bytes: 100,
            addresses_bytes: 1000,
            admin_bytes: 10_000,
        };
        assert_eq!(setup.memory_bytes(), 11_171);
    }
}
