//! One listener of the configuration, and how it is written.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::{ConfigError, HostPort, UnixPath, check};
use crate::relay::policy::SlowPolicy;

/// Where somebody connects to this program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// `HOST:PORT`. Port 0 lets the system choose. A name is bound on all its addresses.
    Tcp(HostPort),
    /// `unix:PATH[,mode=MODE]`.
    Unix {
        /// The socket's file: made when it is bound, and removed when it is closed.
        path: UnixPath,
        /// The file's permissions, 0 to 0o777. Who may write may connect (unix(7)).
        mode: u32,
    },
}

impl ListenAddress {
    /// Owner and group may connect.
    pub const DEFAULT_MODE: u32 = 0o660;
}

impl From<HostPort> for ListenAddress {
    fn from(address: HostPort) -> Self {
        Self::Tcp(address)
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr.into())
    }
}

impl From<UnixPath> for ListenAddress {
    fn from(path: UnixPath) -> Self {
        let mode = Self::DEFAULT_MODE;
        Self::Unix { path, mode }
    }
}

/// Without the mode: as the log names it.
impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix { path, .. } => path.fmt(formatter),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ConfigError;

    /// Reads `HOST:PORT` or `unix:PATH[,mode=MODE]`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (address, options) = text.split_once(',').unwrap_or((text, ""));
        let mut address = Self::without_options(address)?;
        if !options.is_empty() || text.ends_with(',') {
            let (key, value) = split_option(options)?;
            check(key == "mode", || format!("'{key}' is not mode"))?;
            address.set_mode(value)?;
        }
        Ok(address)
    }
}

impl ListenAddress {
    fn without_options(text: &str) -> Result<Self, ConfigError> {
        if text.starts_with(UnixPath::PREFIX) {
            return text.parse::<UnixPath>().map(Self::from);
        }
        text.parse::<HostPort>().map(Self::from)
    }

    fn set_mode(&mut self, value: &str) -> Result<(), ConfigError> {
        let complain = |what: &str| Err(ConfigError(format!("mode={value}: {what}")));
        let Self::Unix { mode, .. } = self else {
            return complain("only the file of a unix socket has one");
        };
        let is_octal = |digits: &str| digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        match u32::from_str_radix(value, 8) {
            Ok(bits) if is_octal(value) && bits <= 0o777 => *mode = bits,
            _ => return complain("is not an octal number from 0 to 0777"),
        }
        Ok(())
    }
}

/// One place where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Where.
    pub address: ListenAddress,
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
    pub fn new(address: ListenAddress) -> Self {
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

    /// Reads `HOST:PORT` or `unix:PATH[,mode=MODE]`, then `[,slow=POLICY][,replay=N][,max-clients=N]`, in any
    /// order.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut parts = text.split(',');
        let address = ListenAddress::without_options(parts.next().unwrap_or_default())?;
        let mut listener = Self::new(address);
        let mut has_mode = false;
        for part in parts {
            let (key, value) = split_option(part)?;
            let is_repeated = match key {
                "slow" => listener.slow.replace(parse_value(key, value)?).is_some(),
                "replay" => listener.replay.replace(parse_value(key, value)?).is_some(),
                "mode" => {
                    listener.address.set_mode(value)?;
                    std::mem::replace(&mut has_mode, true)
                }
                "max-clients" => {
                    let most: usize = parse_value(key, value)?;
                    check(most > 0, || {
                        "max-clients=0: nobody could connect".to_owned()
                    })?;
                    listener.max_clients.replace(most).is_some()
                }
                _ => {
                    return Err(ConfigError(format!(
                        "'{key}' is none of slow, replay, max-clients, mode"
                    )));
                }
            };
            check(!is_repeated, || format!("'{key}' is given twice"))?;
        }
        Ok(listener)
    }
}

fn split_option(part: &str) -> Result<(&str, &str), ConfigError> {
    part.split_once('=')
        .ok_or_else(|| ConfigError(format!("'{part}' is not of the form KEY=VALUE")))
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
        assert_eq!(listener.address, HostPort::new("::1", 0).into());
        assert_eq!(listener.slow, Some(SlowPolicy::Skip));
        assert_eq!(listener.replay, Some(7));
        assert_eq!(listener.max_clients, Some(3));
    }

    #[test]
    fn the_file_of_a_unix_socket_has_a_mode_and_0660_by_default() {
        for (text, expected) in [
            ("unix:/run/a", 0o660),
            ("unix:/run/a,mode=0600", 0o600),
            ("unix:/run/a,slow=skip,mode=666", 0o666),
        ] {
            let listener: ListenerConfig = text.parse().unwrap();
            let ListenAddress::Unix { path, mode } = listener.address else {
                panic!("{text} is a unix socket");
            };
            assert_eq!((path.to_string().as_str(), mode), ("unix:/run/a", expected));
        }
        let alone: ListenAddress = "unix:/run/a,mode=0640".parse().unwrap();
        assert!(matches!(alone, ListenAddress::Unix { mode: 0o640, .. }));
        for text in [
            "unix:/run/a,slow=skip",
            "unix:/run/a,",
            "unix:/run/a,mode",
            "h:1,mode=0600",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
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
            ("h:1,mode=0600", "mode=0600"),
            ("unix:a,mode=0800", "mode=0800"),
            ("unix:a,mode=1777", "mode=1777"),
            ("unix:a,mode=+7", "mode=+7"),
            ("unix:a,mode=", "mode="),
            ("unix:a,mode=600,mode=600", "'mode' is given twice"),
        ] {
            let error = text.parse::<ListenerConfig>().unwrap_err().to_string();
            assert!(error.contains(named), "{named:?} is missing in {error:?}");
        }
    }
}
