//! Whom the `Host` and `Origin` headers of a request may name.
//!
//! Layer: admin. Owns the guard against two attacks on whoever has a browser and can reach the
//! endpoint. DNS rebinding: a foreign page's own name is made to resolve to this address, so that
//! the browser takes this endpoint for part of that page and hands it the answers; the name is in
//! `Host`, and is not one of ours. An address literal cannot be rebound. Cross-site requests: a
//! foreign page asks this endpoint by its right name; the browser says in `Origin` whose page it
//! is. Knows nothing of sockets, nor of what is asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hosts in whose name this endpoint may be asked: localhost, any address literal, and the
/// names given to it.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// In lower case, without a trailing dot.
    names: Vec<String>,
}

impl Hosts {
    /// These names besides localhost and address literals; in any case, with or without a trailing
    /// dot.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(|name| plain(name.as_ref()));
        Self {
            names: names.collect(),
        }
    }

    /// This is one of the hosts. Any port will do: it may be that of a tunnel or of a proxy.
    pub(super) fn admits(&self, authority: &Authority) -> bool {
        match &authority.host {
            Host::Addr(_) => true,
            Host::Name(name) => name == "localhost" || self.names.contains(name),
        }
    }
}

/// A host and perhaps a port, as in `Host` and in the target of a request (RFC 3986, 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    host: Host,
    port: Option<u16>,
}

/// Whom an authority names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Addr(IpAddr),
    /// In lower case, without a trailing dot.
    Name(String),
}

impl Authority {
    /// Nothing if it is malformed or names nobody: an `http` URI without a host is invalid, and so
    /// is one with a user in it (RFC 9110, 4.2.1 and 4.2.4).
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Colons are also in the address that stands in brackets.
        let end = text.find(']').map_or(0, |bracket| bracket + 1);
        let colon = text[end..].find(':').map(|colon| end + colon);
        let (host, port) = match colon {
            Some(colon) => (&text[..colon], &text[colon + 1..]),
            None => (text, ""),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // RFC 3986, 3.2.3: a port may be empty, and means the default then.
        let port = if port.is_empty() {
            None
        } else {
            Some(port.parse().ok()?)
        };
        Some(Self {
            host: Host::parse(host)?,
            port,
        })
    }

    /// The page behind this `Origin` was loaded from here. `null`, which stands for pages that will
    /// not say, was not.
    ///
    /// A port that is missing is the default of the origin's scheme, also in `Host`: the scheme is
    /// `https` if there is a proxy in between that speaks it.
    pub(super) fn is_origin(&self, origin: &[u8]) -> bool {
        let Ok(origin) = std::str::from_utf8(origin) else {
            return false;
        };
        [("http://", 80), ("https://", 443)]
            .into_iter()
            .any(|(scheme, default)| {
                without_prefix(origin, scheme)
                    .and_then(Self::parse)
                    .is_some_and(|other| self.is_same(&other, default))
            })
    }

    fn is_same(&self, other: &Self, default_port: u16) -> bool {
        let port = |authority: &Self| authority.port.unwrap_or(default_port);
        self.host == other.host && port(self) == port(other)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(text) = text.strip_prefix('[') {
            let addr: Ipv6Addr = text.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Addr(addr.into()));
        }
        if let Ok(addr) = text.parse::<Ipv4Addr>() {
            return Some(Self::Addr(addr.into()));
        }
        is_host_name(text).then(|| Self::Name(plain(text)))
    }
}

/// This can stand for a host in a URI, and is not an address in brackets (`reg-name` in RFC 3986,
/// 3.2.2).
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// What follows a prefix, in which case does not count; it is ASCII.
pub(super) fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Names are the same in any case, and with a trailing dot, which marks them as complete.
fn plain(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn authority(text: &str) -> Authority {
        Authority::parse(text).unwrap_or_else(|| panic!("{text} is an authority"))
    }

    #[test]
    fn localhost_and_address_literals_are_admitted_with_any_port() {
        let hosts = Hosts::default();
        for text in [
            "localhost",
            "LocalHost:9000",
            "localhost.",
            "localhost.:80",
            "localhost:",
            "127.0.0.1",
            "192.0.2.7:65535",
            "[::1]",
            "[::1]:9000",
            "[2001:db8::7]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(hosts.admits(&authority(text)), "{text}");
        }
    }

    #[test]
    fn a_name_is_admitted_only_if_it_was_given() {
        let hosts = Hosts::new(["Relay.Example.", "other"]);
        for text in [
            "relay.example",
            "RELAY.example.:9000",
            "other:1",
            "localhost",
        ] {
            assert!(hosts.admits(&authority(text)), "{text}");
        }
        for text in [
            "example",
            "evil.example",
            "relay.example.evil.example",
            "relay.example..",
            "localhost.evil.example",
            "x.localhost",
            "127.0.0.1.evil.example",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "127.0.0.01",
        ] {
            assert!(!hosts.admits(&authority(text)), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_names_nobody() {
        for text in [
            "",
            ":80",
            "a b",
            "a:65536",
            "a:-1",
            "a:+1",
            "a:1:2",
            "a/b",
            "user@localhost",
            "::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[]",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "[v1.x]",
            "a]:1",
            "h\u{e9}te",
            "a\0",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_origin_is_the_same_host_and_port_of_either_scheme() {
        for (host, origin) in [
            ("localhost:9000", "http://localhost:9000"),
            ("LOCALHOST:9000", "HTTP://localhost.:9000"),
            ("[::1]:9000", "http://[0:0::1]:9000"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("127.0.0.1", "http://127.0.0.1:80"),
            ("127.0.0.1:80", "http://127.0.0.1"),
            ("relay.example", "https://relay.example"),
            ("relay.example:443", "https://relay.example"),
        ] {
            let is_same = authority(host).is_origin(origin.as_bytes());
            assert!(is_same, "{host} {origin}");
        }
    }

    #[test]
    fn every_other_origin_is_foreign() {
        let foreign: [(&str, &[u8]); 14] = [
            ("localhost:9000", b"null"),
            ("localhost:9000", b""),
            ("localhost:9000", b"http://evil.example"),
            ("localhost:9000", b"http://localhost"),
            ("localhost:9000", b"http://localhost:9001"),
            ("localhost", b"http://localhost:443"),
            ("localhost:80", b"https://localhost"),
            ("localhost:9000", b"http://127.0.0.1:9000"),
            ("localhost:9000", b"localhost:9000"),
            ("localhost:9000", b"ftp://localhost:9000"),
            ("localhost:9000", b"http://localhost:9000/"),
            (
                "localhost:9000",
                b"http://localhost:9000 http://evil.example",
            ),
            ("localhost:9000", b"http://user@localhost:9000"),
            ("localhost:9000", b"http://localhost:9000\xff"),
        ];
        for (host, origin) in foreign {
            let words = String::from_utf8_lossy(origin);
            assert!(!authority(host).is_origin(origin), "{host} {words}");
        }
    }
}
