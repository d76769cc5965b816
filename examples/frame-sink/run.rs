//! A run of the sink from the first connection to the end: poll, serve, do what is due.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use fanout::HostPort;
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use crate::Fallible;
use crate::clock::monotonic_ns;
use crate::options::Options;
use crate::orders;
use crate::sink::Sink;

/// Connects everybody and serves them until there is nothing to wait for.
pub(crate) fn run(options: &Options) -> Fallible<Sink<'_>> {
    let mut poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    poll.registry()
        .register(&mut signals, SIGNALS, Interest::READABLE)?;
    let (sender, receiver) = mpsc::channel();
    let registry = poll.registry().try_clone()?;
    let mut sink = Sink::new(options, resolve(&options.server)?, registry, receiver)?;
    sink.connect_all()?;
    if options.orders {
        println!("connected");
        orders::listen(move |order| {
            // Neither the receiver nor the poll ends before the process.
            let _ = sender.send(order);
            let _ = waker.wake();
        });
    }
    sink.set_out()?;
    let mut events = Events::with_capacity(EVENTS_PER_POLL);
    let mut is_over = false;
    let mut is_interrupted = false;
    while !is_over && !sink.is_finished() {
        match poll.poll(&mut events, time_left(&sink)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        sink.go_on()?;
        for event in &events {
            match event.token() {
                WAKER => sink.obey()?,
                SIGNALS => is_interrupted = true,
                _ => sink.serve(event)?,
            }
        }
        is_over |= sink.act()? || is_interrupted;
    }
    // Whoever ends before the server shows signs of it takes what happened for what it looks like.
    while !sink.suspected.is_empty() {
        sink.judge()?;
    }
    if !options.orders && !is_interrupted {
        sink.blame_nothing()?;
    }
    sink.progress.clear();
    Ok(sink)
}

fn resolve(server: &HostPort) -> Fallible<SocketAddr> {
    let found = (server.host(), server.port())
        .to_socket_addrs()
        .map(|mut addrs| addrs.next());
    let found = found.map_err(|error| format!("cannot resolve {server}: {error}"))?;
    Ok(found.ok_or_else(|| format!("{server} has no address"))?)
}

fn time_left(sink: &Sink<'_>) -> Option<Duration> {
    if !sink.unfinished.is_empty() {
        return Some(Duration::ZERO);
    }
    let due_ns = sink.timers.next_ns()?;
    Some(Duration::from_nanos(due_ns.saturating_sub(monotonic_ns())))
}

/// Tokens that no client has.
const WAKER: Token = Token(usize::MAX);
const SIGNALS: Token = Token(usize::MAX - 1);

/// Events taken with one poll. An order waits at most for that many clients to be read.
const EVENTS_PER_POLL: usize = 256;
