//! The command line of the soak.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::frame;
use crate::kind::KINDS_IN_TURN;
use crate::samples::double;

/// Runs fanout for a long time under a thousand clients, many of them hostile, and says which promises it broke.
#[derive(Debug, Parser)]
#[command(name = "soak", max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// The server to start [default: the fanout that was built beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
    /// Clients, at least 20: 5 in 100 each are stuck, trickling, half-closed, flooding, resetting and dozing
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) clients: usize,
    /// How long the load lasts; closing the books and the drain come on top
    #[arg(long, value_name = "DURATION", default_value = "25m", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// How often everything is brought to rest and compared
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    pub(crate) check_every: Duration,
    /// Frames that the upstream sends in a second
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// Size of a frame, 32 to 1048576
    #[arg(long, value_name = "BYTES", default_value_t = frame::STANDARD, value_parser = frame::parse_size)]
    pub(crate) frame_size: usize,
    /// The server's --backlog
    #[arg(long, value_name = "FRAMES", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) backlog: u32,
    /// The server's --stall-timeout
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = humantime::parse_duration)]
    pub(crate) stall_timeout: Duration,
    /// How often the upstream is cut, at a random byte of a frame, with FIN and RST in turn
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = humantime::parse_duration)]
    pub(crate) cut_every: Duration,
    /// Where memory and descriptors begin to count for the fit [default: a fifth of --duration]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) warm_up: Option<Duration>,
    /// Decides byte offsets, moments and life times [default: another one each time]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Let the upstream damage every 500th frame: the soak has to see it
    #[arg(long, value_enum)]
    pub(crate) damage: Option<Damage>,
    /// Report as one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// More options for the server
    #[arg(last = true, value_name = "OPTION")]
    pub(crate) arguments: Vec<String>,
}

/// What can be done to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Damage {
    /// It is left out
    Missing,
    /// It comes twice
    Repeated,
    /// Its second half is that of another
    Torn,
}

impl Options {
    /// What the options say together that they do not say alone.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.clients < KINDS_IN_TURN {
            return Err(format!(
                "'--clients {}' leaves a kind of client out: {KINDS_IN_TURN} are needed",
                self.clients
            ));
        }
        let doze = self.doze();
        if doze >= self.stall_timeout {
            return Err(format!(
                "'--stall-timeout {:?}' ends a doze of {doze:?}, which is what it takes to lag by '--backlog {}' at \
                 '--rate {}'",
                self.stall_timeout, self.backlog, self.rate
            ));
        }
        Ok(())
    }

    /// How long a dozing client does not read: until what the kernel holds is full, and the backlog is too.
    pub(crate) fn doze(&self) -> Duration {
        let frames = double(self.frames_of_a_doze());
        Duration::from_secs_f64(frames / f64::from(self.rate) * DOZE_MARGIN)
    }

    /// How many frames make a client lag by more than the backlog, from the first that it does not read.
    pub(crate) fn frames_of_a_doze(&self) -> u64 {
        let in_kernel = KERNEL_HOLDS_BYTES.div_ceil(self.frame_size);
        u64::from(self.backlog) + in_kernel as u64
    }

    /// When the fit begins.
    pub(crate) fn warm_up(&self) -> Duration {
        self.warm_up.unwrap_or(self.duration / 5)
    }
}

/// More than the kernel takes for a client with a small receive buffer, at the server's `--unsent-limit` of 128 KiB.
const KERNEL_HOLDS_BYTES: usize = 512 * 1024;

/// The upstream is cut now and then, and sends nothing meanwhile.
const DOZE_MARGIN: f64 = 1.25;

const AFTER_HELP: &str = "\
DURATION is like 250ms or 5s. Exit codes: 0 no promise was broken, 1 a promise was broken, 2 bad arguments.";
