//! One listener of the configuration, and how it is written.

use std::fmt;
use std::str::FromStr;

use super::{ConfigError, HostPort, check};
use crate::relay::policy::SlowPolicy;

/// One place where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Where. Port 0 lets the system choose. A name is bound on all its addresses.
    pub address: HostPort,
    /// What happens to its slow clients; [`crate::Config::slow`] if not given.
    pub slow: Option<SlowPolicy>,
    /// Frames from before its time that a client is given first; [`crate::Config::replay`] if not given.
    pub replay: Option<u64>,
    /// Clients on this listener, at least 1.
    pub max_clients: Option<usize>,
}

impl ListenerConfig {
    /// A listener at `address` with the defaults of its server.
    #[must_use]
    pub fn new(address: HostPort) -> Self {
        Self {
            address,
            slow: None,
            replay: None,
            max_clients: None,
        }
    }
}

impl FromStr for ListenerConfig {
    type Err = ConfigError;

    /// Reads `HOST:PORT[,slow=POLICY][,replay=N][,max-clients=N]`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut parts = text.split(',');
        let address = parts.next().unwrap_or_default().parse()?;
        let mut listener = Self::new(address);
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| ConfigError(format!("'{part}' is not of the form KEY=VALUE")))?;
            let is_repeated = match key {
                "slow" => listener.slow.replace(parse_value(key, value)?).is_some(),
                "replay" => listener.replay.replace(parse_value(key, value)?).is_some(),
                "max-clients" => {
                    let most: usize = parse_value(key, value)?;
                    check(most > 0, || {
                        "max-clients=0: nobody could connect".to_owned()
                    })?;
                    listener.max_clients.replace(most).is_some()
                }
                _ => {
                    return Err(ConfigError(format!(
                        "'{key}' is none of slow, replay, max-clients"
                    )));
                }
            };
            check(!is_repeated, || format!("'{key}' is given twice"))?;
        }
        Ok(listener)
    }
}

fn parse_value<T: FromStr<Err: fmt::Display>>(key: &str, value: &str) -> Result<T, ConfigError> {
    value
        .parse()
        .map_err(|error| ConfigError(format!("{key}={value}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_read_with_its_options_in_any_order() {
        let listener: ListenerConfig = "[::1]:0,max-clients=3,slow=skip,replay=7".parse().unwrap();
        assert_eq!(listener.address, HostPort::new("::1", 0));
        assert_eq!(listener.slow, Some(SlowPolicy::Skip));
        assert_eq!(listener.replay, Some(7));
        assert_eq!(listener.max_clients, Some(3));
    }

    #[test]
    fn a_bad_listener_option_is_refused_and_named() {
        for (text, named) in [
            ("h:1,slow=fast", "slow=fast"),
            ("h:1,replay=-1", "replay=-1"),
            ("h:1,replay", "'replay'"),
            ("h:1,", "''"),
            ("h:1,burst=1", "'burst'"),
            ("h:1,max-clients=0", "max-clients=0"),
            ("h:1,slow=skip,slow=wait", "'slow' is given twice"),
        ] {
            let error = text.parse::<ListenerConfig>().unwrap_err().to_string();
            assert!(error.contains(named), "{named:?} is missing in {error:?}");
        }
    }
}
