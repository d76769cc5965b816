//! One log of frames that all threads read, a lock around it, and condition variables to sleep on: the strongest design
//! with threads that we know.
//!
//!     upstream ──▶ │ segment │ segment │ segment │ ◀── clients 1 and 2 sleep here
//!                            ▲
//!                            client 3 lags
//!
//! What one read of the upstream brings becomes a segment of whole frames, stored once, however many clients there are.
//! A client's thread takes all segments that are there for it (pointers to them, under the lock), and writes them with
//! one system call (without the lock). So the later it comes round, the more frames it moves at once, and a delivery
//! gets cheaper under load. What stays is the price of waking: when frames are few, a thread per client for each.
//!
//! It gives up, of the relay's promises: that only a client whose kernel refuses bytes is thrown out (the log runs away
//! just as well from a thread that the system does not let run); that a departure is seen at once (only a write finds
//! it, so a client that left in silence keeps its thread until there are frames); that what a client sends is read as
//! it comes (its thread looks the other way, and reads only at the end); redials, replay and limits.

#[path = "lab/blocking.rs"]
mod blocking;
#[path = "lab/program.rs"]
mod program;
#[path = "lab/variant.rs"]
mod variant;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use blocking::{ClientSocket, DRAIN_TIMEOUT};
use variant::{Arguments, FRAME_SIZE};

/// Whole frames, as many as one read of the upstream brought.
type Segment = Arc<[u8]>;

fn main() -> ExitCode {
    program::run(serve)
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let listener = arguments.listen()?;
    let log = Arc::new(SharedLog::default());
    let entrance = Arc::clone(&log);
    // Nobody waits for this thread: it accepts until the program ends.
    thread::Builder::new()
        .spawn(move || blocking::accept(&listener, |socket| join(socket, &entrance)))?;
    let upstream = program::connect(&arguments.upstream)?;
    let outcome = relay(upstream, &log, arguments.wait);
    log.drain();
    outcome
}

/// Reads whole frames and publishes them until the upstream ends. What it had sent of an unfinished one is dropped.
fn relay(mut upstream: TcpStream, log: &SharedLog, is_waiting: bool) -> io::Result<()> {
    let mut buffer = vec![0; SEGMENT_BYTES];
    let mut filled = 0;
    loop {
        match upstream.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        let whole = filled - filled % FRAME_SIZE;
        if whole > 0 {
            log.publish(Segment::from(&buffer[..whole]), is_waiting);
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
        }
    }
}

fn join(socket: ClientSocket, log: &Arc<SharedLog>) -> io::Result<()> {
    let cursor = Cursor::join(log);
    blocking::spawn(move || serve_client(socket, cursor)).map(drop)
}

/// A client's thread. An error means that the client has left or must go; either way its socket is closed after this.
fn serve_client(mut socket: ClientSocket, mut cursor: Cursor) -> io::Result<()> {
    let mut segments = Vec::new();
    while cursor.take(&mut segments)? {
        let mut slices: Vec<_> = segments.iter().map(|part| IoSlice::new(part)).collect();
        let is_left_behind = || cursor.position < cursor.log.lock().oldest;
        socket.write(&mut slices, is_left_behind)?;
        segments.clear();
    }
    socket.finish()
}

/// What the threads share: the log, and where they sleep.
#[derive(Default)]
struct SharedLog {
    log: Mutex<Log>,
    /// Clients' threads sleep here until there is something to take.
    published: Condvar,
    /// The thread that reads the upstream sleeps here until there is room, and at the end until all clients have left.
    taken: Condvar,
}

impl SharedLog {
    fn publish(&self, segment: Segment, is_waiting: bool) {
        let mut log = self.lock();
        if is_waiting {
            let room = self
                .taken
                .wait_while(log, |log| log.bytes + segment.len() > LOG_BYTES);
            log = room.unwrap_or_else(PoisonError::into_inner);
        }
        log.push(segment);
        // Nobody is woken who does not sleep: it would be a system call for nothing.
        let is_anybody_asleep = log.sleeping_clients > 0;
        drop(log);
        if is_anybody_asleep {
            self.published.notify_all();
        }
    }

    /// A client took something, or left. Whoever waits for that is woken when it made a difference.
    fn let_go(&self, mut log: MutexGuard<'_, Log>) {
        let held = log.bytes;
        log.trim();
        let is_different = log.bytes < held || log.clients == 0;
        drop(log);
        if is_different {
            self.taken.notify_one();
        }
    }

    /// Lets every client take what it has not had yet, and waits until all have left.
    fn drain(&self) {
        let mut log = self.lock();
        log.has_upstream_ended = true;
        self.published.notify_all();
        // Whoever is not done by then, or came too late for any frame, is reset when the program ends.
        drop(
            self.taken
                .wait_timeout_while(log, DRAIN_TIMEOUT, |log| log.clients > 0),
        );
    }

    /// No step leaves the log half changed, so a panic in another thread has not spoilt it.
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Log {
    /// What some client has yet to take, oldest first; each with the number of clients that it is owed to.
    segments: VecDeque<(Segment, usize)>,
    /// How many segments there were before those.
    oldest: usize,
    /// Of all segments.
    bytes: usize,
    clients: usize,
    sleeping_clients: usize,
    has_upstream_ended: bool,
}

impl Log {
    fn push(&mut self, segment: Segment) {
        self.bytes += segment.len();
        self.segments.push_back((segment, self.clients));
        self.trim();
    }

    /// Lets go of what everybody has, and of what is too old to wait for those who have it not.
    fn trim(&mut self) {
        while let Some((segment, owed)) = self.segments.front()
            && (*owed == 0 || self.bytes > LOG_BYTES)
        {
            self.bytes -= segment.len();
            self.segments.pop_front();
            self.oldest += 1;
        }
    }

    fn end(&self) -> usize {
        self.oldest + self.segments.len()
    }

    fn since(&mut self, position: usize) -> impl Iterator<Item = &mut (Segment, usize)> {
        let behind = position.saturating_sub(self.oldest);
        self.segments.range_mut(behind..)
    }
}

/// Where a client is in the log. The client counts as one for as long as this lives.
struct Cursor {
    log: Arc<SharedLog>,
    /// The number of the segment to take next.
    position: usize,
}

impl Cursor {
    fn join(shared: &Arc<SharedLog>) -> Self {
        let mut log = shared.lock();
        log.clients += 1;
        Self {
            log: Arc::clone(shared),
            position: log.end(),
        }
    }

    /// Takes what there is, or sleeps until there is something. False at the end.
    fn take(&mut self, taken: &mut Vec<Segment>) -> io::Result<bool> {
        let shared = &self.log;
        let mut log = shared.lock();
        log.sleeping_clients += 1;
        let is_idle = |log: &mut Log| self.position == log.end() && !log.has_upstream_ended;
        let woken = shared.published.wait_while(log, is_idle);
        log = woken.unwrap_or_else(PoisonError::into_inner);
        log.sleeping_clients -= 1;
        if self.position == log.end() {
            return Ok(false);
        }
        if self.position < log.oldest {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut bytes = 0;
        for (segment, owed) in log.since(self.position) {
            bytes += segment.len();
            if bytes > SEGMENT_BYTES {
                break;
            }
            taken.push(Arc::clone(segment));
            *owed -= 1;
        }
        self.position += taken.len();
        shared.let_go(log);
        Ok(true)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut log = self.log.lock();
        log.clients -= 1;
        log.since(self.position).for_each(|(_, owed)| *owed -= 1);
        self.log.let_go(log);
    }
}

/// How far a client may lag.
const LOG_BYTES: usize = 1024 * 1024;

/// What one read of the upstream brings, and what one write takes on, at most.
const SEGMENT_BYTES: usize = 256 * 1024;
