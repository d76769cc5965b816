//! The server: owns the poll, and turns.
//!
//! Layer: reactor. Owns the order of a turn, which every reader of the field knows: sleep, note,
//! take in, give out, part. Knows nothing of how any of them is done.
//!
//! ```text
//!          ┌──────────────────────────── a turn ─────────────────────────────────┐
//!   ──▶ sleep ──▶ note ──────▶ take in ─────────▶ give out ────▶ part ──┐        │
//!       poll;     readiness    signals, accept,    flush a        reap  │        │
//!       no time-  bits, no     upstream into the   slice of the   those │        │
//!       out if    bytes        log, whole frames   sending        gone  │        │
//!       idle                   published           clients              │        │
//!        ▲                                                              └────────┘
//!        └── at once if a budget left known work over; else when a deadline or an event comes
//! ```

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use log::{info, warn};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Poll};

use super::accept::Entrance;
use super::clock::Clock;
use super::drain::{Drain, Phase};
use super::handle::{Desk, Handle};
use super::listener;
use super::report::{Report, Span, print_stats};
use super::resolver::Resolver;
use super::signals::{Order, SignalPipe};
use super::socket::{self, ClientOptions};
use super::token::Role;
use super::upstream::Upstream;
use crate::config::Config;
use crate::error::Error;
use crate::relay::admission::{Admission, AdmissionLimits};
use crate::relay::departure::{Ending, Reason};
use crate::relay::limits::{Budgets, EVENTS_PER_TURN, RESERVED_DESCRIPTORS};
use crate::relay::{Relay, RelaySettings};

/// A fan-out server: bound, and, while [`Server::run`] runs, serving.
pub struct Server {
    poll: Poll,
    events: Events,
    clock: Clock,
    signals: Option<SignalPipe>,
    desk: Desk,
    upstream: Upstream,
    entrance: Entrance,
    relay: Relay<TcpStream>,
    report: Report,
    phase: Phase,
    drain_timeout: Duration,
    /// Signals to stop that have come; the second one means now.
    stop_signals: u32,
}

impl Server {
    /// Opens every listener and allocates the frame log. Clients that connect from now on wait in
    /// the accept queue until [`Server::run`] is called.
    ///
    /// # Errors
    /// When the configuration makes no sense ([`Error::Config`], nothing was opened), when a
    /// listener cannot be bound, or when the system refuses memory or descriptors.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        config.validate()?;
        let relay = Relay::new(&RelaySettings {
            frame_size: config.frame_size,
            backlog_frames: config.backlog,
            linger: config.linger,
            stall_timeout: config.stall_timeout,
            budgets: Budgets::default(),
        })?;
        let poll = Poll::new().map_err(Error::system("create a poll"))?;
        let desk = Desk::open(poll.registry()).map_err(Error::system("create a waker"))?;
        let listeners = listener::open_all(config, poll.registry())?;
        let limits = admission_limits(config, listeners.len())?;
        Ok(Self {
            events: Events::with_capacity(EVENTS_PER_TURN),
            clock: Clock::start(),
            signals: None,
            upstream: Upstream::new(config, Resolver::new(desk.waker())),
            entrance: Entrance::new(
                listeners,
                Admission::new(limits),
                ClientOptions {
                    unsent_limit: config.unsent_limit,
                    user_timeout: config.stall_timeout,
                },
            ),
            relay,
            report: Report::new(),
            phase: Phase::Serving,
            drain_timeout: config.drain_timeout,
            stop_signals: 0,
            poll,
            desk,
        })
    }

    /// Makes this server heed SIGTERM, SIGINT (drain; the second one: stop) and SIGUSR1 (print
    /// all counters). For programs that do nothing else.
    ///
    /// # Errors
    /// When the system refuses the handlers or the pipe.
    pub fn watch_signals(&mut self) -> Result<(), Error> {
        let pipe = SignalPipe::open(self.poll.registry());
        self.signals = Some(pipe.map_err(Error::system("install signal handlers"))?);
        Ok(())
    }

    /// The addresses that clients connect to, with the ports that the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.entrance.local_addrs()
    }

    /// A handle for other threads.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.desk.handle()
    }

    /// Serves until a drain is over, and returns what ended it: `Ok` after a signal,
    /// [`Handle::drain`], or the end of the upstream with `reconnect` off.
    ///
    /// # Errors
    /// When the upstream failed with `reconnect` off ([`Error::Upstream`]), when a second signal
    /// or [`Handle::stop`] came ([`Error::Stopped`]), or when a listener or the poll broke.
    pub fn run(mut self) -> Result<(), Error> {
        loop {
            self.turn()?;
            if let Phase::Draining(drain) = &mut self.phase {
                if drain.is_time_up(self.clock.now()) {
                    self.relay.end_drain();
                    self.part();
                }
                if self.relay.clients().is_empty() {
                    return self.finish();
                }
            }
        }
    }

    /// One turn.
    fn turn(&mut self) -> Result<(), Error> {
        // Sleep.
        let patience = self.patience();
        let interrupted = match self.poll.poll(&mut self.events, patience) {
            Ok(()) => false,
            // SIGCONT after a SIGSTOP does this without any handler (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => return Err(Error::system("poll")(error)),
        };
        let now = self.clock.wake(patience, interrupted);
        self.relay.stats_mut().turns += 1;

        // Note.
        for event in &self.events {
            match Role::from(event.token()) {
                Role::Client(id) => self.relay.note(id, is_readable(event), is_writable(event)),
                Role::Upstream => self.upstream.note(event),
                Role::Listener(index) => self.entrance.note(index),
                // Looked at in every turn: an order costs one load, a signal one read.
                Role::Signals | Role::Waker => {}
            }
        }

        // Take in.
        self.obey(now)?;
        let registry = self.poll.registry();
        self.entrance
            .accept(&mut self.relay, registry, &mut self.report, now)?;
        self.upstream.advance(&mut self.relay, registry, now);

        // Give out.
        self.relay.give_out(now);

        // Part.
        self.relay.check_deadlines(now);
        self.part();
        Ok(())
    }

    /// How long to sleep: not at all if there is known work, for ever if nothing is ever due.
    fn patience(&mut self) -> Option<Duration> {
        let now = self.clock.read();
        let has_work = self.relay.has_work()
            || self.entrance.has_work(now)
            || (self.upstream.has_unread() && self.relay.has_room())
            || self.relay.stats().turns == 0;
        if has_work {
            return Some(Duration::ZERO);
        }
        let drain = match &self.phase {
            Phase::Draining(drain) => drain.deadline(),
            Phase::Serving => None,
        };
        let deadlines = [
            self.relay.next_deadline(),
            self.upstream.deadline(),
            self.entrance.deadline(),
            self.report.deadline(),
            drain,
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_sub(now))
    }

    /// Does what signals and handles ask for, and what the upstream's end means.
    fn obey(&mut self, now: Duration) -> Result<(), Error> {
        let mut wants_stats = false;
        for order in self.signals.iter_mut().flat_map(SignalPipe::orders) {
            match order {
                Order::Stop => self.stop_signals += 1,
                Order::PrintStats => wants_stats = true,
            }
        }
        if wants_stats {
            print_stats(&self.stats());
        }
        if self.stop_signals > 1 || self.desk.is_stop_wanted() {
            return Err(self.stop_now());
        }
        if (self.stop_signals == 1 || self.desk.is_drain_wanted()) && self.is_serving() {
            self.drain(Reason::Drain, None, now);
        }
        if let Some(outcome) = self.upstream.ended().cloned()
            && self.is_serving()
        {
            let failure = outcome.err().map(|loss| Error::Upstream {
                addr: loss.addr,
                reason: loss.reason,
            });
            self.drain(Reason::UpstreamEnd, failure, now);
        }
        Ok(())
    }

    fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Serving)
    }

    /// Stops accepting, frees the upstream's one place, and begins to let everybody go.
    fn drain(&mut self, reason: Reason, failure: Option<Error>, now: Duration) {
        info!(
            "draining clients={} timeout={}",
            self.relay.clients().len(),
            Span(self.drain_timeout)
        );
        self.entrance.close(self.poll.registry());
        self.upstream.close();
        self.relay.drain(reason, now);
        self.phase = Phase::Draining(Drain::new(now + self.drain_timeout, failure));
    }

    /// Resets every client that is owed something, and says how many those were.
    fn stop_now(&mut self) -> Error {
        self.entrance.close(self.poll.registry());
        self.upstream.close();
        self.relay.end_drain();
        let mut clients = 0;
        while let Some(parted) = self.relay.reap() {
            if parted.departure.ending == Ending::Reset {
                clients += 1;
                socket::reset_on_close(&parted.socket);
            }
        }
        self.report.close();
        Error::Stopped { clients }
    }

    /// Shuts down the sending side of clients that have everything, and reaps those gone: the only
    /// place where sockets of clients are closed and slab keys freed.
    fn part(&mut self) {
        let now = self.clock.now();
        while let Some(client) = self.relay.next_emptied() {
            // It fails when the client is gone already; reading from it will tell.
            let _ = client.socket.shutdown(std::net::Shutdown::Write);
        }
        while let Some(mut parted) = self.relay.reap() {
            if parted.departure.ending == Ending::Reset {
                socket::reset_on_close(&parted.socket);
            }
            // Closing the socket takes it out of the poll in any case.
            let _ = self.poll.registry().deregister(&mut parted.socket);
            self.entrance.leave(&parted, now);
            if let Phase::Draining(drain) = &mut self.phase {
                drain.count(parted.departure.reason, parted.departure.ending);
            }
            self.report.left(&parted, self.relay.clients().len(), now);
        }
        self.report.sum_up(now);
        self.desk.show(&self.stats());
    }

    fn stats(&self) -> crate::relay::stats::Stats {
        crate::relay::stats::Stats {
            lines_suppressed: self.report.suppressed(),
            ..*self.relay.stats()
        }
    }

    fn finish(mut self) -> Result<(), Error> {
        self.report.close();
        self.desk.show(&self.stats());
        match self.phase {
            Phase::Draining(drain) => drain.finish(),
            Phase::Serving => Ok(()),
        }
    }
}

/// The hints beside plain readability count too: whatever they mean, reading tells. mio promises
/// none of them on every system.
fn is_readable(event: &Event) -> bool {
    event.is_readable() || event.is_read_closed() || event.is_error()
}

fn is_writable(event: &Event) -> bool {
    event.is_writable() || event.is_write_closed() || event.is_error()
}

/// The admission limits that the configuration and the descriptor limit add up to.
fn admission_limits(config: &Config, listeners: usize) -> Result<AdmissionLimits, Error> {
    let (descriptors, _) = rlimit::Resource::NOFILE
        .get()
        .map_err(Error::system("read the descriptor limit"))?;
    // The reserve covers a handful of listeners; more of them make it larger.
    let reserve = RESERVED_DESCRIPTORS + listeners.saturating_sub(LISTENERS_IN_RESERVE) as u64;
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
        max_by_listener: config
            .listeners
            .iter()
            .map(|listener| listener.max_clients)
            .collect(),
    })
}

/// Listening sockets that the descriptor reserve has room for.
const LISTENERS_IN_RESERVE: usize = 8;
