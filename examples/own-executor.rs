//! The fan-out as `async fn`s, on a small runtime of our own: `own-executor/runtime.rs`. Read that one first.
//!
//! One task accepts clients and reads the upstream, and each client has a task that waits for frames and then for its
//! socket. Frames are stored once: a client lags by so many bytes, and its task writes them with one call, or two.
//!
//! It gives up, of what the relay has:
//! - Owners that the compiler knows. Tasks share by `Rc`, `Cell` and `RefCell`, which look after it when the program
//!   runs: a borrow that was held over an await would be a panic.
//! - Bounded turns: the upstream is read again when all tasks that were woken have run, and there may be 10,000.
//! - The stall timeout, and another try to accept when descriptors have run out: the runtime has no timers.
//! - Redial, replay, skip, keepalive, limits and signals, which would be more of the same.

#[path = "lab/program.rs"]
mod program;
#[path = "own-executor/runtime.rs"]
mod runtime;
#[path = "lab/variant.rs"]
mod variant;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use slab::Slab;
use socket2::SockRef;

use runtime::{Executor, Signal, Socket, To, race, yield_now};
use variant::{Arguments, FRAME_SIZE};

/// What all tasks share.
#[derive(Default)]
struct FanOut {
    /// The last bytes of the stream, as many as some client lags.
    log: RefCell<VecDeque<u8>>,
    clients: RefCell<Slab<Rc<Standing>>>,
    /// Set when a client has taken bytes or has left.
    progress: Signal,
    has_ended: Cell<bool>,
}

/// How a client stands. Its task waits for the signals.
#[derive(Default)]
struct Standing {
    /// How many of the log's last bytes its kernel has not taken.
    lag: Cell<usize>,
    /// Set when the lag has grown, or never will again.
    news: Signal,
    /// Set when it lags too far for the log.
    overrun: Signal,
}

fn main() -> ExitCode {
    program::run(run)
}

fn run(arguments: &Arguments) -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let listener = arguments.listen()?;
    listener.set_nonblocking(true)?;
    let upstream = program::connect(&arguments.upstream)?;
    upstream.set_nonblocking(true)?;

    let executor = Executor::new()?;
    let listener = Socket::new(TcpListener::from_std(listener), &executor.reactor)?;
    let upstream = Socket::new(TcpStream::from_std(upstream), &executor.reactor)?;
    let fan_out = Rc::new(FanOut::default());
    let accepting = accept(&listener, &executor, &fan_out);
    let reading = take_in(&upstream, &fan_out, arguments.wait);
    // In this order: who connected before a frame came is accepted before it is read.
    let outcome = executor.block_on(race(accepting, reading), None)?;

    drop(listener);
    fan_out.end();
    let everybody_gone = fan_out.until(|| fan_out.clients.borrow().is_empty());
    executor.block_on(everybody_gone, Some(Instant::now() + DRAIN_TIMEOUT))?;
    // Clients that are still behind are reset as their tasks are dropped.
    outcome.unwrap_or(Ok(()))
}

/// Accepts clients for ever, each of which gets a task.
async fn accept(
    listener: &Socket<TcpListener>,
    executor: &Executor,
    fan_out: &Rc<FanOut>,
) -> io::Result<()> {
    loop {
        // Any failure waits like would-block: out of descriptors, it is the next to connect who causes an event.
        let next = |listener: &TcpListener| listener.accept().or(Err(ErrorKind::WouldBlock.into()));
        let (socket, _) = listener.call(To::Read, next).await?;
        if let Ok(client) = Socket::new(socket, &executor.reactor) {
            // Here, and not in its task, which may not run before the next frame is published.
            let standing = Rc::new(Standing::default());
            let seat = fan_out.clients.borrow_mut().insert(Rc::clone(&standing));
            executor.spawn(serve(client, seat, standing, Rc::clone(fan_out)));
        }
    }
}

/// Reads the upstream to its end and publishes its frames.
async fn take_in(upstream: &Socket<TcpStream>, fan_out: &FanOut, waits: bool) -> io::Result<()> {
    let (mut block, mut filled) = (vec![0; BLOCK_SIZE], 0);
    loop {
        fan_out.until(|| !waits || fan_out.has_room()).await;
        let read = |mut upstream: &TcpStream| upstream.read(&mut block[filled..]);
        match upstream.call(To::Read, read).await {
            Ok(0) => return Ok(()),
            Ok(count) => filled += count,
            Err(error) => return Err(io::Error::other(format!("upstream lost: {error}"))),
        }
        let whole = filled - filled % FRAME_SIZE;
        fan_out.publish(&block[..whole]);
        block.copy_within(whole..filled, 0);
        filled -= whole;
        // Everybody whose kernel is willing is given this before there is more: nobody lags because of a burst.
        yield_now().await;
    }
}

/// One client, from first to last. How it ends is nobody else's business.
async fn serve(
    client: Socket<TcpStream>,
    seat: usize,
    standing: Rc<Standing>,
    fan_out: Rc<FanOut>,
) {
    let overrun = async {
        standing.overrun.wait().await;
        Err(ErrorKind::QuotaExceeded.into())
    };
    let hearing = async {
        hear(&client).await?;
        // It has ended its side, and is served on.
        pending().await
    };
    let giving = give(&client, &standing, &fan_out);
    let _ = race(overrun, race(giving, hearing)).await;
    fan_out.clients.borrow_mut().remove(seat);
    fan_out.progress.set();
}

/// Gives a client everything to the stream's end, and then a FIN.
async fn give(client: &Socket<TcpStream>, standing: &Standing, fan_out: &FanOut) -> io::Result<()> {
    client.inner.set_nodelay(true)?;
    // Until it has everything, to close it is to reset it: nobody takes an abort for an end.
    SockRef::from(&client.inner).set_linger(Some(Duration::ZERO))?;
    while !(fan_out.has_ended.get() && standing.lag.get() == 0) {
        standing.news.wait().await;
        standing.news.clear();
        while standing.lag.get() > 0 {
            let write = |socket: &TcpStream| fan_out.write(socket, standing.lag.get());
            let count = client.call(To::Write, write).await?;
            standing.lag.update(|lag| lag - count);
            fan_out.progress.set();
        }
    }
    client.inner.shutdown(Shutdown::Write)?;
    SockRef::from(&client.inner).set_linger(None)?;
    // To the end of its side: input that is left unread makes a reset of the close.
    hear(client).await
}

/// Reads what a client sends, and forgets it, until the client ends its side.
async fn hear(client: &Socket<TcpStream>) -> io::Result<()> {
    let read = |mut client: &TcpStream| client.read(&mut [0; 4096]);
    while client.call(To::Read, read).await? > 0 {
        // One that never stops must not keep the others waiting.
        yield_now().await;
    }
    Ok(())
}

impl FanOut {
    /// Adds whole frames to what everybody lags. What nobody lacks is forgotten, and so is what only those lack who lag
    /// too far.
    fn publish(&self, frames: &[u8]) {
        let mut log = self.log.borrow_mut();
        log.extend(frames);
        let mut needed = 0;
        for (_, client) in &*self.clients.borrow() {
            client.lag.update(|lag| lag + frames.len());
            client.news.set();
            if client.lag.get() > LAG_LIMIT {
                client.overrun.set();
            }
            needed = needed.max(client.lag.get().min(LAG_LIMIT));
        }
        let forgotten = log.len() - needed;
        log.drain(..forgotten);
    }

    /// Writes some of the log's last `lag` bytes.
    fn write(&self, mut socket: &TcpStream, lag: usize) -> io::Result<usize> {
        let log = self.log.borrow();
        let (front, back) = log.as_slices();
        let start = log.len() - lag;
        if start < front.len() {
            socket.write(&front[start..])
        } else {
            socket.write(&back[start - front.len()..])
        }
    }

    /// Nobody lags so far that another block would be too much.
    fn has_room(&self) -> bool {
        let clients = self.clients.borrow();
        let most = clients.iter().map(|(_, client)| client.lag.get()).max();
        most.unwrap_or(0) + BLOCK_SIZE <= LAG_LIMIT
    }

    /// Waits until this is so. Looks again whenever a client has made progress.
    async fn until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            self.progress.clear();
            self.progress.wait().await;
        }
    }

    fn end(&self) {
        self.has_ended.set(true);
        for (_, client) in &*self.clients.borrow() {
            client.news.set();
        }
    }
}

/// Bytes that are read of the upstream at once.
const BLOCK_SIZE: usize = 64 * 1024;
/// Bytes that a client may lag, besides those that its kernel holds. The log never takes more.
const LAG_LIMIT: usize = 1024 * 1024;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
