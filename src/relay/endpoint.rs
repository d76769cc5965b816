//! Endpoints: what is at the other end of a connection, as the log names it.
//!
//! Layer: relay. Owns the way in which each kind of address is written, and which of them has a
//! number that networks are matched with. Knows nothing of how a connection to one is made.

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// Where a connection leads to or comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP socket with this address.
    Inet(SocketAddr),
    /// A unix socket. Its clients have no address of their own and go by that of their listener.
    Unix(Arc<Path>),
    /// Standard input.
    Stdin,
}

impl Endpoint {
    /// The address that networks and limits are about. Only TCP has one: who may open a unix socket
    /// is said by the permissions of its file.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Inet(addr) => Some(addr.ip()),
            Self::Unix(_) | Self::Stdin => None,
        }
    }

    /// The address, if it is one of TCP.
    #[must_use]
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(addr) => Some(*addr),
            Self::Unix(_) | Self::Stdin => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        Self::Inet(addr)
    }
}

/// As it is written on the command line. In a path that could not be written there, because a service
/// manager has chosen it, blanks and unprintable letters are escaped, and so are double quotes: a log
/// line is one line of words, and only texts stand in quotes.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(addr) => addr.fmt(formatter),
            Self::Unix(path) => {
                formatter.write_str("unix:")?;
                for letter in path.to_string_lossy().chars() {
                    if letter.is_whitespace() || letter.is_control() || letter == '"' {
                        write!(formatter, "{}", letter.escape_unicode())?;
                    } else {
                        formatter.write_char(letter)?;
                    }
                }
                Ok(())
            }
            Self::Stdin => formatter.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn an_endpoint_is_written_as_on_the_command_line_and_only_tcp_has_an_ip() {
        let tcp = Endpoint::from(SocketAddr::from(([192, 0, 2, 7], 5)));
        let unix = Endpoint::Unix(Path::new("/run/a.sock").into());
        let written = [&tcp, &unix, &Endpoint::Stdin].map(ToString::to_string);
        assert_eq!(written, ["192.0.2.7:5", "unix:/run/a.sock", "-"]);
        assert_eq!(tcp.ip(), Some([192, 0, 2, 7].into()));
        assert_eq!(tcp.inet().map(|addr| addr.port()), Some(5));
        for other in [unix, Endpoint::Stdin] {
            assert_eq!((other.ip(), other.inet()), (None, None));
        }
    }

    #[test]
    fn whatever_a_path_consists_of_it_is_one_word_on_one_line() {
        let odd = [&b"/run/gr\xc3\xbcn"[..], b"/a b\n/c\0\x1b\"", b"/\xff\xfe"];
        let written = odd.map(|bytes| {
            let path = Path::new(OsStr::from_bytes(bytes));
            Endpoint::Unix(path.into()).to_string()
        });
        assert_eq!(
            written,
            [
                "unix:/run/grün",
                "unix:/a\\u{20}b\\u{a}/c\\u{0}\\u{1b}\\u{22}",
                "unix:/\u{fffd}\u{fffd}"
            ]
        );
    }
}
