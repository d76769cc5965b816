//! The configuration of a server: values, defaults, and whether they make sense together.
//!
//! Knows nothing of the command line, which is one way to come by it.

mod address;
mod admin;
mod listener;

use std::time::Duration;

use ipnet::IpNet;

use crate::relay::limits::{FRAME_SIZE_BYTES, READ_WINDOW_BYTES};
use crate::relay::policy::SlowPolicy;
use crate::relay::span::Span;

pub use address::{HostPort, UnixPath, UpstreamAddress};
pub use admin::AdminConfig;
pub(crate) use admin::check_admin_reach;
pub use listener::{ListenAddress, ListenerConfig};

/// Everything that can be set. The defaults are those of the command line.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where frames come from: tried in this order, one at a time. At least one; standard input only
    /// alone.
    pub upstreams: Vec<UpstreamAddress>,
    /// Where clients connect. At least one.
    pub listeners: Vec<ListenerConfig>,
    /// Bytes per frame, 1 to 1,048,576.
    pub frame_size: usize,
    /// Frames that a client may lag before its policy acts, at least 1. The shared log takes this
    /// many frames of memory.
    pub backlog: u64,
    /// What happens to slow clients of listeners that say nothing of it.
    pub slow: SlowPolicy,
    /// Frames from before its time that a client is given first, for listeners that say nothing
    /// of it; at most `backlog`.
    pub replay: u64,
    /// A client with a backlog whose kernel takes no byte for this long is thrown out; also its
    /// `TCP_USER_TIMEOUT` (tcp(7)) where the system has it.
    pub stall_timeout: Option<Duration>,
    /// How long complete frames are held back, to send several with one write.
    pub linger: Duration,
    /// `TCP_NOTSENT_LOWAT` of clients (tcp(7)), in bytes; `None` leaves the system's own.
    pub unsent_limit: Option<u32>,
    /// Clients in all; `None` means as many as the descriptor limit allows.
    pub max_clients: Option<usize>,
    /// Clients per IPv4 address or IPv6 /64; 0 means no limit.
    pub max_clients_per_ip: u32,
    /// Networks that may connect; none means everybody.
    pub allow: Vec<IpNet>,
    /// First nominal wait before an upstream is dialled again, at least 1 ms.
    pub reconnect_min: Duration,
    /// Longest nominal wait, at least `reconnect_min`.
    pub reconnect_max: Duration,
    /// Whether a lost upstream is dialled again. If not, its end is the server's end. Standard input
    /// never is.
    pub reconnect: bool,
    /// How long a connection to one address of an upstream may take to be made; more than zero.
    pub connect_timeout: Duration,
    /// An upstream without one byte for this long is given up.
    pub upstream_timeout: Option<Duration>,
    /// An upstream that has completed no frame for this long is called stale, once.
    pub stale_after: Option<Duration>,
    /// How long clients may take to receive their backlog when the server stops.
    pub drain_timeout: Duration,
    /// The admin endpoint, if there is to be one.
    pub admin: AdminConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            listeners: vec![ListenerConfig::new(HostPort::new("localhost", 1235).into())],
            frame_size: 1024,
            backlog: 16384,
            slow: SlowPolicy::Disconnect,
            replay: 0,
            stall_timeout: Some(Duration::from_secs(60)),
            linger: Duration::ZERO,
            unsent_limit: Some(128 * 1024),
            max_clients: None,
            max_clients_per_ip: 0,
            allow: Vec::new(),
            reconnect_min: Duration::from_millis(250),
            reconnect_max: Duration::from_secs(30),
            reconnect: true,
            connect_timeout: Duration::from_secs(5),
            upstream_timeout: None,
            stale_after: Some(Duration::from_secs(10)),
            drain_timeout: Duration::from_secs(5),
            admin: AdminConfig::default(),
        }
    }
}

/// A configuration that makes no sense. The text names the option and the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// The defaults, with one upstream.
    #[must_use]
    pub fn new(upstream: UpstreamAddress) -> Self {
        Self {
            upstreams: vec![upstream],
            ..Self::default()
        }
    }

    /// Whether the values make sense, alone and together.
    ///
    /// # Errors
    /// Names the first option that does not, and its value.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_addresses()?;
        self.validate_sizes()?;
        self.validate_durations()
    }

    fn validate_addresses(&self) -> Result<(), ConfigError> {
        check(!self.upstreams.is_empty(), || {
            "<UPSTREAM>: at least one is needed, like 192.0.2.7:1234; for a first look, --demo; for \
             the options, --help"
                .to_owned()
        })?;
        check(self.upstreams.len() == 1 || !self.reads_stdin(), || {
            "<UPSTREAM> '-': standard input can only be the only upstream".to_owned()
        })?;
        for upstream in &self.upstreams {
            let is_dialled = |address: &HostPort| address.port() != 0;
            let is_good = match upstream {
                UpstreamAddress::Tcp(address) => is_dialled(address),
                UpstreamAddress::Unix(_) | UpstreamAddress::Stdin => true,
            };
            check(is_good, || {
                format!("<UPSTREAM> '{upstream}': port 0 cannot be dialled")
            })?;
        }
        let listeners = self.listeners.len();
        check((1..=MAX_LISTENERS).contains(&listeners), || {
            format!("--listen: {listeners} listeners, but 1 to {MAX_LISTENERS} are possible")
        })?;
        self.admin.validate()
    }

    fn validate_sizes(&self) -> Result<(), ConfigError> {
        let (smallest, largest) = FRAME_SIZE_BYTES;
        check((smallest..=largest).contains(&self.frame_size), || {
            format!(
                "--frame-size {}: is not in {smallest}..={largest}",
                self.frame_size
            )
        })?;
        check(self.backlog >= 1, || {
            "--backlog 0: a client must be allowed to lag by one frame".to_owned()
        })?;
        let window = READ_WINDOW_BYTES.max(self.frame_size) as u64;
        let log_bytes = self
            .backlog
            .checked_mul(self.frame_size as u64)
            .and_then(|bytes| bytes.checked_add(window));
        check(
            log_bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok()),
            || {
                format!(
                    "--backlog {}: that many frames of {} bytes fit into no memory",
                    self.backlog, self.frame_size
                )
            },
        )?;
        self.validate_replay("--replay", self.replay)?;
        for listener in &self.listeners {
            if let Some(replay) = listener.replay {
                self.validate_replay(&format!("--listen {}: replay", listener.address), replay)?;
            }
        }
        check(self.max_clients != Some(0), || {
            "--max-clients 0: nobody could connect".to_owned()
        })
    }

    /// Frames come from standard input, which has one end and no second beginning.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.upstreams.contains(&UpstreamAddress::Stdin)
    }

    /// The most frames of the past that any listener gives a newcomer.
    pub(crate) fn replay_frames(&self) -> u64 {
        let wanted = |listener: &ListenerConfig| listener.replay.unwrap_or(self.replay);
        self.listeners.iter().map(wanted).max().unwrap_or(0)
    }

    fn validate_replay(&self, option: &str, replay: u64) -> Result<(), ConfigError> {
        check(replay <= self.backlog, || {
            format!(
                "{option} {replay}: is more than --backlog {}, which is all that is kept",
                self.backlog
            )
        })
    }

    fn validate_durations(&self) -> Result<(), ConfigError> {
        check(self.reconnect_min >= Duration::from_millis(1), || {
            format!(
                "--reconnect-min {}: less than 1ms would dial in a spin",
                Span(self.reconnect_min)
            )
        })?;
        check(self.reconnect_max >= self.reconnect_min, || {
            format!(
                "--reconnect-max {}: is less than --reconnect-min {}",
                Span(self.reconnect_max),
                Span(self.reconnect_min)
            )
        })?;
        check(!self.connect_timeout.is_zero(), || {
            "--connect-timeout 0: no connection could be made".to_owned()
        })?;
        for (option, value) in [
            ("--stall-timeout", self.stall_timeout.unwrap_or_default()),
            ("--linger", self.linger),
            ("--reconnect-max", self.reconnect_max),
            ("--connect-timeout", self.connect_timeout),
            (
                "--upstream-timeout",
                self.upstream_timeout.unwrap_or_default(),
            ),
            ("--stale-after", self.stale_after.unwrap_or_default()),
            ("--drain-timeout", self.drain_timeout),
        ] {
            check(value <= LONGEST_DURATION, || {
                format!("{option} {}: is more than a year", Span(value))
            })?;
        }
        Ok(())
    }
}

fn check(holds: bool, complaint: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(ConfigError(complaint()))
    }
}

/// Listeners a server may have.
pub(crate) const MAX_LISTENERS: usize = 64;

/// No timeout is longer than this, so that no deadline can overflow.
const LONGEST_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Config {
        Config::new(HostPort::new("h", 1).into())
    }

    /// What is changed in a good configuration, and what the complaint must name.
    type Case = (fn(&mut Config), &'static str);

    #[track_caller]
    fn assert_refused(config: &Config, named: &str) {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(named), "{named:?} is missing in {error:?}");
    }

    #[test]
    fn addresses_that_make_no_sense_are_refused_with_option_and_value() {
        assert_eq!(good().validate(), Ok(()));
        assert_refused(&Config::default(), "<UPSTREAM>");
        assert_refused(&Config::new(HostPort::new("h", 0).into()), "'h:0'");
        let mut config = Config::new(UpstreamAddress::Stdin);
        assert_eq!(config.validate(), Ok(()));
        config.upstreams.push(HostPort::new("h", 1).into());
        assert_refused(&config, "'-'");
        let mut config = good();
        config.listeners.clear();
        assert_refused(&config, "--listen");
        config.listeners =
            vec![ListenerConfig::new(HostPort::new("h", 1).into()); MAX_LISTENERS + 1];
        assert_refused(&config, "--listen: 65");
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused_with_option_and_value() {
        let cases: [Case; 7] = [
            (|config| config.frame_size = 0, "--frame-size 0"),
            (
                |config| config.frame_size = (1 << 20) + 1,
                "--frame-size 1048577",
            ),
            (|config| config.backlog = 0, "--backlog 0"),
            (
                |config| config.backlog = u64::MAX,
                "--backlog 18446744073709551615",
            ),
            (|config| config.replay = 16385, "--replay 16385"),
            (
                |config| config.listeners[0].replay = Some(16385),
                "localhost:1235: replay 16385",
            ),
            (|config| config.max_clients = Some(0), "--max-clients 0"),
        ];
        for (spoil, named) in cases {
            let mut config = good();
            spoil(&mut config);
            assert_refused(&config, named);
        }
    }

    #[test]
    fn durations_that_make_no_sense_are_refused_with_option_and_value() {
        let cases: [Case; 4] = [
            (
                |config| config.reconnect_min = Duration::ZERO,
                "--reconnect-min 0",
            ),
            (
                |config| config.reconnect_max = Duration::from_millis(100),
                "--reconnect-max 100ms",
            ),
            (
                |config| config.connect_timeout = Duration::ZERO,
                "--connect-timeout 0",
            ),
            (|config| config.linger = Duration::MAX, "--linger"),
        ];
        for (spoil, named) in cases {
            let mut config = good();
            spoil(&mut config);
            assert_refused(&config, named);
        }
    }
}
