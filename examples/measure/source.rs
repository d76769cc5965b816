//! Server A: serves one client with numbered, time-stamped frames, at a rate or as fast as they are taken.
//!
//! A frame's stamp is the moment its write began. When the source runs late because an earlier write was held up, the
//! stamp is the moment the frame was *due*: a server that stops reading cannot hide the wait it caused.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::Fallible;
use crate::clock::{monotonic_ns, whole_ns};
use crate::frame::{FRAME_SIZE, write_stamp};
use crate::orders;

/// How the source is started; its pace comes by orders (`Pace`).
#[derive(Debug, Args)]
pub(crate) struct SourceOptions {
    /// Damage the stream once, to see that the sink notices
    #[arg(long)]
    spoil: Option<Spoil>,
}

/// A way to damage the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoil {
    /// Leave one frame out
    Missing,
    /// Send one frame twice
    Repeated,
    /// Lose some bytes inside a frame
    Torn,
}

/// Serves one client until it leaves or the orchestrator does.
pub(crate) fn run(options: &SourceOptions) -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    let (sender, receiver) = mpsc::channel();
    orders::listen(move |order| {
        // The receiver lives as long as the process.
        let _ = sender.send(order);
    });
    let (stream, _) = listener.accept()?;
    drop(listener);
    stream.set_nodelay(true)?;
    let mut source = Source {
        stream,
        orders: receiver,
        pace: Pace::Silent,
        batch: vec![b'.'; BATCH_FRAMES * FRAME_SIZE],
        next_sequence: 0,
        spoil: options.spoil,
    };
    loop {
        match source.step() {
            // Its client is gone, and with it all there is to do.
            Err(error) if error.downcast_ref().is_some_and(is_departure) => return Ok(()),
            outcome => outcome?,
        }
    }
}

struct Source {
    stream: TcpStream,
    orders: Receiver<String>,
    pace: Pace,
    /// `BATCH_FRAMES` frames, stamped anew for every write.
    batch: Vec<u8>,
    next_sequence: u64,
    /// The damage still to be done; taken when done.
    spoil: Option<Spoil>,
}

/// What the source does until the next order.
#[derive(Debug, Clone, Copy)]
enum Pace {
    Silent,
    /// One frame every `interval_ns`, the next at `due_ns`.
    Paced {
        interval_ns: u64,
        due_ns: u64,
    },
    FlatOut,
    /// As fast as it goes for so many frames; then "sent" and silence.
    Burst {
        left: u64,
    },
}

impl Source {
    fn step(&mut self) -> Fallible<()> {
        if let Pace::Silent = self.pace {
            self.pace = parse_order(&self.orders.recv()?)?;
        } else if let Ok(order) = self.orders.try_recv() {
            self.pace = parse_order(&order)?;
        }
        match self.pace {
            Pace::Silent => Ok(()),
            Pace::Paced {
                interval_ns,
                due_ns,
            } => {
                self.pace = Pace::Paced {
                    interval_ns,
                    due_ns: due_ns + interval_ns,
                };
                self.send(1, wait_until(due_ns))
            }
            Pace::FlatOut => self.send(BATCH_FRAMES, monotonic_ns()),
            Pace::Burst { left: 0 } => {
                println!("sent");
                self.pace = Pace::Silent;
                Ok(())
            }
            Pace::Burst { left } => {
                let count = usize::try_from(left).map_or(BATCH_FRAMES, |n| n.min(BATCH_FRAMES));
                self.pace = Pace::Burst {
                    left: left - count as u64,
                };
                self.send(count, monotonic_ns())
            }
        }
    }

    fn send(&mut self, frames: usize, sent_at_ns: u64) -> Fallible<()> {
        let mut end = frames * FRAME_SIZE;
        for frame in self.batch[..end].chunks_exact_mut(FRAME_SIZE) {
            let is_spoilt = self.next_sequence >= SPOIL_AT;
            match self.spoil.take_if(|_| is_spoilt) {
                Some(Spoil::Missing) => self.next_sequence += 1,
                Some(Spoil::Repeated) => self.next_sequence -= 1,
                Some(Spoil::Torn) => end -= TORN_BYTES,
                None => {}
            }
            write_stamp(frame, self.next_sequence, sent_at_ns);
            self.next_sequence += 1;
        }
        Ok(self.stream.write_all(&self.batch[..end])?)
    }
}

fn is_departure(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::BrokenPipe || kind == io::ErrorKind::ConnectionReset
}

fn parse_order(order: &str) -> Fallible<Pace> {
    let (verb, number) = order.split_once(' ').unwrap_or((order, "0"));
    match verb {
        "silent" => Ok(Pace::Silent),
        "flat-out" => Ok(Pace::FlatOut),
        "burst" => Ok(Pace::Burst {
            left: number.parse()?,
        }),
        "rate" => Ok(Pace::Paced {
            interval_ns: whole_ns(Duration::from_secs(1)) / number.parse::<u64>()?.max(1),
            due_ns: monotonic_ns(),
        }),
        _ => Err(format!("the source does not know the order {order:?}").into()),
    }
}

/// Sleeps until `due_ns` and says when it woke; says `due_ns` at once if that is past.
fn wait_until(due_ns: u64) -> u64 {
    match due_ns.checked_sub(monotonic_ns()) {
        Some(left) if left > 0 => {
            thread::sleep(Duration::from_nanos(left));
            monotonic_ns()
        }
        _ => due_ns,
    }
}

/// Frames in one write when flat out: 128 KiB, large enough that the source's system calls do not weigh.
const BATCH_FRAMES: usize = 128;

/// The frame at which damage is done: late enough that every client has started.
const SPOIL_AT: u64 = 2_000;

/// Bytes that a torn frame loses; fewer than a frame.
const TORN_BYTES: usize = 100;
