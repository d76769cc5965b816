//! The options that say how the upstream is dialled, and how patiently.
//!
//! Owns their names, defaults and help texts. What is done with them it does not know: the
//! configuration is told, and checks them.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use fanout::Config;

use super::values::DurationArg;

/// How long to wait for an upstream, and for which.
#[derive(Debug, Args)]
pub(super) struct DiallingOptions {
    /// First wait before the upstream is dialled again; it doubles, less a random part
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_RECONNECT_MIN",
        default_value = "250ms"
    )]
    reconnect_min: DurationArg,

    /// Longest wait before the upstream is dialled again
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_RECONNECT_MAX",
        default_value = "30s"
    )]
    reconnect_max: DurationArg,

    /// The upstream's end is the program's end: after EOF drain and exit 0, after an error 1
    #[arg(long, env = "FANOUT_NO_RECONNECT")]
    #[arg(action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    no_reconnect: bool,

    /// How long a connection to the upstream may take to be made
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_CONNECT_TIMEOUT",
        default_value = "5s"
    )]
    connect_timeout: DurationArg,

    /// Give up and dial again an upstream without one byte for this long; 0 = never
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_UPSTREAM_TIMEOUT",
        default_value = "0"
    )]
    upstream_timeout: DurationArg,

    /// Warn once when a connected upstream has completed no frame for this long; 0 = never
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_STALE_AFTER",
        default_value = "10s"
    )]
    stale_after: DurationArg,
}

impl DiallingOptions {
    /// Writes them into a configuration.
    pub(super) fn set(&self, config: &mut Config) {
        config.reconnect_min = self.reconnect_min.0;
        config.reconnect_max = self.reconnect_max.0;
        config.reconnect = !self.no_reconnect;
        config.connect_timeout = self.connect_timeout.0;
        config.upstream_timeout = self.upstream_timeout.unless_zero();
        config.stale_after = self.stale_after.unless_zero();
    }
}
