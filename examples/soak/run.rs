//! A soak from the first connection to the report: poll, serve, do what is due, look at the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, process};

use mio::{Events, Poll};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::Fallible;
use crate::balance::Statement;
use crate::books::Shared;
use crate::check::Limits;
use crate::clock::{monotonic_ns, whole_ns};
use crate::cpu;
use crate::crowd::Crowd;
use crate::options::Options;
use crate::proc;
use crate::progress::Progress;
use crate::report::{Machine, Report};
use crate::samples::{Look, Samples, double};
use crate::server::Server;
use crate::source;

/// Everything that takes part.
pub(crate) struct Run<'a> {
    pub(crate) options: &'a Options,
    pub(crate) seed: u64,
    poll: Poll,
    events: Events,
    pub(crate) crowd: Crowd,
    pub(crate) server: Server,
    pub(crate) shared: Arc<Shared>,
    upstream: Option<JoinHandle<()>>,
    pub(crate) samples: Samples,
    progress: Progress,
    pub(crate) limits: Limits,
    pub(crate) began_ns: u64,
    looks_at_ns: u64,
    /// When the load ended, in seconds since the beginning.
    pub(crate) load_ended: f64,
    /// What the last comparison with everybody there has seen.
    pub(crate) last: Option<Statement>,
    /// Comparisons of the books so far.
    pub(crate) checks: usize,
    /// The longest time that the clients' thread needed to come round, and spent on other things than waiting.
    pub(crate) longest_turn_ns: u64,
    /// Whether the server has ended, which it is not to do before it is told.
    pub(crate) is_dead: bool,
    is_interrupted: Arc<AtomicBool>,
    pub(crate) machine: Machine,
}

/// Runs all of it. An error is a fault of the soak; what the server did wrong is in the report.
pub(crate) fn run(options: &Options) -> Fallible<Report> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    eprintln!("soak: --seed {seed}");
    let mut run = Run::begin(options, seed)?;
    run.gather()?;
    run.bear_load()?;
    run.close()?;
    run.drain()?;
    run.finish()?;
    Ok(Report::of(&run))
}

impl<'a> Run<'a> {
    fn begin(options: &'a Options, seed: u64) -> Fallible<Self> {
        let poll = Poll::new()?;
        let shared = Arc::<Shared>::default();
        // Nothing is sent before the limits are known.
        shared.hold();
        let (upstream_addr, upstream) = source::start(options, seed, &shared)?;
        let server = Server::start(options, upstream_addr)?;
        let limits = Limits::of(options, server.id(), &shared)?;
        let registry = poll.registry().try_clone()?;
        let crowd = Crowd::new(options, registry, &shared, seed, |policy| {
            server.addr(policy)
        })?;
        let is_interrupted = Arc::<AtomicBool>::default();
        for signal in [SIGINT, SIGTERM] {
            // Whoever signals twice does not want to wait.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_interrupted))?;
            signal_hook::flag::register(signal, Arc::clone(&is_interrupted))?;
        }
        let began_ns = monotonic_ns();
        shared.note_alive(began_ns);
        shared.release();
        Ok(Self {
            options,
            seed,
            poll,
            events: Events::with_capacity(EVENTS_PER_POLL),
            crowd,
            machine: Machine::begin(server.id())?,
            server,
            shared,
            upstream: Some(upstream),
            samples: Samples::default(),
            progress: Progress::begin(options.duration),
            limits,
            began_ns,
            looks_at_ns: began_ns,
            load_ended: 0.0,
            last: None,
            checks: 0,
            longest_turn_ns: 0,
            is_dead: false,
            is_interrupted,
        })
    }

    /// Lets everybody connect.
    fn gather(&mut self) -> Fallible<()> {
        let deadline_ns = monotonic_ns() + whole_ns(GATHERING_LIMIT);
        let everybody = self.options.clients as u64;
        while self.crowd.ledger().connects < everybody && !self.is_over() {
            self.turn_until(monotonic_ns() + MOMENT_NS)?;
            if monotonic_ns() > deadline_ns {
                let connected = self.crowd.ledger().connects;
                self.break_promise(format!(
                    "only {connected} of {everybody} clients could connect in {GATHERING_LIMIT:?}"
                ));
                return Ok(());
            }
        }
        Ok(())
    }

    /// The load, with a comparison of the books now and then.
    fn bear_load(&mut self) -> Fallible<()> {
        let end_ns = self.began_ns + whole_ns(self.options.duration);
        while monotonic_ns() < end_ns && !self.is_over() {
            let next_ns = monotonic_ns() + whole_ns(self.options.check_every);
            while monotonic_ns() < next_ns.min(end_ns) && !self.is_over() {
                self.turn_until(monotonic_ns() + MOMENT_NS)?;
            }
            if monotonic_ns() < end_ns && !self.is_over() {
                self.check()?;
            }
        }
        self.load_ended = self.elapsed();
        Ok(())
    }

    /// Ends the upstream's thread and reads what is left to know.
    fn finish(&mut self) -> Fallible<()> {
        self.shared.end();
        if let Some(upstream) = self.upstream.take()
            && upstream.join().is_err()
        {
            return Err("the upstream's thread has panicked".into());
        }
        self.progress.clear();
        Ok(())
    }

    /// Comes round until it is so late, or there is no server any more.
    pub(crate) fn turn_until(&mut self, until_ns: u64) -> Fallible<()> {
        while monotonic_ns() < until_ns && !self.is_dead {
            self.turn(until_ns)?;
        }
        Ok(())
    }

    /// Comes round once.
    fn turn(&mut self, until_ns: u64) -> Fallible<()> {
        let now_ns = monotonic_ns();
        self.shared.note_alive(now_ns);
        let next_ns = self.crowd.timers.next_ns().unwrap_or(until_ns);
        let next_ns = next_ns.min(until_ns).min(now_ns + MOMENT_NS);
        let timeout = if self.crowd.is_unfinished() {
            Duration::ZERO
        } else {
            Duration::from_nanos(next_ns.saturating_sub(now_ns))
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        let woken_ns = monotonic_ns();
        self.crowd.go_on();
        for event in &self.events {
            self.crowd.serve(event);
        }
        self.crowd.act();
        if woken_ns >= self.looks_at_ns {
            self.look()?;
            self.looks_at_ns = woken_ns + LOOK_EVERY_NS;
        }
        self.longest_turn_ns = self.longest_turn_ns.max(monotonic_ns() - woken_ns);
        Ok(())
    }

    /// Looks at the server.
    fn look(&mut self) -> Fallible<()> {
        if self.server.end()?.is_some() {
            self.is_dead = true;
            return Ok(());
        }
        let turns = self.server.journal().stats.map_or(0, |stats| stats.turns);
        let look = Look::at(self.server.id(), self.elapsed(), turns);
        // One that is just ending has nothing to look at.
        if let Ok(look) = look {
            self.machine.note(
                look.cpu_ns,
                cpu::cpu_ns(process::id())?,
                proc::machine_busy_ns()?,
            );
            self.samples.add(look);
        }
        self.server.ask_for_stats();
        let broken = self.crowd.broken.count;
        self.progress
            .show(self.elapsed(), &self.crowd.ledger(), self.checks, broken);
        Ok(())
    }

    /// Whether there is no point in going on.
    pub(crate) fn is_over(&self) -> bool {
        self.is_dead || self.is_interrupted.load(Ordering::Relaxed)
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Since the beginning, in seconds.
    pub(crate) fn elapsed(&self) -> f64 {
        double(monotonic_ns() - self.began_ns) / 1e9
    }

    pub(crate) fn break_promise(&mut self, what: String) {
        self.crowd.broken.add(what);
    }
}

/// How long everybody may take to connect.
const GATHERING_LIMIT: Duration = Duration::from_secs(60);

/// The longest wait of one turn.
pub(crate) const MOMENT_NS: u64 = 20_000_000;

const LOOK_EVERY_NS: u64 = 1_000_000_000;

const EVENTS_PER_POLL: usize = 4096;
