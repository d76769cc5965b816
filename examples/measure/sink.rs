//! All the clients, in one process: reads everything, checks every frame, measures when told to.
//!
//! Deliveries and the server's CPU time are read in the same moment, here, when the order `mark` comes: a count taken
//! in one process and a clock read in another would not describe the same window.
//!
//! Fails loudly: a missing, repeated or torn frame, or a connection that ends, ends the process with exit code 1.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use clap::Args;
use hdrhistogram::Histogram;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::SockRef;

use crate::Fallible;
use crate::clock::monotonic_ns;
use crate::frame::{Checker, Gaps};
use crate::orders;
use crate::proc;
use crate::window::Mark;

/// How many clients, and what they do.
#[derive(Debug, Args)]
pub(crate) struct SinkOptions {
    /// The server's address
    #[arg(long)]
    connect: SocketAddr,
    /// Clients that read everything at once
    #[arg(long)]
    readers: usize,
    /// Clients that never read
    #[arg(long)]
    stalled: usize,
    /// Count jumps in the sequence instead of failing
    #[arg(long)]
    gaps_allowed: bool,
    /// Record every frame's latency
    #[arg(long)]
    latency: bool,
}

/// Connects all clients and serves orders until the input ends.
pub(crate) fn run(options: &SinkOptions) -> Fallible<()> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let (sender, receiver) = mpsc::channel();
    let mut sink = Sink {
        poll,
        orders: receiver,
        clients: Vec::with_capacity(options.readers + options.stalled),
        buffer: vec![0; BUFFER_BYTES],
        unstarted: options.readers,
        awaits_first: false,
        deliveries: 0,
        gaps: if options.gaps_allowed {
            Gaps::Allowed
        } else {
            Gaps::Forbidden
        },
        latencies: if options.latency {
            Some(new_histogram()?)
        } else {
            None
        },
    };
    sink.connect(options)?;
    println!("connected");
    orders::listen(move |order| {
        // Neither the receiver nor the poll ends before the process.
        let _ = sender.send(order);
        let _ = waker.wake();
    });
    let mut events = Events::with_capacity(EVENTS_PER_POLL);
    loop {
        match sink.poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        }
        for event in &events {
            sink.serve(event)?;
        }
    }
}

struct Sink {
    poll: Poll,
    orders: Receiver<String>,
    /// Readers first, then the stalled. A client's token is its place here.
    clients: Vec<Client>,
    buffer: Vec<u8>,
    /// Readers that have had no complete frame yet.
    unstarted: usize,
    /// Whether the orchestrator waits to hear that every reader has had a frame.
    awaits_first: bool,
    /// Complete frames read by all clients together.
    deliveries: u64,
    gaps: Gaps,
    /// Since the last mark; `None` where latency is not asked for.
    latencies: Option<Histogram<u64>>,
}

struct Client {
    stream: TcpStream,
    duty: Duty,
}

enum Duty {
    Reads(Checker),
    Stalls,
}

impl Sink {
    fn connect(&mut self, options: &SinkOptions) -> Fallible<()> {
        for place in 0..options.readers + options.stalled {
            let stream = std::net::TcpStream::connect(options.connect)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(place), Interest::READABLE)?;
            let is_reader = place < options.readers;
            let duty = if is_reader {
                Duty::Reads(Checker::default())
            } else {
                Duty::Stalls
            };
            self.clients.push(Client { stream, duty });
        }
        Ok(())
    }

    fn serve(&mut self, event: &Event) -> Fallible<()> {
        match event.token() {
            WAKER => self.obey(),
            Token(place) => match self.clients[place].duty {
                Duty::Reads(_) => self.drain(place),
                Duty::Stalls if event.is_read_closed() || event.is_error() => {
                    Err(format!("stalled client {place} was thrown out").into())
                }
                Duty::Stalls => Ok(()),
            },
        }
    }

    /// Reads until the kernel has no more: a read that does not fill the buffer was the last (`epoll(7)`).
    fn drain(&mut self, place: usize) -> Fallible<()> {
        loop {
            match self.clients[place].stream.read(&mut self.buffer) {
                Ok(0) => return Err(format!("client {place}: the server ended the stream").into()),
                Ok(filled) => self.check(place, filled)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("client {place}: {error}").into()),
            }
        }
    }

    fn check(&mut self, place: usize, filled: usize) -> Fallible<()> {
        let Duty::Reads(checker) = &mut self.clients[place].duty else {
            return Ok(());
        };
        let was_started = checker.is_started();
        let bytes = &self.buffer[..filled];
        let deliveries = &mut self.deliveries;
        let outcome = match &mut self.latencies {
            None => checker.feed(bytes, self.gaps, |_| *deliveries += 1),
            Some(latencies) => {
                let now_ns = monotonic_ns();
                checker.feed(bytes, self.gaps, |sent_at_ns| {
                    *deliveries += 1;
                    latencies.saturating_record(now_ns.saturating_sub(sent_at_ns));
                })
            }
        };
        outcome.map_err(|fault| format!("client {place}: {fault}"))?;
        if !was_started && checker.is_started() {
            self.unstarted -= 1;
            self.report_first();
        }
        Ok(())
    }

    fn obey(&mut self) -> Fallible<()> {
        while let Ok(order) = self.orders.try_recv() {
            let (verb, argument) = order.split_once(' ').unwrap_or((&order, ""));
            match verb {
                "first" => {
                    self.awaits_first = true;
                    self.report_first();
                }
                "mark" => println!("{}", self.mark(argument)?),
                "receive-buffer" => println!("receive-buffer {}", self.receive_buffer_bytes()?),
                _ => return Err(format!("the sink does not know the order {order:?}").into()),
            }
        }
        Ok(())
    }

    fn report_first(&mut self) {
        if self.awaits_first && self.unstarted == 0 {
            println!("first");
            self.awaits_first = false;
        }
    }

    /// Ends one window and begins the next.
    fn mark(&mut self, server: &str) -> Fallible<Mark> {
        let cpu_ns = proc::cpu_ns(server.parse()?)?;
        let mut mark = Mark {
            at_ns: monotonic_ns(),
            cpu_ns,
            deliveries: self.deliveries,
            skipped: self.clients.iter().map(Client::skipped).sum(),
            p50_ns: 0,
            p99_ns: 0,
        };
        if let Some(latencies) = &mut self.latencies {
            mark.p50_ns = latencies.value_at_quantile(0.50);
            mark.p99_ns = latencies.value_at_quantile(0.99);
            latencies.reset();
        }
        Ok(mark)
    }

    /// The largest receive buffer that the kernel gives any of the clients.
    fn receive_buffer_bytes(&self) -> io::Result<usize> {
        let mut largest = 0;
        for client in &self.clients {
            largest = largest.max(SockRef::from(&client.stream).recv_buffer_size()?);
        }
        Ok(largest)
    }
}

impl Client {
    fn skipped(&self) -> u64 {
        match &self.duty {
            Duty::Reads(checker) => checker.skipped(),
            Duty::Stalls => 0,
        }
    }
}

fn new_histogram() -> Fallible<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(
        LATENCY_NS.0,
        LATENCY_NS.1,
        LATENCY_DIGITS,
    )?)
}

/// The token that no client has.
const WAKER: Token = Token(usize::MAX);

/// Bytes asked for with one read: no more than fits a core's own cache, no less than keeps system calls rare.
const BUFFER_BYTES: usize = 256 * 1024;

/// Events taken with one poll. An order waits at most for that many clients to be read.
const EVENTS_PER_POLL: usize = 256;

/// Latencies that can be told apart, from 1 microsecond to 1 minute, in nanoseconds.
const LATENCY_NS: (u64, u64) = (1_000, 60_000_000_000);

/// Significant digits of a recorded latency.
const LATENCY_DIGITS: u8 = 3;
