//! The command line of the sink.

use std::iter;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use fanout::HostPort;

use crate::checker::Rules;
use crate::dialect::Dialect;
use crate::frame;
use crate::greeting;
use crate::kind::Kind;

/// Any number of clients of one server: checks every byte that any of them gets and says what was broken.
#[derive(Debug, Parser)]
#[command(name = "frame-sink", max_term_width = 100, after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Options {
    /// The server, HOST:PORT
    #[arg(value_name = "SERVER")]
    pub(crate) server: HostPort,
    /// Clients that read everything at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) readers: usize,
    /// Clients that never read
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) stalled: usize,
    /// Clients that read at --slow-rate
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) slow: usize,
    /// Bytes in a second that a slow client reads
    #[arg(long, value_name = "BYTES", default_value_t = 10 * 1024)]
    #[arg(value_parser = clap::value_parser!(u64).range(10..))]
    pub(crate) slow_rate: u64,
    /// Clients that read nothing for a while and then everything, again and again
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) bursty: usize,
    /// Clients that shut down their sending side at once
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) half_closing: usize,
    /// Clients that talk to the server, which is not interested
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) chattering: usize,
    /// Clients that come and go in a second, half of them with a reset
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) storm: u64,
    /// End after this time [default: when the server ends]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) time_limit: Option<Duration>,
    /// End when every client that reads everything has had so many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frames: Option<u64>,
    /// A stream that is silent for so long is a broken promise [default: it is not]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) patience: Option<Duration>,
    /// Count jumps in the sequence instead of failing
    #[arg(long)]
    pub(crate) gaps_allowed: bool,
    /// How much of a frame is looked at
    #[arg(long, value_enum, default_value_t = Check::All)]
    pub(crate) check: Check,
    /// Size of a frame, 32 to 1048576
    #[arg(long, value_name = "BYTES", default_value_t = frame::STANDARD, value_parser = frame::parse_size)]
    pub(crate) frame_size: usize,
    /// What the server speaks
    #[arg(long, value_enum, default_value_t = Dialect::Raw)]
    pub(crate) dialect: Dialect,
    /// Record every frame's latency
    #[arg(long)]
    pub(crate) latency: bool,
    /// Report as one JSON object instead of a table
    #[arg(long, conflicts_with = "orders")]
    pub(crate) json: bool,
    /// Be asked for everything on standard input: first, mark PID, receive-buffer
    #[arg(long, conflicts_with_all = ["time_limit", "frames", "watch"])]
    pub(crate) orders: bool,
    /// Report the CPU time that this process, the server, takes for a delivery
    #[arg(long, value_name = "PID")]
    pub(crate) watch: Option<u32>,
}

impl Options {
    /// What the options say together that they do not say alone.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.kinds().next().is_none() && self.storm == 0 {
            return Err(format!(
                "'--readers {}' leaves nobody to connect",
                self.readers
            ));
        }
        if let Some(frames) = self.frames
            && !self.kinds().any(Kind::keeps_up)
        {
            return Err(format!(
                "'--frames {frames}' needs a client that reads everything at once"
            ));
        }
        let raw_only = [
            ("--half-closing", self.half_closing as u64),
            ("--chattering", self.chattering as u64),
            ("--storm", self.storm),
        ];
        match (
            raw_only.iter().find(|(_, clients)| *clients > 0),
            self.dialect,
        ) {
            (None, _) | (_, Dialect::Raw) => Ok(()),
            (Some((option, clients)), Dialect::Redis) => Err(format!(
                "'{option} {clients}' cannot be used with '--dialect redis'"
            )),
            (Some((option, clients)), Dialect::Nats) => Err(format!(
                "'{option} {clients}' cannot be used with '--dialect nats'"
            )),
        }
    }

    /// What every client's stream is held against.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            dialect: self.dialect,
            envelope: greeting::envelope(self.dialect, self.frame_size),
            frame_size: self.frame_size,
            check: self.check,
            gaps_allowed: self.gaps_allowed,
            reference: vec![0; self.frame_size],
        }
    }

    /// The clients that connect before anything else, the readers first.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let counts = [
            (Kind::Reader, self.readers),
            (Kind::HalfClosing, self.half_closing),
            (Kind::Chattering, self.chattering),
            (Kind::Bursty, self.bursty),
            (Kind::Slow, self.slow),
            (Kind::Stalled, self.stalled),
        ];
        counts
            .into_iter()
            .flat_map(|(kind, count)| iter::repeat_n(kind, count))
    }
}

/// How much of a frame is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// Every byte
    All,
    /// The first and the last bytes: two cache lines of the sixteen that a frame fills
    Ends,
}

const AFTER_HELP: &str = "\
DURATION is like 250ms or 5s. Exit codes: 0 nothing was broken, 1 a promise was broken, 2 bad arguments.";
