//! The scene of most checks: server A, the server connected to it, and clients that join.

use std::net::SocketAddr;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};

use crate::client::{Client, Room, all_read_up_to};
use crate::fault::{Fault, Outcome, ensure};
use crate::frame::STANDARD;
use crate::running::Running;
use crate::server::{Manner, Server};
use crate::upstream::{Feed, Upstream};
use crate::wait::wait_for_some;
use crate::{BURST, DEADLINE, MOMENT, kernel};

pub(crate) struct Scene {
    pub(crate) upstream: Upstream,
    pub(crate) server: Running,
    pub(crate) feed: Feed,
    addr: SocketAddr,
    /// How many frames some client is known to have.
    delivered: u64,
}

impl Scene {
    /// The server, connected to its upstream.
    pub(crate) fn set(server: &Server, manner: Manner) -> Outcome<Self> {
        let upstream = Upstream::listen();
        let words = server.command(manner, upstream.addr(), "0");
        Self::of(upstream, Running::start(&words))
    }

    /// The same under a soft limit on descriptors, which the server may raise.
    pub(crate) fn set_under_soft_limit(server: &Server, descriptors: u32) -> Outcome<Self> {
        let upstream = Upstream::listen();
        let script = format!("ulimit -Sn {descriptors}; exec \"$@\"");
        let shell = ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
        let words = server.command(Manner::Plain, upstream.addr(), "0");
        Self::of(upstream, Running::start(&[&shell, &words[..]].concat()))
    }

    fn of(upstream: Upstream, mut server: Running) -> Outcome<Self> {
        let addr = server.addr()?;
        let feed = upstream.accept()?;
        Ok(Self {
            upstream,
            server,
            feed,
            addr,
            delivered: 0,
        })
    }

    /// A client that has connected, which the server may not have noticed yet.
    pub(crate) fn connect(&self, room: Room) -> Client {
        Client::connect(self.addr, room, self.delivered)
    }

    /// A client that frames come to: it has had the first one.
    pub(crate) fn join(&mut self, room: Room) -> Outcome<Client> {
        let mut client = self.connect(room);
        self.welcome(&mut [&mut client])?;
        Ok(client)
    }

    /// Sends frames one by one until they come to each of these clients.
    pub(crate) fn welcome(&mut self, clients: &mut [&mut Client]) -> Outcome {
        let give_up = Instant::now() + DEADLINE;
        while clients.iter().any(|client| !client.has_joined()) {
            ensure(Instant::now() < give_up, || {
                "a client that connects is sent nothing".to_owned()
            })?;
            self.feed.send(1)?;
            let newcomers = clients.iter().filter(|client| !client.has_joined());
            let mut polled: Vec<_> = newcomers
                .map(|client| PollFd::new(&**client, PollFlags::IN))
                .collect();
            wait_for_some(&mut polled, MOMENT);
            for client in clients.iter_mut() {
                client.read()?;
            }
        }
        Ok(())
    }

    /// These clients read all that has been sent.
    pub(crate) fn catch_up(&mut self, clients: &mut [&mut Client]) -> Outcome {
        let next = self.feed.complete();
        all_read_up_to(clients, next)?;
        self.delivered = next;
        Ok(())
    }

    /// Sends frames, and these clients read them.
    pub(crate) fn step(&mut self, clients: &mut [&mut Client], frames: u64) -> Outcome {
        self.feed.send(frames)?;
        self.catch_up(clients)
    }

    /// Sends frames that the witness alone reads, until the other client lags: the kernel takes no more for it, and the
    /// server has to keep some frames, but fewer than any server's bound.
    pub(crate) fn lag(&mut self, witness: &mut Client, other: &Client) -> Outcome {
        let (own, server) = other.ends();
        for _ in 0..MOST_BURSTS {
            self.step(&mut [witness], BURST)?;
            self.rests();
            let queues = kernel::queues((server, own)).zip(kernel::queues((own, server)));
            let in_kernel = queues.map_or(KERNEL, |(server, own)| server.unsent + own.unread);
            let sent = self.feed.complete() - other.next();
            if sent > in_frames(in_kernel) + BURST {
                return Ok(());
            }
        }
        Err(Fault::Unproven("the kernel takes everything".to_owned()))
    }

    /// Ends the upstream where it is; returns how many whole frames have been sent.
    pub(crate) fn end_upstream(&self) -> u64 {
        self.feed.end();
        self.feed.complete()
    }

    /// Whether the server, as far as anybody can tell, has nothing left to do.
    pub(crate) fn is_at_rest(&self) -> bool {
        kernel::is_asleep(self.server.id())
    }

    /// Waits until it is so; returns false if it never is.
    pub(crate) fn rests(&self) -> bool {
        kernel::eventually(|| self.is_at_rest())
    }
}

fn in_frames(bytes: usize) -> u64 {
    bytes.div_ceil(STANDARD) as u64
}

/// Bursts that are certainly more than the kernel takes for a client with little room.
const MOST_BURSTS: u32 = 32;

/// Bytes that the kernel is taken to hold for such a client where it does not tell.
const KERNEL: usize = 128 * 1024;
