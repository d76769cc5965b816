//! The command line of the source.

use std::time::Duration;

use clap::{Parser, ValueEnum};
use fanout::HostPort;

use crate::dialect::Dialect;
use crate::frame;

/// Server A: serves one client at a time with numbered, time-stamped frames that can be checked, well or badly.
#[derive(Debug, Parser)]
#[command(name = "frame-source", max_term_width = 100)]
pub(crate) struct Options {
    /// Where to wait for clients, HOST:PORT; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1234")]
    pub(crate) listen: HostPort,
    /// Send to this server instead of waiting for clients
    #[arg(long, value_name = "ADDR", conflicts_with = "listen")]
    pub(crate) connect: Option<HostPort>,
    /// What the other end speaks; redis and nats need --connect
    #[arg(long, value_enum, default_value_t = Dialect::Raw)]
    pub(crate) dialect: Dialect,
    /// Frames in a second; 0 is as fast as they are taken
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1000,
        conflicts_with = "orders"
    )]
    pub(crate) rate: u64,
    /// Frames that are sent at once, as many times less often
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "orders")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) burst: u64,
    /// End after so many frames; 0 is never
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) count: u64,
    /// Size of a frame, 32 to 1048576
    #[arg(long, value_name = "BYTES", default_value_t = frame::STANDARD, value_parser = frame::parse_size)]
    pub(crate) frame_size: usize,
    /// End when the first client has left
    #[arg(long)]
    pub(crate) once: bool,
    /// Be silent until told otherwise on standard input: silent, flat-out, rate N, burst N
    #[arg(long)]
    pub(crate) orders: bool,
    /// Say what was sent as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Do something wrong, once
    #[arg(long, value_enum, requires = "fault_after")]
    pub(crate) fault: Option<Fault>,
    /// Frames that go well before the fault
    #[arg(long, value_name = "FRAMES", requires = "fault")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fault_after: Option<u64>,
    /// How long a pause is
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) pause_for: Duration,
}

/// What can be done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Send nothing for a while
    Pause,
    /// End the stream inside a frame; the next client gets that frame from its start
    Cut,
    /// The same with a reset
    Reset,
    /// Send random bytes in place of a frame
    Garbage,
    /// Leave a frame out
    Missing,
    /// Send a frame twice
    Repeated,
    /// Lose some bytes inside a frame
    Torn,
}

impl Options {
    /// What the options say together that they do not say alone.
    pub(crate) fn check(&self) -> Result<(), String> {
        let speaks = self.dialect.to_possible_value();
        match speaks {
            Some(speaks) if self.dialect != Dialect::Raw && self.connect.is_none() => Err(format!(
                "'--dialect {}' needs '--connect <ADDR>': frames are published to a server",
                speaks.get_name()
            )),
            _ => Ok(()),
        }
    }
}
