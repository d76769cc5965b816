//! The smallest reactor that is correct. Read this one first.
//!
//! Poll; for each event, match the token. Every complete frame is appended to the byte buffer of every client, and a
//! buffer is flushed when its socket is writable. Readiness is edge-triggered, that is, told once: it is remembered in
//! a bit until a call would block, and while a bit is set that has work behind it, nobody sleeps.
//!
//! What it gets wrong and the relay does not, because it takes more code than there is here:
//! - Each frame is copied for each client. Buffers grow with clients x lag, to [`BUFFER_LIMIT`] each, and never shrink.
//! - Turns have no bound: a block for 10,000 clients, a storm of connects or a client that sends as fast as it is read
//!   makes everybody wait, and the first in the slab is always served first.
//! - Out of descriptors, those who wait to be accepted wait until somebody else connects.
//! - No stall timeout, no keepalive, no redial, no skip, no replay, no limits, no signals.

#[path = "lab/program.rs"]
mod program;
#[path = "lab/variant.rs"]
mod variant;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;

use variant::{Arguments, FRAME_SIZE};

struct Server {
    poll: Poll,
    listener: TcpListener,
    upstream: TcpStream,
    upstream_readable: bool,
    /// What was read of the upstream. Between two turns its first `filled` bytes are an unfinished frame.
    block: Vec<u8>,
    filled: usize,
    /// The key of a client is its token.
    clients: Slab<Client>,
    /// Keys of clients that go at the end of the turn; one may be in it twice.
    leaving: Vec<usize>,
    /// A lagging client is not thrown out but waited for: the upstream is left unread.
    waits: bool,
    /// Once the upstream has ended: until when clients may take the rest.
    deadline: Option<Instant>,
    outcome: io::Result<()>,
}

struct Client {
    socket: TcpStream,
    writable: bool,
    /// What its kernel has not taken yet.
    buffer: VecDeque<u8>,
    /// It has been given everything, and its own end is waited for.
    is_finished: bool,
}

fn main() -> std::process::ExitCode {
    program::run(|arguments| Server::open(arguments)?.run())
}

impl Server {
    fn open(arguments: &Arguments) -> io::Result<Self> {
        rlimit::increase_nofile_limit(u64::MAX)?;
        let listener = arguments.listen()?;
        listener.set_nonblocking(true)?;
        let upstream = program::connect(&arguments.upstream)?;
        upstream.set_nonblocking(true)?;
        let mut server = Self {
            poll: Poll::new()?,
            listener: TcpListener::from_std(listener),
            upstream: TcpStream::from_std(upstream),
            upstream_readable: false,
            block: vec![0; BLOCK_SIZE],
            filled: 0,
            clients: Slab::new(),
            leaving: Vec::new(),
            waits: arguments.wait,
            deadline: None,
            outcome: Ok(()),
        };
        let registry = server.poll.registry();
        registry.register(&mut server.listener, LISTENER, Interest::READABLE)?;
        registry.register(&mut server.upstream, UPSTREAM, Interest::READABLE)?;
        Ok(server)
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.is_over() {
            match self.poll.poll(&mut events, self.patience()) {
                // SIGCONT after a SIGSTOP does this without any handler (signal(7)). There are no events then.
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    // Read after the batch: who connected before a frame came is accepted before it is read.
                    UPSTREAM => self.upstream_readable = true,
                    Token(key) => {
                        let client = &mut self.clients[key];
                        client.writable |= event.is_writable();
                        if client.advance(self.deadline.is_some()).unwrap_or(true) {
                            self.leaving.push(key);
                        }
                    }
                }
            }
            if self.may_read() {
                self.take_in();
            }
            // Keys are freed here and nowhere else. Freed earlier, one could be given to a newcomer, who would be taken
            // for its predecessor by an event that is still to come in the batch.
            for key in self.leaving.drain(..) {
                drop(self.clients.try_remove(key));
            }
        }
        // Clients that are still behind are reset as they are dropped.
        self.outcome
    }

    fn is_over(&self) -> bool {
        let is_reached = |deadline| self.clients.is_empty() || deadline <= Instant::now();
        self.deadline.is_some_and(is_reached)
    }

    /// How long to sleep: not at all while the upstream has more, which no further event will announce.
    fn patience(&self) -> Option<Duration> {
        let next = self.may_read().then(Instant::now).or(self.deadline)?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn may_read(&self) -> bool {
        let is_full = |client: &Client| client.buffer.len() + BLOCK_SIZE > BUFFER_LIMIT;
        let is_held = || self.waits && self.clients.iter().any(|(_, client)| is_full(client));
        self.upstream_readable && self.deadline.is_none() && !is_held()
    }

    fn accept(&mut self) {
        // Who comes after the upstream's end is left in the accept queue.
        while self.deadline.is_none() {
            match self.listener.accept() {
                // A failure is its own: it is closed.
                Ok((socket, _)) => drop(self.seat(socket)),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                // It would block, or there are no descriptors. The next to connect causes an event.
                Err(_) => return,
            }
        }
    }

    fn seat(&mut self, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        // Until it has been given everything, to close it is to reset it: nobody takes an abort for an end.
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        let seat = self.clients.vacant_entry();
        // Once, for both directions and its whole life.
        let (token, both) = (Token(seat.key()), Interest::READABLE | Interest::WRITABLE);
        self.poll.registry().register(&mut socket, token, both)?;
        seat.insert(Client {
            socket,
            // No event has said so yet, but a frame may come in this very turn.
            writable: true,
            buffer: VecDeque::new(),
            is_finished: false,
        });
        Ok(())
    }

    /// Reads one block, appends its complete frames to every buffer, and flushes those whose socket is known to be
    /// writable: no event will say so again. One block a turn, so that a burst makes nobody look slow.
    fn take_in(&mut self) {
        match self.upstream.read(&mut self.block[self.filled..]) {
            Ok(0) => return self.begin_drain(Ok(())),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.upstream_readable = false;
                return;
            }
            Err(error) => return self.begin_drain(Err(error)),
        }
        let whole = self.filled - self.filled % FRAME_SIZE;
        for (key, client) in &mut self.clients {
            client.buffer.extend(&self.block[..whole]);
            let has_failed = client.flush().is_err();
            if has_failed || (!self.waits && client.buffer.len() > BUFFER_LIMIT) {
                self.leaving.push(key);
            }
        }
        self.block.copy_within(whole..self.filled, 0);
        self.filled -= whole;
    }

    /// The upstream has ended: nobody comes in any more, and everybody leaves who has all complete frames.
    fn begin_drain(&mut self, outcome: io::Result<()>) {
        self.outcome = outcome.map_err(|error| io::Error::other(format!("upstream lost: {error}")));
        self.deadline = Some(Instant::now() + DRAIN_TIMEOUT);
        for (key, client) in &mut self.clients {
            if client.advance(true).unwrap_or(true) {
                self.leaving.push(key);
            }
        }
    }
}

impl Client {
    /// Writes and reads what the kernel permits, and says whether the client is done with.
    fn advance(&mut self, is_draining: bool) -> io::Result<bool> {
        self.flush()?;
        // Once: each shutdown causes an event, and would lead back here.
        if is_draining && self.buffer.is_empty() && !self.is_finished {
            self.socket.shutdown(std::net::Shutdown::Write)?;
            SockRef::from(&self.socket).set_linger(None)?;
            self.is_finished = true;
        }
        // What it sends is forgotten, but read: input that is left unread turns a close into a reset.
        loop {
            match self.socket.read(&mut [0; 4096]) {
                // It has ended its side, which is no reason not to serve it on.
                Ok(0) => return Ok(self.is_finished),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes until the buffer is empty or the kernel refuses.
    fn flush(&mut self) -> io::Result<()> {
        while self.writable && !self.buffer.is_empty() {
            match self.socket.write(self.buffer.as_slices().0) {
                Ok(count) => drop(self.buffer.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

const LISTENER: Token = Token(usize::MAX);
const UPSTREAM: Token = Token(usize::MAX - 1);
const BLOCK_SIZE: usize = 64 * 1024;
/// Bytes that a client may lag, besides those that its kernel holds.
const BUFFER_LIMIT: usize = 256 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
