//! The weather of a run: what the server is told to do, and what may go wrong, how often.
//!
//! Each run has a random part of all faults switched off: some defects show only where others do not get in the way.

use std::time::Duration;

use fanout::SlowPolicy;
use fanout::relay::limits::Budgets;

use crate::dice::Dice;

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call ends early: a short write, would-block with room, an interruption.
    Hiccup,
    /// A write meets `ENOBUFS`.
    NoBuffers,
    /// A socket fails with an error of its own.
    Failure,
    /// A client resets, closes, or shuts down its sending side.
    Departure,
    /// A client sends, at times a flood.
    Talk,
    /// A client's network takes nothing for a while.
    Cut,
    /// Events are late, split in two, merged, and out of order, and some mean nothing.
    StrangeEvent,
    /// The upstream ends, resets, refuses, is not found, or is silent.
    UpstreamLoss,
    /// `accept` fails for one connection, or for want of descriptors.
    AcceptFailure,
    /// The kernel does not register a socket, or does not let go of it.
    RegistrationFailure,
    /// The process is stopped, or told to end.
    Stop,
}

impl Kind {
    /// Each of them, with the greatest chance that a run may give it, in 256ths of what it can happen to.
    pub(crate) const ALL: [(Self, usize); 11] = [
        (Self::Hiccup, 40),
        (Self::NoBuffers, 12),
        (Self::Failure, 6),
        (Self::Departure, 12),
        (Self::Talk, 40),
        (Self::Cut, 30),
        (Self::StrangeEvent, 90),
        (Self::UpstreamLoss, 40),
        (Self::AcceptFailure, 30),
        (Self::RegistrationFailure, 10),
        (Self::Stop, 8),
    ];
}

/// How often what goes wrong, and how often it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// In 256ths, in the order of [`Kind::ALL`].
    chances: [u8; Kind::ALL.len()],
    pub(crate) struck: [u64; Kind::ALL.len()],
}

/// What the server is told to do.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) frame_size: usize,
    pub(crate) backlog_frames: u64,
    pub(crate) window_bytes: usize,
    pub(crate) linger: Duration,
    pub(crate) stall_timeout: Option<Duration>,
    pub(crate) budgets: Budgets,
    /// Policy, replay and limit of each listener.
    pub(crate) listeners: Vec<(SlowPolicy, u64, Option<usize>)>,
    pub(crate) max_clients: Option<usize>,
    pub(crate) max_per_ip: u32,
    /// How many clients the descriptor limit permits.
    pub(crate) max_by_descriptors: usize,
    /// How many targets; those with an odd index are names.
    pub(crate) targets: usize,
    pub(crate) reconnect: bool,
    pub(crate) upstream_timeout: Option<Duration>,
    pub(crate) stale_after: Option<Duration>,
    pub(crate) drain_timeout: Duration,
    /// The kernel reports reading and writing in events of their own, as kqueue does.
    pub(crate) splits_events: bool,
    /// A connection that cannot be accepted for want of a descriptor is lost, as on macOS.
    pub(crate) drops_on_exhaustion: bool,
}

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
pub(crate) const BACKOFF: (Duration, Duration) =
    (Duration::from_millis(20), Duration::from_millis(300));

impl Weather {
    /// Each kind of fault is switched off in one run of three.
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let chances = Kind::ALL.map(|(_, most)| {
            let is_on = dice.below(3) > 0;
            let chance = if is_on { dice.between(1, most) } else { 0 };
            u8::try_from(chance).unwrap_or(u8::MAX)
        });
        Self {
            chances,
            struck: [0; Kind::ALL.len()],
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear_up(&mut self) {
        self.chances = [0; Kind::ALL.len()];
    }

    /// Whether a fault of this kind happens now.
    pub(crate) fn strikes(&mut self, kind: Kind, dice: &mut Dice) -> bool {
        let strikes = dice.hits(self.chances[kind as usize]);
        self.struck[kind as usize] += u64::from(strikes);
        strikes
    }

    /// Faults of this kind happen in this run.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.chances[kind as usize] > 0
    }
}

impl Orders {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let frame_size = dice.pick(&[1, 2, 3, 4, 7, 8, 16, 24]);
        let backlog_frames = dice.between(1, 8) as u64;
        let replays = dice.below(3) == 0;
        let mut listener = || {
            let policy = dice.pick(&SlowPolicy::ALL);
            let most = if replays { backlog_frames } else { 0 };
            let replay = dice.between(0, usize::try_from(most).unwrap_or(0)) as u64;
            let limit = (dice.below(8) == 0).then(|| dice.between(1, 4));
            (policy, replay, limit)
        };
        let listeners = (0..3).map(|_| listener()).collect();
        Self {
            frame_size,
            backlog_frames,
            window_bytes: dice.between(1, 12 * frame_size),
            linger: dice.pick(&[MS(0), MS(0), MS(10)]),
            stall_timeout: dice.pick(&[None, Some(MS(200)), Some(MS(1000))]),
            budgets: random_budgets(dice),
            listeners,
            max_clients: (dice.below(6) == 0).then(|| dice.between(1, 6)),
            max_per_ip: dice.pick(&[0, 0, 0, 2]),
            max_by_descriptors: dice.pick(&[100, 100, 100, 5]),
            targets: dice.between(1, 3),
            reconnect: dice.below(10) > 0,
            upstream_timeout: dice.pick(&[None, Some(MS(400))]),
            stale_after: dice.pick(&[None, Some(MS(150))]),
            drain_timeout: dice.pick(&[MS(300), MS(5000)]),
            splits_events: dice.below(2) == 0,
            drops_on_exhaustion: dice.below(4) == 0,
        }
    }
}

fn random_budgets(dice: &mut Dice) -> Budgets {
    let budgets = Budgets {
        hear_bytes: 512,
        ..Budgets::default()
    };
    match dice.below(4) {
        0 => Budgets::smallest(),
        1 => budgets,
        _ => Budgets {
            read_bytes: dice.between(1, 200),
            write_bytes: dice.between(1, 60),
            slice_bytes: dice.between(1, 100),
            write_charge_bytes: dice.between(1, 20),
            hear_bytes: dice.between(1, 64),
            hear_slice_bytes: dice.between(1, 64),
            partings: dice.between(1, 4),
        },
    }
}
