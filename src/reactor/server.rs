//! The server: owns the poll, and turns.
//!
//! Layer: reactor. Owns the order of a turn: sleep, note, take in, give out, part. Knows nothing of
//! how any of them is done.
//!
//! ```text
//!          ┌──────────────────────────── a turn ─────────────────────────────────┐
//!   ──▶ sleep ──▶ note ──────▶ take in ─────────▶ give out ────▶ part ──┐        │
//!       poll; no  readiness    signals, accept,   flush a         reap  │        │
//!       timeout   bits, no     upstream into the  slice of the    those │        │
//!       if idle   bytes        log, whole frames  sending         gone  │        │
//!                              published          clients               │        │
//!        ▲                                                              └────────┘
//!        └── at once if a budget left known work over; else when a deadline or an event comes
//! ```

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll};

use super::accept::Doors;
use super::admin::{Admin, Opening, Scene};
use super::clock::Clock;
use super::effective::Setup;
use super::handle::{Desk, Handle};
use super::inherited::Inherited;
use super::notify::Notifier;
use super::openings::Openings;
use super::report::Report;
use super::setup::Parts;
use super::signals::SignalPipe;
use super::socket::{self, SocketCore};
use super::token::Role;
use super::upstream::Dialler;
use crate::config::Config;
use crate::error::Error;
use crate::relay::departure::Ending;
use crate::relay::endpoint::Endpoint;
use crate::relay::limits::{EVENTS_PER_TURN, PARTINGS_PER_TURN};
use crate::relay::stats::Stats;

/// A fan-out server: bound, and, while [`Server::run`] runs, serving.
pub struct Server {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) clock: Clock,
    pub(super) signals: Option<SignalPipe>,
    pub(super) desk: Desk,
    pub(super) dialler: Dialler,
    pub(super) doors: Doors,
    pub(super) admin: Option<Admin>,
    setup: Arc<Setup>,
    pub(super) core: SocketCore,
    pub(super) report: Report,
    pub(super) notifier: Notifier,
    /// What the drain that is under way is to end with, if not well.
    pub(super) failure: Option<Error>,
}

impl Server {
    /// Opens every listener and allocates the frame log. Clients that connect from now on wait in
    /// the accept queue until [`Server::run`] is called.
    ///
    /// # Errors
    /// When the configuration makes no sense ([`Error::Config`], nothing was opened), when a
    /// listener cannot be bound, or when the system refuses memory or descriptors.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        Self::open(config, false, Inherited::default())
    }

    /// As [`Server::bind`], and heeds SIGTERM, SIGINT (drain; the second one: stop) and SIGUSR1
    /// (print all counters). For programs that do nothing else. The handlers are installed when
    /// the names of listeners have been resolved and before anything is opened, and stay for the
    /// life of the process.
    ///
    /// # Errors
    /// As [`Server::bind`], and when the system refuses the handlers.
    pub fn bind_with_signals(config: &Config) -> Result<Self, Error> {
        Self::bind_as_service(config, Inherited::default())
    }

    /// As [`Server::bind_with_signals`], and clients connect to the sockets that a service manager
    /// has passed on, if there are any, instead of the configuration's listeners. They have the
    /// configuration's policy and replay, and no limit of their own.
    ///
    /// # Errors
    /// As [`Server::bind_with_signals`].
    pub fn bind_as_service(config: &Config, inherited: Inherited) -> Result<Self, Error> {
        Self::open(config, true, inherited)
    }

    fn open(config: &Config, watch_signals: bool, inherited: Inherited) -> Result<Self, Error> {
        config.validate()?;
        // While names are looked up, which may take long, signals still have their default action.
        let openings = Openings::of(config, inherited.listeners)?;
        let admin = Opening::of(config, inherited.admin)?;
        let poll = Poll::new().map_err(Error::system("create a poll"))?;
        let clock = Clock::start();
        let signals = watch_signals
            .then(|| SignalPipe::open(poll.registry(), clock.continued()))
            .transpose()
            .map_err(Error::system("install signal handlers"))?;
        let parts = Parts::open(config, openings, admin, poll.registry())?;
        let notifier = if watch_signals {
            Notifier::of_environment(&parts.core, clock.now())
        } else {
            Notifier::default()
        };
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            clock,
            signals,
            desk: parts.desk,
            dialler: parts.dialler,
            doors: parts.doors,
            admin: parts.admin,
            setup: parts.setup,
            core: parts.core,
            report: Report::new(),
            notifier,
            failure: None,
        })
    }

    /// The TCP addresses that clients connect to, with the ports that the system chose.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.doors.addrs().filter_map(Endpoint::inet).collect()
    }

    /// What the configuration has come to on this system.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
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
            if let Some(drain) = self.core.outcome() {
                return self.finish(drain);
            }
        }
    }

    /// One turn.
    fn turn(&mut self) -> Result<(), Error> {
        // Sleep.
        let now = self.clock.read();
        self.core.relay.settle(now);
        let patience = self.core.patience(self.errand(now), now);
        let interrupted = match self.poll.poll(&mut self.events, patience) {
            Ok(()) => false,
            // SIGCONT after a SIGSTOP does this without any handler (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) => return Err(Error::system("poll")(error)),
        };
        let now = self.clock.wake(patience, interrupted);
        self.core.relay.begin_turn(now);

        // Note.
        for event in &self.events {
            match Role::from(event.token()) {
                Role::Client(id) => {
                    let (readable, writable) = (is_readable(event), is_writable(event));
                    self.core.relay.note(id, readable, writable);
                }
                Role::Upstream => self.core.upstream.note(is_readable(event)),
                Role::Listener(place) => self.core.entrance.note(place),
                Role::AdminListener(place) => {
                    self.admin
                        .iter_mut()
                        .for_each(|admin| admin.note_listener(place));
                }
                Role::Admin(slot) => {
                    let (readable, writable) = (is_readable(event), is_writable(event));
                    self.admin
                        .iter_mut()
                        .for_each(|admin| admin.note(slot, readable, writable));
                }
                Role::Signals => self.signals.iter_mut().for_each(SignalPipe::note),
                // What handles ask for is looked at in every turn; the resolver's answers too.
                Role::Waker => {}
            }
        }

        // Take in.
        self.obey(now)?;
        let (core, registry, report) = (&mut self.core, self.poll.registry(), &mut self.report);
        // Before the upstream, so that a client that waits when a frame comes is given that frame.
        self.doors.accept(core, registry, report, now)?;
        self.dialler.advance(core, registry, report, now);
        core.relay.publish_due(now);
        self.heed_upstream_end(now);

        // Give out.
        self.core.relay.give_out(now);

        // Part.
        self.core.check_deadlines(now);
        self.part();
        self.notifier.tell(&self.core, now);
        self.serve_admin();
        Ok(())
    }

    /// When there is something to do beside the relay's work.
    fn errand(&self, now: Duration) -> Option<Duration> {
        let admin = self.admin.as_ref().and_then(|admin| admin.deadline(now));
        let errands = [self.report.deadline(), self.notifier.deadline(), admin];
        errands.into_iter().flatten().min()
    }

    fn serve_admin(&mut self) {
        if let Some(admin) = self.admin.as_mut().filter(|admin| !admin.is_quiet()) {
            // What has been delivered was delivered before somebody asks.
            let now = self.clock.read();
            self.core.relay.settle_deliveries(now);
            let mut scene = Scene {
                core: &mut self.core,
                targets: self.dialler.targets(),
                lines_suppressed: self.report.suppressed(),
            };
            let (registry, report) = (self.poll.registry(), &mut self.report);
            admin.serve(&mut scene, registry, report, &mut self.clock);
        }
    }

    /// Shuts down the sending side of clients that have everything, takes those that have lagged
    /// and live out of the kernel's care, and reaps those gone: the only place where sockets of
    /// clients are closed and slab keys freed.
    fn part(&mut self) {
        let now = self.clock.now();
        for _ in 0..PARTINGS_PER_TURN {
            let Some(client) = self.core.relay.next_emptied() else {
                break;
            };
            // It fails when the client is gone already; reading from it will tell.
            let _ = client.socket.shutdown(std::net::Shutdown::Write);
        }
        for _ in 0..PARTINGS_PER_TURN {
            let Some(client) = self.core.relay.next_resumed() else {
                break;
            };
            socket::end_user_timeout(&client.socket);
        }
        let mut clients = self.core.relay.clients().len();
        for mut parted in self.core.reap(now) {
            clients -= 1;
            if parted.departure.ending == Ending::Reset {
                socket::reset_on_close(&parted.socket);
            }
            // Closing the socket takes it out of the poll in any case.
            let _ = self.poll.registry().deregister(parted.socket.source());
            self.report.left(&parted, clients, now);
        }
        self.report.sum_up(now);
        self.desk.show(&self.stats());
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            lines_suppressed: self.report.suppressed(),
            ..*self.core.relay.stats()
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
