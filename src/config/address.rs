//! Addresses by name or number, and how they are written.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::ConfigError;
use crate::relay::endpoint::Endpoint;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamAddress {
    /// A TCP server: `HOST:PORT`.
    Tcp(HostPort),
    /// A unix socket: `unix:PATH`.
    Unix(UnixPath),
    /// Standard input: `-`. Only as the only upstream.
    Stdin,
}

impl UpstreamAddress {
    /// What to connect to, if no name has to be resolved for that.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Tcp(address) => address.numeric().map(Endpoint::Inet),
            Self::Unix(path) => Some(path.endpoint()),
            Self::Stdin => Some(Endpoint::Stdin),
        }
    }
}

impl From<HostPort> for UpstreamAddress {
    fn from(address: HostPort) -> Self {
        Self::Tcp(address)
    }
}

impl From<SocketAddr> for UpstreamAddress {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr.into())
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => path.fmt(formatter),
            Self::Stdin => formatter.write_str("-"),
        }
    }
}

impl FromStr for UpstreamAddress {
    type Err = ConfigError;

    /// Reads `HOST:PORT`, `unix:PATH` or `-`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if text.starts_with(UnixPath::PREFIX) {
            return text.parse().map(Self::Unix);
        }
        text.parse().map(Self::Tcp)
    }
}

/// The path of a unix socket, written `unix:PATH`. It has no blanks, commas or unprintable letters,
/// because lists of addresses are separated by those, no double quotes or backslashes, because the log
/// escapes with those, and no more bytes than every system permits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnixPath(Arc<Path>);

impl UnixPath {
    /// What stands before the path.
    pub const PREFIX: &str = "unix:";

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The socket as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(Arc::clone(&self.0))
    }
}

impl fmt::Display for UnixPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint().fmt(formatter)
    }
}

impl FromStr for UnixPath {
    type Err = ConfigError;

    /// Reads `unix:PATH`.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let complain = |what: &str| Err(ConfigError(format!("'{text}' {what}")));
        let Some(path) = text.strip_prefix(Self::PREFIX) else {
            return complain("is not of the form unix:PATH");
        };
        let is_odd = |letter: char| {
            letter.is_whitespace() || letter.is_control() || ",\"\\".contains(letter)
        };
        if path.is_empty() {
            return complain("has no path");
        }
        if path.chars().any(is_odd) {
            return complain(
                "has a blank, comma, double quote, backslash or unprintable letter in its path",
            );
        }
        if unix::net::SocketAddr::from_pathname(path).is_err() {
            return complain("has a path that is too long for a unix socket");
        }
        Ok(Self(Path::new(path).into()))
    }
}

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// A host by name or number (an IPv6 address without brackets) and a port.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address itself, if the host is given as a number and no name has to be resolved.
    #[must_use]
    pub fn numeric(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr.ip().to_string(), addr.port())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for HostPort {
    type Err = ConfigError;

    /// Reads `HOST:PORT`, where an IPv6 address stands in brackets.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let complain = |what: &str| Err(ConfigError(format!("'{text}' {what}")));
        if text.contains("://") {
            return complain("is a URL, and not of the form HOST:PORT");
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return complain("is not of the form HOST:PORT");
        };
        let Ok(port) = port.parse::<u16>() else {
            return complain("has no port from 0 to 65535 after its last colon");
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(host) if host.parse::<Ipv6Addr>().is_ok() => host,
            Some(_) => return complain("has no IPv6 address between its brackets"),
            None if host.contains(':') => {
                return complain("has an IPv6 address without brackets: write [ADDRESS]:PORT");
            }
            None => host,
        };
        let is_host_letter =
            |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
        if host.is_empty() || !host.chars().all(is_host_letter) {
            return complain("has no host name or address before its port");
        }
        Ok(Self::new(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_written() {
        for text in [
            "127.0.0.1:1234",
            "[::1]:1234",
            "localhost:0",
            "a-b.c_d:65535",
        ] {
            let address: HostPort = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let numeric = "[::1]:7".parse::<HostPort>().unwrap().numeric();
        assert_eq!(numeric, Some("[::1]:7".parse().unwrap()));
        assert_eq!("localhost:7".parse::<HostPort>().unwrap().numeric(), None);
    }

    #[test]
    fn an_upstream_is_read_back_as_it_was_written_whatever_it_is() {
        for text in [
            "127.0.0.1:1234",
            "host:7",
            "unix:/run/a.sock",
            "unix:a",
            "-",
        ] {
            let address: UpstreamAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            let is_known = address.endpoint().is_some();
            assert_eq!(is_known, text != "host:7", "only names are looked up");
        }
    }

    #[test]
    fn a_bad_path_is_refused_and_named() {
        let long = format!("unix:/{}", "a".repeat(200));
        for text in [
            "unix:",
            "unix:a b",
            "unix:/a,b",
            "unix:a\n",
            "unix:/a\"b",
            "unix:/a\\b",
            "unix:\0",
            &long,
        ] {
            for error in [
                text.parse::<UnixPath>().unwrap_err(),
                text.parse::<UpstreamAddress>().unwrap_err(),
            ] {
                assert!(error.to_string().contains(text), "{text:?} in {error}");
            }
        }
        assert!("/run/a".parse::<UnixPath>().is_err());
    }

    #[test]
    fn a_bad_address_is_refused_and_named() {
        for text in [
            "",
            ":",
            "host",
            "host:",
            ":1",
            "host:x",
            "host:65536",
            "host:-1",
            "::1:80",
            "[::1]",
            "[host]:80",
            "[]:80",
            "ho st:80",
            "host\n:80",
            "[::1:80",
            "::1]:80",
            "http://host:80",
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.contains(text), "{text:?} is missing in {error:?}");
        }
    }
}
