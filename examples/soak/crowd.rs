//! All the clients, in one thread around one poll.
//!
//! Owns who is connected. Clients leave while events are served and come only between two polls, so that no event ever
//! meets a client that it was not meant for. What they do by the clock is in `conduct.rs`, how they leave in
//! `parting.rs`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::event::Event;
use mio::{Registry, Token};

use crate::Fallible;
use crate::books::Shared;
use crate::client::{Client, Phase};
use crate::clock::monotonic_ns;
use crate::kind::{Kind, Policy};
use crate::ledger::Ledger;
use crate::options::Options;
use crate::report::Broken;
use crate::stream::Rules;
use crate::timers::Timers;

pub(crate) struct Crowd {
    pub(crate) registry: Registry,
    pub(crate) shared: Arc<Shared>,
    /// A place's index is its token.
    pub(crate) places: Vec<Place>,
    pub(crate) timers: Timers<Alarm>,
    pub(crate) mood: Mood,
    /// What was done by those that have left.
    pub(crate) ledger: Ledger,
    pub(crate) broken: Broken,
    /// How old frames were when healthy clients read them, in nanoseconds.
    pub(crate) ages: Histogram<u64>,
    pub(crate) generator: fastrand::Rng,
    /// The frame before which each stream ended that ended in good order.
    pub(crate) ends: Vec<u64>,
    rules: Rules,
    buffer: Vec<u8>,
    unfinished: Vec<usize>,
    pub(crate) doze: Duration,
}

/// What stays when a client is thrown out and another one comes for it.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) policy: Policy,
    pub(crate) server: SocketAddr,
    pub(crate) client: Option<Client>,
}

/// What the clients are up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They do what their kinds do.
    Unruly,
    /// Nobody comes, goes or writes, and who sleeps wakes up: the books are being compared.
    AtRest,
    /// The unruly have gone for good.
    Closing,
    /// The server has been told to drain: ends are in good order.
    Draining,
}

/// What is due at some moment, in some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    Connect(usize),
    Act(usize),
}

impl Crowd {
    /// Everybody connects at once when the first alarms are served.
    pub(crate) fn new(
        options: &Options,
        registry: Registry,
        shared: &Arc<Shared>,
        seed: u64,
        addr: impl Fn(Policy) -> Fallible<SocketAddr>,
    ) -> Fallible<Self> {
        let mut timers = Timers::new();
        let mut places = Vec::new();
        for place in 0..options.clients {
            let (kind, policy) = Kind::of_place(place);
            let server = addr(policy)?;
            timers.set(0, Alarm::Connect(place));
            places.push(Place {
                kind,
                policy,
                server,
                client: None,
            });
        }
        Ok(Self {
            registry,
            shared: Arc::clone(shared),
            places,
            timers,
            mood: Mood::Unruly,
            ledger: Ledger::default(),
            broken: Broken::default(),
            ages: Histogram::new_with_bounds(1_000, 60_000_000_000, 3)?,
            generator: fastrand::Rng::with_seed(seed),
            ends: Vec::new(),
            rules: Rules::new(options.frame_size),
            buffer: vec![0; BUFFER_BYTES],
            unfinished: Vec::new(),
            doze: options.doze(),
        })
    }

    /// Serves what poll says of a client. It may have left since.
    pub(crate) fn serve(&mut self, event: &Event) {
        let Token(place) = event.token();
        let kind = self.places[place].kind;
        let Some(client) = &mut self.places[place].client else {
            return;
        };
        if client.phase == Phase::Connecting {
            match client.finish_connecting(kind) {
                Ok(true) => self.set_out(place),
                Ok(false) => return,
                Err(error) => return self.fail_to_connect(place, &error),
            }
        }
        let is_last = event.is_read_closed() || event.is_error();
        if is_last || self.is_reading(place) {
            self.read(place, is_last);
        }
        if kind == Kind::Flooding && event.is_writable() {
            self.flood(place);
        }
    }

    /// Goes on with those that had to leave something undone.
    pub(crate) fn go_on(&mut self) {
        for place in std::mem::take(&mut self.unfinished) {
            let Some(client) = &mut self.places[place].client else {
                continue;
            };
            if client.phase == Phase::Unfinished {
                client.phase = Phase::Open;
                // Whether an end has come by now is not known: one read too many finds out.
                self.read(place, true);
                self.flood(place);
            }
        }
    }

    pub(crate) fn is_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Does what is due.
    pub(crate) fn act(&mut self) {
        while let Some((due_ns, alarm)) = self.timers.take_due(monotonic_ns()) {
            match (alarm, self.mood) {
                (Alarm::Connect(_), Mood::AtRest) => {
                    self.timers.set(monotonic_ns() + AT_REST_NS, alarm);
                }
                (Alarm::Connect(place), Mood::Unruly) => self.connect(place),
                (Alarm::Connect(_), Mood::Closing | Mood::Draining) => {}
                (Alarm::Act(place), _) => self.act_in(place, due_ns),
            }
        }
    }

    fn is_reading(&self, place: usize) -> bool {
        let Place { kind, client, .. } = &self.places[place];
        let is_asleep = client
            .as_ref()
            .is_none_or(|client| client.phase == Phase::Asleep);
        !is_asleep && !matches!(kind, Kind::Stuck | Kind::Trickling)
    }

    /// Reads until the kernel has no more, or it is somebody else's turn. A read that does not fill the buffer was the
    /// last, unless the server has ended the stream, which only one more read tells (`epoll(7)`).
    pub(crate) fn read(&mut self, place: usize, is_last: bool) {
        for _ in 0..READS_PER_TURN {
            match self.read_once(place, BUFFER_BYTES) {
                Some(filled) if filled == BUFFER_BYTES || is_last => {}
                _ => return,
            }
        }
        self.postpone(place);
    }

    /// No event will come for what is left undone.
    fn postpone(&mut self, place: usize) {
        if let Some(client) = &mut self.places[place].client
            && client.phase == Phase::Open
        {
            client.phase = Phase::Unfinished;
            self.unfinished.push(place);
        }
    }

    /// Reads at most so much. Returns how much it was, unless there was nothing or the client has left.
    pub(crate) fn read_once(&mut self, place: usize, most: usize) -> Option<usize> {
        let client = self.places[place].client.as_mut()?;
        match client.socket.read(&mut self.buffer[..most]) {
            Ok(0) => self.end(place),
            Ok(filled) => {
                self.check(place, filled);
                return Some(filled);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Some(most),
            Err(error) => self.be_thrown_out(place, &error),
        }
        None
    }

    fn check(&mut self, place: usize, filled: usize) {
        let Place {
            kind,
            policy,
            client: Some(client),
            ..
        } = &mut self.places[place]
        else {
            return;
        };
        let gaps_allowed = *policy == Policy::Skip && !kind.reads_at_once();
        let is_timely = matches!(kind, Kind::Healthy | Kind::HalfClosed);
        client.bytes += filled as u64;
        let now_ns = monotonic_ns();
        let ages = &mut self.ages;
        let bytes = &self.buffer[..filled];
        let outcome = client
            .stream
            .feed(bytes, &mut self.rules, gaps_allowed, |sent_at_ns| {
                if is_timely {
                    ages.saturating_record(now_ns.saturating_sub(sent_at_ns));
                }
            });
        if let Some(next) = client.stream.next() {
            self.shared.note_seen(next);
        }
        if let Err(fault) = outcome {
            let name = self.name(place);
            self.broken.add(format!("{name}: {fault}"));
            self.leave(place);
        }
    }

    /// Writes as fast as the kernel takes it, a bounded number of times.
    pub(crate) fn flood(&mut self, place: usize) {
        if self.places[place].kind != Kind::Flooding || self.mood != Mood::Unruly {
            return;
        }
        for _ in 0..WRITES_PER_TURN {
            if !self.say(place, FLOOD_WRITE_BYTES) {
                return;
            }
        }
        self.postpone(place);
    }

    /// Sends some bytes, which nobody wants. Returns whether the kernel took any.
    pub(crate) fn say(&mut self, place: usize, bytes: usize) -> bool {
        let Some(client) = &mut self.places[place].client else {
            return false;
        };
        match client.socket.write(&NOISE[..bytes]) {
            Ok(taken) => client.said_bytes += taken as u64,
            Err(error) if is_passing(&error) => return false,
            Err(error) => {
                self.be_thrown_out(place, &error);
                return false;
            }
        }
        true
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Bytes asked for with one read.
const BUFFER_BYTES: usize = 256 * 1024;

/// Reads that one client may take before it is the next one's turn.
const READS_PER_TURN: usize = 4;

const FLOOD_WRITE_BYTES: usize = 16 * 1024;

/// Writes of one flooding client in one turn.
const WRITES_PER_TURN: usize = 8;

const NOISE: [u8; FLOOD_WRITE_BYTES] = [b'x'; FLOOD_WRITE_BYTES];

/// How often somebody who wants to come looks whether the rest is over.
const AT_REST_NS: u64 = 100_000_000;
