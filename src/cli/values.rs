//! Values as they are written on the command line.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use fanout::IpNet;

/// One or several values, separated by blanks: what an environment variable can hold.
#[derive(Clone, Debug)]
pub(super) struct Words<T>(pub(super) Vec<T>);

impl<T: FromStr<Err: fmt::Display>> FromStr for Words<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let values = text.split_whitespace().map(str::parse);
        let values = values.collect::<Result<Vec<T>, _>>();
        let values = values.map_err(|error| error.to_string())?;
        if values.is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(Self(values))
    }
}

/// The values of all occurrences of an option.
pub(super) fn flatten<T>(occurrences: Vec<Words<T>>) -> Vec<T> {
    occurrences.into_iter().flat_map(|words| words.0).collect()
}

/// A duration; `0` needs no unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurationArg(pub(super) Duration);

impl DurationArg {
    /// Nothing, if it is `0`: never.
    pub(super) fn unless_zero(self) -> Option<Duration> {
        Some(self.0).filter(|duration| !duration.is_zero())
    }
}

impl FromStr for DurationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = humantime::parse_duration(text);
        parsed
            .map(Self)
            .map_err(|error| format!("{error}; durations are like 250ms, 5s, 2m or 0"))
    }
}

/// A number of bytes that fits a socket option.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeArg(pub(super) u32);

impl FromStr for SizeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text
            .parse::<ByteSize>()
            .map_err(|_| "sizes are like 4096, 128KiB or 1MiB".to_owned())?
            .as_u64();
        // The kernel keeps the limit in a signed int (`tcp(7)`).
        i32::try_from(bytes)
            .map(|bytes| Self(bytes.unsigned_abs()))
            .map_err(|_| "is more than 2GiB".to_owned())
    }
}

/// A network, or one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct NetArg(pub(super) IpNet);

impl FromStr for NetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self(net.trunc()));
        }
        match text.parse::<IpAddr>() {
            Ok(ip) => Ok(Self(IpNet::from(ip))),
            Err(_) => Err("networks are like 10.0.0.0/8, fd00::/8 or 192.0.2.7".to_owned()),
        }
    }
}
