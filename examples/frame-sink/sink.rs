//! All the clients, in one thread around one poll.
//!
//! Owns who is connected and what was counted. Clients are removed while events are served and added only between two
//! polls, so that no event ever meets a client that it was not meant for.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use mio::event::Event;
use mio::{Interest, Registry, Token};
use slab::Slab;

use crate::Fallible;
use crate::checker::Rules;
use crate::client::Client;
use crate::clock::monotonic_ns;
use crate::dialect::PONG;
use crate::kind::Kind;
use crate::options::Options;
use crate::progress::Progress;
use crate::tally::{End, Tally};
use crate::timers::Timers;
use crate::watch::Watch;

pub(crate) struct Sink<'a> {
    pub(crate) options: &'a Options,
    pub(crate) addr: SocketAddr,
    pub(crate) registry: Registry,
    /// What the bench asks for.
    pub(crate) orders: Receiver<String>,
    /// A client's key is its token.
    pub(crate) clients: Slab<Client>,
    pub(crate) timers: Timers<Alarm>,
    rules: Rules,
    buffer: Vec<u8>,
    /// Clients that were read from and have more, by key; some may have left since.
    pub(crate) unfinished: Vec<usize>,
    /// One for each kind, in the order of `Kind::ALL`.
    pub(crate) tallies: Vec<Tally>,
    /// Clients that keep up and have had no complete frame yet.
    pub(crate) unstarted: usize,
    /// Whether the bench waits to hear that there are none.
    pub(crate) awaits_first: bool,
    /// What was broken, up to `BROKEN_KEPT` lines, and how much in all.
    pub(crate) broken: Vec<String>,
    /// The frame before which the first stream ended that ended in good order.
    pub(crate) ended_before: Option<u64>,
    pub(crate) broken_count: u64,
    /// What the clients of the storm met that is broken unless the server is about to end.
    pub(crate) suspected: VecDeque<String>,
    /// Clients so far.
    pub(crate) serials: u64,
    /// When everybody was connected, on the monotonic clock.
    pub(crate) began_ns: u64,
    pub(crate) progress: Progress,
    pub(crate) watch: Option<Watch>,
}

/// What is due at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// A client does what its kind does by the clock.
    Act { key: usize, serial: u64 },
    /// The next client of the storm comes.
    Storm,
    /// The oldest suspicion is either confirmed or not.
    Judge,
    /// Streams that were silent for too long are looked for.
    Silence,
    /// It is time to look at the server and to show how far the run is.
    Look,
    /// The time is up.
    End,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(
        options: &'a Options,
        addr: SocketAddr,
        registry: Registry,
        orders: Receiver<String>,
    ) -> Fallible<Self> {
        let tallies = Kind::ALL.map(|kind| Tally::new(kind, options.latency));
        Ok(Self {
            options,
            addr,
            registry,
            orders,
            clients: Slab::new(),
            timers: Timers::new(),
            rules: options.rules(),
            buffer: vec![0; BUFFER_BYTES],
            unfinished: Vec::new(),
            tallies: tallies.into_iter().collect::<Fallible<_>>()?,
            unstarted: 0,
            awaits_first: false,
            broken: Vec::new(),
            ended_before: None,
            broken_count: 0,
            suspected: VecDeque::new(),
            serials: 0,
            began_ns: 0,
            progress: Progress::hidden(),
            watch: None,
        })
    }

    /// Takes in a client that has just been connected, and gives its key.
    pub(crate) fn add(&mut self, mut client: Client) -> io::Result<usize> {
        let entry = self.clients.vacant_entry();
        let key = entry.key();
        let stream = &mut client.stream;
        self.registry
            .register(stream, Token(key), Interest::READABLE)?;
        self.tallies[client.kind as usize].clients += 1;
        self.unstarted += usize::from(client.kind.keeps_up());
        entry.insert(client);
        Ok(key)
    }

    /// Complete frames that all clients together have read.
    pub(crate) fn deliveries(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.frames).sum()
    }

    /// Frames that clients were skipped over.
    pub(crate) fn skipped(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.skipped).sum()
    }

    /// Serves what poll says of a client. It may have left since.
    pub(crate) fn serve(&mut self, event: &Event) -> Fallible<()> {
        let Token(key) = event.token();
        let Some(client) = self.clients.get_mut(key) else {
            return Ok(());
        };
        match client.kind {
            // What it would find out by reading on at its own pace, it is told now.
            Kind::Stalled | Kind::Slow if event.is_error() => self.part(key, Ok(End::ThrownOut)),
            Kind::Stalled if event.is_read_closed() => self.part(key, Ok(End::Ended)),
            // They go by the clock.
            Kind::Stalled | Kind::Bursty | Kind::Slow => Ok(()),
            Kind::Storm | Kind::Reader | Kind::HalfClosing | Kind::Chattering => {
                let is_last = event.is_read_closed() || event.is_error();
                self.read(key, is_last)
            }
        }
    }

    /// Reads until the kernel has no more, or it is somebody else's turn. A read that does not fill the buffer was the
    /// last, unless the server has ended the stream, which only one more read tells (`epoll(7)`).
    pub(crate) fn read(&mut self, key: usize, is_last: bool) -> Fallible<()> {
        for _ in 0..READS_PER_TURN {
            match self.read_once(key, BUFFER_BYTES)? {
                Some(filled) if filled == BUFFER_BYTES || is_last => {}
                _ => return Ok(()),
            }
        }
        // No event will come for what is there already.
        if let Some(client) = self.clients.get_mut(key)
            && !std::mem::replace(&mut client.is_unfinished, true)
        {
            self.unfinished.push(key);
        }
        Ok(())
    }

    /// Goes on with those that had to leave something unread.
    pub(crate) fn go_on(&mut self) -> Fallible<()> {
        for key in std::mem::take(&mut self.unfinished) {
            if let Some(client) = self.clients.get_mut(key) {
                client.is_unfinished = false;
                // Whether an end has come by now is not known: one read too many finds out.
                self.read(key, true)?;
            }
        }
        Ok(())
    }

    /// Reads at most so much. Returns how much it was, unless there was nothing or the client has left.
    pub(crate) fn read_once(&mut self, key: usize, most: usize) -> Fallible<Option<usize>> {
        let Some(client) = self.clients.get_mut(key) else {
            return Ok(None);
        };
        let most = most.min(BUFFER_BYTES);
        match client.stream.read(&mut self.buffer[..most]) {
            Ok(0) => self.end(key)?,
            Ok(filled) => {
                self.check(key, filled)?;
                return Ok(Some(filled));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Some(most)),
            Err(error) => self.fail(key, &error)?,
        }
        Ok(None)
    }

    fn check(&mut self, key: usize, filled: usize) -> Fallible<()> {
        let client = &mut self.clients[key];
        let tally = &mut self.tallies[client.kind as usize];
        let checker = &mut client.checker;
        let (frames, skipped) = (checker.frames(), checker.skipped());
        let limit = match self.options.frames {
            Some(limit) if client.kind.keeps_up() => limit,
            _ => u64::MAX,
        };
        let bytes = &self.buffer[..filled];
        let outcome = match &mut tally.latencies {
            None => checker.feed(bytes, &mut self.rules, limit, |_| {}),
            Some(latencies) => {
                let now_ns = monotonic_ns();
                checker.feed(bytes, &mut self.rules, limit, |sent_at_ns| {
                    latencies.saturating_record(now_ns.saturating_sub(sent_at_ns));
                })
            }
        };
        tally.frames += checker.frames() - frames;
        tally.skipped += checker.skipped() - skipped;
        if self.options.patience.is_some() {
            client.heard_at_ns = monotonic_ns();
        }
        if frames == 0 && checker.frames() > 0 && client.kind.keeps_up() {
            self.unstarted -= 1;
            self.report_first();
        }
        if let Err(fault) = outcome {
            return self.part(key, Err(fault));
        }
        self.answer(key)?;
        let client = &self.clients[key];
        let has_enough = match client.kind {
            Kind::Storm => client.checker.frames() > 0,
            _ => client.checker.frames() >= limit,
        };
        if has_enough {
            return self.part(key, Ok(End::Left));
        }
        Ok(())
    }

    /// Gives the server the answers that it waits for.
    fn answer(&mut self, key: usize) -> Fallible<()> {
        let client = &mut self.clients[key];
        for _ in 0..client.checker.take_owed_answers() {
            // A full kernel would be a server that does not read at all.
            client.stream.write_all(PONG)?;
        }
        Ok(())
    }
}

/// Bytes asked for with one read: no more than fits a core's own cache, no less than keeps system calls rare.
const BUFFER_BYTES: usize = 256 * 1024;

/// Reads that one client may take before it is the next one's turn: so slow a sink cannot starve anybody.
const READS_PER_TURN: usize = 4;
