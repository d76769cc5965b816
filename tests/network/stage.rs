//! What most tests begin with: the program on the near side, server A and a witness on the far side.
//!
//! The witness is the other client: whatever happens to others, it reads every frame that server A sends, each before
//! the next one is sent. That it gets them all, whole and in order, is asserted with every step.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use crate::harness::upstream::Closed;
use crate::harness::{DEADLINE, FRAME_SIZE, Fanout, Launch, Reader, Scene, Upstream, line};
use crate::network::{FIRST, Network, SECOND};

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) witness: Reader,
    /// Turns of the program when the stage was set.
    turns: u64,
}

impl Stage {
    /// The program with these options, its upstream and the witness, all behind the first cable.
    #[track_caller]
    pub(crate) fn set(network: &Network, options: &str) -> Self {
        let upstream = upstream_at(SERVER_A);
        let fanout = launch(network, &format!("{options} {}", upstream.addr()));
        let feed = upstream.accept();
        fanout.wait_for_line("upstream connected");
        let witness = join(&fanout, WITNESS);
        let turns = line::number(&fanout.stats(), "turns");
        Self {
            scene: Scene {
                upstream,
                fanout,
                feed,
            },
            witness,
            turns,
        }
    }

    pub(crate) fn fanout(&self) -> &Fanout {
        &self.scene.fanout
    }

    /// A further client, at this host.
    #[track_caller]
    pub(crate) fn join(&self, host: Ipv4Addr) -> Reader {
        join(self.fanout(), host)
    }

    /// Sends so many frames one by one, each after the witness has read the one before.
    #[track_caller]
    pub(crate) fn step(&mut self, count: u64) {
        self.scene.step(&mut self.witness, count);
    }

    /// The same until a line is there; returns it.
    #[track_caller]
    pub(crate) fn step_until(&mut self, pattern: &str) -> String {
        self.scene.step_until(&mut self.witness, pattern)
    }

    /// Sends frames until the program leaves its upstream unread; returns how many the kernels have taken, and how many
    /// of them the program has published.
    #[track_caller]
    pub(crate) fn fill(&mut self) -> (u64, u64) {
        let give_up = Instant::now() + DEADLINE;
        loop {
            let taken = self.scene.feed.fill(UNREAD);
            let published = line::number(&self.fanout().stats(), "frames");
            if published < taken {
                return (taken, published);
            }
            assert!(Instant::now() < give_up, "it reads on after {taken} frames");
        }
    }

    /// The same, a frame every [`PACE`], until a line is there; returns it, and how long that took.
    #[track_caller]
    pub(crate) fn pace_until(&mut self, pattern: &str, within: Duration) -> (String, Duration) {
        let started = Instant::now();
        loop {
            self.step(1);
            if let Some(line) = self.fanout().lines().matching(pattern).pop() {
                return (line, started.elapsed());
            }
            let waited = started.elapsed();
            assert!(
                waited < within,
                "no line matches {pattern:?} after {waited:?}"
            );
            self.witness.expect_silence(PACE);
        }
    }

    /// The same until so much time is over.
    #[track_caller]
    pub(crate) fn pace_for(&mut self, span: Duration) {
        let until = Instant::now() + span;
        while Instant::now() < until {
            self.step(1);
            self.witness.expect_silence(PACE);
        }
    }

    /// Waits for a line while no frame comes; returns it, and how long that took.
    #[track_caller]
    pub(crate) fn wait_until(&self, pattern: &str, within: Duration) -> (String, Duration) {
        wait_until(self.fanout(), pattern, within)
    }

    /// That the program has turned because something was to be done, and not for ever: a few times for each frame.
    #[track_caller]
    pub(crate) fn assert_calm(&self) {
        let stats = self.fanout().stats();
        let turns = line::number(&stats, "turns") - self.turns;
        let allowed = 4 * self.scene.feed.next() + TURNS_BESIDE;
        assert!(
            turns <= allowed,
            "{turns} turns, {allowed} allowed: {stats}"
        );
    }
}

/// Server A at this host.
pub(crate) fn upstream_at(host: Ipv4Addr) -> Upstream {
    Closed::reserve_at(host).open(FRAME_SIZE)
}

/// Server A on the near side, at an address that is free or about to be.
#[track_caller]
pub(crate) fn upstream_beside(
    network: &Network,
    addr: (Ipv4Addr, u16),
    within: Duration,
) -> Upstream {
    let give_up = Instant::now() + within;
    loop {
        match network.near(|| TcpListener::bind(addr)) {
            Ok(listener) => return Upstream::behind(listener),
            Err(error) => assert!(Instant::now() < give_up, "{addr:?}: {error}"),
        }
    }
}

/// The program on the near side, listening, with these options and upstreams.
#[track_caller]
pub(crate) fn launch(network: &Network, arguments: &str) -> Fanout {
    let arguments = format!("-l 0.0.0.0:{PORT} {arguments}");
    network.near(|| Launch::new(&arguments).start())
}

/// A client at this host, once the program says that it has joined.
#[track_caller]
pub(crate) fn join(fanout: &Fanout, host: Ipv4Addr) -> Reader {
    let [_, _, cable, _] = host.octets();
    let to = (Ipv4Addr::new(10, 7, cable, 1), PORT);
    fanout.joined(Reader::connect_from(host.into(), to.into(), FRAME_SIZE))
}

/// Waits for a line that may come later than the usual deadline; returns it, and how long that took.
#[track_caller]
pub(crate) fn wait_until(fanout: &Fanout, pattern: &str, within: Duration) -> (String, Duration) {
    let started = Instant::now();
    let mut lines = fanout
        .lines()
        .wait_for_until(started + within, 0, pattern, 1);
    (lines.swap_remove(0), started.elapsed())
}

/// The line that says that the client at this host has left.
pub(crate) fn departure(host: Ipv4Addr) -> String {
    format!("client left*addr={host}:")
}

/// Where everybody is, unless a test says otherwise.
pub(crate) const SERVER_A: Ipv4Addr = Ipv4Addr::new(10, 8, FIRST.0, 1);
pub(crate) const WITNESS: Ipv4Addr = Ipv4Addr::new(10, 8, FIRST.0, 2);
/// The host to which it happens.
pub(crate) const VICTIM: Ipv4Addr = Ipv4Addr::new(10, 8, FIRST.0, 3);
/// The same behind the second cable.
pub(crate) const REMOTE_VICTIM: Ipv4Addr = Ipv4Addr::new(10, 8, SECOND.0, 3);

/// Not one that the system chooses: there are tests in which it has two to choose from.
const PORT: u16 = 1235;

/// How long nothing is sent between two frames, where frames are to come for a while.
const PACE: Duration = Duration::from_millis(20);

/// For how long it has to be unread to count as left unread.
const UNREAD: Duration = Duration::from_millis(300);

/// What a slow machine, and timers of the kernel that wait for one another, may add to the time that something takes.
pub(crate) const SLACK: Duration = Duration::from_secs(8);

/// Turns for clients that come and go, for signals, and for what a client's kernel takes bit by bit.
const TURNS_BESIDE: u64 = 200;
