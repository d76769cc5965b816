//! What clients do by the clock: read slowly or in bursts, talk, come and go. And what ends by the clock.

use std::io::Write;

use mio::net::TcpStream;

use crate::Fallible;
use crate::client::Client;
use crate::clock::{monotonic_ns, whole_ns};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::progress::Progress;
use crate::sink::{Alarm, Sink};
use crate::tally::{End, Tally};
use crate::watch::Watch;

impl Sink<'_> {
    /// Connects everybody but the storm.
    pub(crate) fn connect_all(&mut self) -> Fallible<()> {
        for kind in self.options.kinds() {
            let serial = self.next_serial();
            let outcome = Client::connect(self.addr, kind, serial, self.options.dialect);
            let mut client =
                outcome.map_err(|error| format!("cannot connect to {}: {error}", self.addr))?;
            client.heard_at_ns = monotonic_ns();
            let key = self.add(client)?;
            if let Some(interval_ns) = interval_ns(kind) {
                self.timers
                    .set(monotonic_ns() + interval_ns, Alarm::Act { key, serial });
            }
        }
        Ok(())
    }

    /// Sets what is due once everybody is connected.
    pub(crate) fn set_out(&mut self) -> Fallible<()> {
        let now_ns = monotonic_ns();
        self.began_ns = now_ns;
        if !self.options.orders {
            self.progress = Progress::shown_to_anybody();
        }
        if let Some(server) = self.options.watch {
            self.watch = Some(Watch::begin(server, self.deliveries())?);
        }
        if self.progress.is_shown() || self.watch.is_some() {
            self.timers.set(now_ns, Alarm::Look);
        }
        if self.options.storm > 0 {
            self.timers.set(now_ns, Alarm::Storm);
        }
        if let Some(limit) = self.options.time_limit {
            self.timers
                .set(now_ns.saturating_add(whole_ns(limit)), Alarm::End);
        }
        if let Some(patience) = self.options.patience {
            self.timers
                .set(now_ns.saturating_add(whole_ns(patience)), Alarm::Silence);
        }
        Ok(())
    }

    /// Does what is due. Returns whether the time is up.
    pub(crate) fn act(&mut self) -> Fallible<bool> {
        let now_ns = monotonic_ns();
        while let Some((due_ns, alarm)) = self.timers.take_due(now_ns) {
            match alarm {
                Alarm::Act { key, serial } => self.act_as(key, serial, due_ns)?,
                Alarm::Storm => self.storm(due_ns)?,
                Alarm::Judge => self.judge()?,
                Alarm::Silence => self.find_silent(now_ns)?,
                Alarm::Look => self.look(now_ns),
                Alarm::End => return Ok(true),
            }
        }
        Ok(false)
    }

    fn look(&mut self, now_ns: u64) {
        let deliveries = self.deliveries();
        if let Some(watch) = &mut self.watch {
            watch.look(deliveries);
        }
        let open = self.tallies.iter().map(Tally::open).sum();
        self.progress.show(open, deliveries, now_ns - self.began_ns);
        self.timers.set(now_ns + LOOK_INTERVAL_NS, Alarm::Look);
    }

    fn act_as(&mut self, key: usize, serial: u64, due_ns: u64) -> Fallible<()> {
        let client = self.clients.get_mut(key);
        let Some(client) = client.filter(|client| client.serial == serial) else {
            return Ok(());
        };
        let kind = client.kind;
        match kind {
            Kind::Bursty => self.read(key, true)?,
            Kind::Slow => {
                let most = self.options.slow_rate / SLOW_READS_PER_SECOND;
                self.read_once(key, usize::try_from(most).unwrap_or(usize::MAX).max(1))?;
            }
            Kind::Chattering if client.said < CHATTER_BYTES => {
                // A server that does not listen will be noticed by the frames that stop coming, or by a reset.
                client.said += client.stream.write(CHATTER).unwrap_or(0);
            }
            Kind::Storm => self.part(key, Ok(End::Left))?,
            Kind::Chattering | Kind::Reader | Kind::HalfClosing | Kind::Stalled => {}
        }
        if let Some(interval_ns) = interval_ns(kind) {
            self.timers
                .set(due_ns + interval_ns, Alarm::Act { key, serial });
        }
        Ok(())
    }

    /// Lets one more client come, and soon go.
    fn storm(&mut self, due_ns: u64) -> Fallible<()> {
        if self.is_ending() {
            return Ok(());
        }
        self.timers
            .set(due_ns + SECOND_NS / self.options.storm, Alarm::Storm);
        let serial = self.next_serial();
        let stream = match TcpStream::connect(self.addr) {
            Ok(stream) => stream,
            Err(error) => {
                self.tallies[Kind::Storm as usize].clients += 1;
                self.suspect(format!("storm {serial}: {error}"));
                return Ok(());
            }
        };
        let client = Client::new(stream, Kind::Storm, serial);
        let key = self.add(client)?;
        self.timers
            .set(monotonic_ns() + STORM_STAY_NS, Alarm::Act { key, serial });
        Ok(())
    }

    fn find_silent(&mut self, now_ns: u64) -> Fallible<()> {
        let Some(patience) = self.options.patience else {
            return Ok(());
        };
        let patience_ns = whole_ns(patience);
        let mut next_ns = now_ns + patience_ns;
        let mut silent = Vec::new();
        for (key, client) in &self.clients {
            let end_ns = client.heard_at_ns + patience_ns;
            match client.kind.keeps_up() {
                true if end_ns <= now_ns => silent.push(key),
                true => next_ns = next_ns.min(end_ns),
                false => {}
            }
        }
        for key in silent {
            self.part(key, Err(Fault::Silent(patience)))?;
        }
        let due_ns = next_ns.max(now_ns + SILENCE_STEP_NS);
        self.timers.set(due_ns, Alarm::Silence);
        Ok(())
    }

    fn next_serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }
}

/// How often a kind of client acts.
fn interval_ns(kind: Kind) -> Option<u64> {
    match kind {
        Kind::Slow => Some(SECOND_NS / SLOW_READS_PER_SECOND),
        Kind::Bursty => Some(BURSTY_INTERVAL_NS),
        Kind::Chattering => Some(CHATTER_INTERVAL_NS),
        Kind::Reader | Kind::HalfClosing | Kind::Stalled | Kind::Storm => None,
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const SLOW_READS_PER_SECOND: u64 = 10;

/// Long enough that a server sees its writes pile up, short enough that none may call it stalled.
const BURSTY_INTERVAL_NS: u64 = 250_000_000;

const CHATTER_INTERVAL_NS: u64 = 50_000_000;
const CHATTER: &[u8] = &[b'?'; 512];

/// What a chattering client says in all: the relay throws out whoever says more than four times as much.
const CHATTER_BYTES: usize = 256 * 1024;

/// How long a client of the storm stays if no frame comes.
const STORM_STAY_NS: u64 = SECOND_NS;

/// Often enough that a progress line seems to move.
const LOOK_INTERVAL_NS: u64 = 100_000_000;

/// How exactly silence is measured at most.
const SILENCE_STEP_NS: u64 = 10_000_000;
