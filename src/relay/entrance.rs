//! The entrance: which listener to accept from, and who is let in.
//!
//! Layer: relay. Owns the rule that a failed `accept` costs one connection at most, and that a
//! process out of descriptors neither spins nor forgets those who wait. Knows nothing of listening
//! sockets: it says from which one to accept, and is told what came of it.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::time::Duration;

use super::accept_pause::AcceptPause;
use super::admission::{Admission, Refusal};
use super::client::Card;
use super::clients::Parted;
use super::endpoint::Endpoint;
use super::limits::{ACCEPT_FAILURES_IN_A_ROW, ACCEPTS_PER_TURN};
use super::policy::SlowPolicy;

/// All listening sockets, by their place, and who may come in.
#[derive(Debug)]
pub struct Entrance {
    gates: Vec<Gate>,
    admission: Admission,
    pause: AcceptPause,
}

/// What is agreed with the clients of one listening socket.
#[derive(Debug)]
pub struct Gate {
    /// Index of the listener in the configuration; several sockets may share one.
    pub listener: u16,
    /// What happens when they are slow.
    pub policy: SlowPolicy,
    /// Frames from before their time that they are given first.
    pub replay: u64,
    /// A connection may be waiting: set by an event, cleared by would-block.
    pub acceptable: bool,
}

/// How far accepting has come in this turn.
#[derive(Debug, Default)]
pub struct Round {
    place: usize,
    /// Calls for this place.
    calls: usize,
    /// Failures in a row, at this place.
    failures: usize,
}

/// What an answer of `accept` means for the others who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing that need be told.
    Unchanged,
    /// Accepting is paused from now on.
    Paused,
    /// It goes on.
    Resumed,
    /// The listener itself is broken.
    Broken,
}

impl Entrance {
    /// The gates in the order of their sockets; all of them shut until an event comes.
    #[must_use]
    pub fn new(gates: Vec<Gate>, admission: Admission) -> Self {
        Self {
            gates,
            admission,
            pause: AcceptPause::default(),
        }
    }

    /// Notes that a connection may be waiting at the gate with this place.
    pub fn note(&mut self, place: usize) {
        if let Some(gate) = self.gates.get_mut(place) {
            gate.acceptable = true;
        }
    }

    /// Where to call `accept` next, as far as one turn's budget permits.
    pub fn next(&self, round: &mut Round, now: Duration) -> Option<usize> {
        if !self.pause.is_open(now) {
            return None;
        }
        while let Some(gate) = self.gates.get(round.place) {
            if gate.acceptable && round.calls < ACCEPTS_PER_TURN {
                round.calls += 1;
                return Some(round.place);
            }
            *round = Round {
                place: round.place + 1,
                ..Round::default()
            };
        }
        None
    }

    /// `accept` gave a connection.
    pub fn accepted(&mut self, round: &mut Round) -> Outlook {
        round.failures = 0;
        self.resume()
    }

    /// `accept` failed.
    pub fn failed(&mut self, round: &mut Round, error: &io::Error, now: Duration) -> Outlook {
        round.failures += 1;
        match AcceptFailure::of(error) {
            AcceptFailure::NobodyWaits => {
                self.gates[round.place].acceptable = false;
                self.resume()
            }
            AcceptFailure::Connection if round.failures < ACCEPT_FAILURES_IN_A_ROW => {
                Outlook::Unchanged
            }
            AcceptFailure::Connection | AcceptFailure::Exhaustion if self.pause.begin(now) => {
                Outlook::Paused
            }
            AcceptFailure::Connection | AcceptFailure::Exhaustion => Outlook::Unchanged,
            AcceptFailure::Listener => Outlook::Broken,
        }
    }

    fn resume(&mut self) -> Outlook {
        if self.pause.end() {
            Outlook::Resumed
        } else {
            Outlook::Unchanged
        }
    }

    /// Takes a seat for a client with this address, if it has one, that has come in at `place`.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn admit(&mut self, place: usize, ip: Option<IpAddr>) -> Result<(), Refusal> {
        let listener = self.gates[place].listener;
        self.admission.enter(ip, listener.into())
    }

    /// Who has been admitted cannot be served after all.
    pub fn turn_away(&mut self, place: usize, ip: Option<IpAddr>) {
        let listener = self.gates[place].listener;
        self.admission.leave(ip, listener.into());
    }

    /// The particulars of a client that has been admitted at `place`, and how many frames from
    /// before its time it is to be given.
    #[must_use]
    pub fn card(&self, place: usize, addr: Endpoint, now: Duration) -> (Card, u64) {
        let gate = &self.gates[place];
        let card = Card {
            serial: 0,
            addr,
            listener: gate.listener,
            policy: gate.policy,
            joined_at: now,
        };
        (card, gate.replay)
    }

    /// A client has left: its seat and its descriptor are free again.
    pub fn leave<S>(&mut self, parted: &Parted<S>, now: Duration) {
        let card = &parted.card;
        self.admission.leave(card.addr.ip(), card.listener.into());
        self.pause.hasten(now);
    }

    /// Nobody is let in any more.
    pub fn close(&mut self) {
        self.gates.clear();
        self.pause.end();
    }

    /// A connection may be waiting.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.gates.iter().any(|gate| gate.acceptable)
    }

    /// A connection may be waiting and may be accepted now.
    #[must_use]
    pub fn has_work(&self, now: Duration) -> bool {
        self.pause.is_open(now) && self.is_awaited()
    }

    /// When to try again, while accepting is paused.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.pause.deadline()
    }
}

/// What a failed `accept` says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptFailure {
    /// There is nobody to accept.
    NobodyWaits,
    /// That connection is lost, and the next may be fine: Linux hands over errors of the new
    /// socket (`accept(2)`, "Error handling"); macOS can give a descriptor without an address,
    /// which arrives here as invalid input.
    Connection,
    /// Descriptors or memory have run out.
    Exhaustion,
    /// The listener itself is broken.
    Listener,
}

impl AcceptFailure {
    fn of(error: &io::Error) -> Self {
        const ENOMEM: i32 = 12;
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const EBADF: i32 = 9;
        const EINVAL: i32 = 22;
        const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
        const ENOTSOCK: i32 = if cfg!(target_os = "linux") { 88 } else { 38 };
        match error.raw_os_error() {
            _ if error.kind() == ErrorKind::WouldBlock => Self::NobodyWaits,
            Some(EMFILE | ENFILE | ENOBUFS | ENOMEM) => Self::Exhaustion,
            Some(EBADF | ENOTSOCK) => Self::Listener,
            // On macOS, the client was gone before it was accepted.
            Some(EINVAL) if cfg!(target_os = "linux") => Self::Listener,
            _ => Self::Connection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::AdmissionLimits;
    use super::super::limits::ACCEPT_RETRY;
    use super::*;

    #[test]
    fn each_failure_costs_what_it_must_and_no_more() {
        let of = |number| AcceptFailure::of(&io::Error::from_raw_os_error(number));
        for exhausted in [12, 23, 24] {
            assert_eq!(of(exhausted), AcceptFailure::Exhaustion, "{exhausted}");
        }
        // EPERM and EINTR; no address at all, as macOS has it.
        for lost in [1, 4] {
            assert_eq!(of(lost), AcceptFailure::Connection, "{lost}");
        }
        let no_address = io::Error::from(ErrorKind::InvalidInput);
        assert_eq!(AcceptFailure::of(&no_address), AcceptFailure::Connection);
        assert_eq!(of(9), AcceptFailure::Listener);
        // EINVAL: elsewhere it is the client that is gone.
        let is_broken = of(22) == AcceptFailure::Listener;
        assert_eq!(is_broken, cfg!(target_os = "linux"));
        let empty = io::Error::from(ErrorKind::WouldBlock);
        assert_eq!(AcceptFailure::of(&empty), AcceptFailure::NobodyWaits);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_of_the_new_socket_are_its_own_on_linux() {
        // ENETDOWN, EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
        // ENETUNREACH (all of accept(2)), ECONNABORTED, ETIMEDOUT, ECONNRESET.
        for number in [100, 71, 92, 112, 64, 113, 95, 101, 103, 110, 104] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(AcceptFailure::of(&error), AcceptFailure::Connection);
        }
        let exhausted = io::Error::from_raw_os_error(105);
        assert_eq!(AcceptFailure::of(&exhausted), AcceptFailure::Exhaustion);
        let shut = io::Error::from_raw_os_error(22);
        assert_eq!(AcceptFailure::of(&shut), AcceptFailure::Listener);
    }

    /// One gate, with somebody waiting in front of it.
    fn entrance() -> Entrance {
        let gate = Gate {
            listener: 0,
            policy: SlowPolicy::Wait,
            replay: 0,
            acceptable: true,
        };
        Entrance::new(vec![gate], Admission::new(AdmissionLimits::default()))
    }

    #[test]
    fn failures_in_a_row_pause_and_a_connection_in_between_starts_the_count_over() {
        let (mut entrance, mut round) = (entrance(), Round::default());
        let (now, (first_wait, _)) = (Duration::from_secs(1), ACCEPT_RETRY);
        let aborted = io::Error::from(ErrorKind::ConnectionAborted);
        for has_had_one in [false, true] {
            for _ in 1..ACCEPT_FAILURES_IN_A_ROW {
                assert_eq!(entrance.next(&mut round, now), Some(0));
                let outlook = entrance.failed(&mut round, &aborted, now);
                assert_eq!(outlook, Outlook::Unchanged, "{has_had_one}");
            }
            if !has_had_one {
                assert_eq!(entrance.accepted(&mut round), Outlook::Unchanged);
            }
        }
        let outlook = entrance.failed(&mut round, &aborted, now);
        assert_eq!(outlook, Outlook::Paused);
        assert_eq!(entrance.deadline(), Some(now + first_wait));
        assert_eq!(entrance.next(&mut round, now), None);
        assert!(!entrance.has_work(now) && entrance.has_work(now + first_wait));
    }

    #[test]
    fn a_pause_is_told_when_it_begins_and_when_it_ends_and_not_in_between() {
        let (mut entrance, mut now) = (entrance(), Duration::ZERO);
        let exhausted = io::Error::from_raw_os_error(24);
        for outlook in [Outlook::Paused, Outlook::Unchanged, Outlook::Unchanged] {
            let mut round = Round::default();
            assert_eq!(entrance.next(&mut round, now), Some(0));
            assert_eq!(entrance.failed(&mut round, &exhausted, now), outlook);
            assert_eq!(
                entrance.next(&mut round, now),
                None,
                "nobody is asked again"
            );
            now = entrance.deadline().expect("it is tried again");
        }
        // Whoever waited may have been accepted by the last try before the table was full.
        let (mut round, nobody) = (Round::default(), ErrorKind::WouldBlock.into());
        assert_eq!(entrance.next(&mut round, now), Some(0));
        let outlook = entrance.failed(&mut round, &nobody, now);
        assert_eq!(outlook, Outlook::Resumed);
        assert_eq!((entrance.deadline(), entrance.has_work(now)), (None, false));
        assert_eq!(entrance.accepted(&mut round), Outlook::Unchanged);
    }

    #[test]
    fn a_broken_listener_is_called_broken_and_pauses_nobody() {
        let (mut entrance, mut round) = (entrance(), Round::default());
        let broken = io::Error::from_raw_os_error(9);
        let outlook = entrance.failed(&mut round, &broken, Duration::ZERO);
        assert_eq!(outlook, Outlook::Broken);
        assert_eq!(entrance.deadline(), None);
    }
}
