//! What is around a frame on the wire: nothing, or the envelope of a server that knows channels.
//!
//! The envelopes of Redis and NATS have a fixed length as long as the frames have one, so a stream in their dialects is
//! cut as easily as a raw one. Between two frames there may be lines of text, which `Dialect::hear` understands.

use clap::ValueEnum;

/// The language that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Frames and nothing else
    Raw,
    /// Redis pub/sub
    Redis,
    /// NATS core
    Nats,
}

impl Dialect {
    /// What a line means that comes between two frames, or in answer to one.
    pub(crate) fn hear(self, line: &[u8]) -> Heard {
        let is_known =
            |known: &[&str]| known.iter().any(|begin| line.starts_with(begin.as_bytes()));
        match self {
            Self::Redis | Self::Nats if line.starts_with(b"-") => {
                Heard::Complaint(String::from_utf8_lossy(line).trim_end().to_owned())
            }
            Self::Nats if line == b"PING\r\n" => Heard::Ping,
            Self::Nats if is_known(&["PONG\r\n", "INFO {", "+OK\r\n"]) => Heard::Nothing,
            // The number of clients that a frame went to.
            Self::Redis if is_known(&[":"]) => Heard::Nothing,
            Self::Raw | Self::Redis | Self::Nats => Heard::Nonsense,
        }
    }
}

/// What a line between two frames means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing that anything follows from.
    Nothing,
    /// The server wants to hear `PONG`.
    Ping,
    /// No line that a server in its senses says.
    Nonsense,
    /// The server says that something is wrong.
    Complaint(String),
}

/// What stands before and behind every frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    pub(crate) prefix: Vec<u8>,
    pub(crate) suffix: Vec<u8>,
}

impl Envelope {
    /// Bytes from the first of one frame's envelope to the first of the next.
    pub(crate) fn unit_bytes(&self, frame_size: usize) -> usize {
        self.prefix.len() + frame_size + self.suffix.len()
    }
}

/// The answer to a `PING`.
pub(crate) const PONG: &[u8] = b"PONG\r\n";

/// Where frames are published. One letter, so that its length in the envelopes is 1.
pub(crate) const CHANNEL: &str = "f";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ping_has_to_be_answered() {
        assert_eq!(Dialect::Nats.hear(b"PING\r\n"), Heard::Ping);
        let of_no_consequence: [(Dialect, &[u8]); 4] = [
            (Dialect::Nats, b"PONG\r\n"),
            (Dialect::Nats, b"+OK\r\n"),
            (Dialect::Nats, b"INFO {\"server_id\":\"A\"}\r\n"),
            (Dialect::Redis, b":1000\r\n"),
        ];
        for (dialect, line) in of_no_consequence {
            assert_eq!(dialect.hear(line), Heard::Nothing, "{dialect:?}");
        }
    }

    #[test]
    fn what_no_server_says_is_nonsense() {
        let nonsense: [(Dialect, &[u8]); 6] = [
            (Dialect::Nats, b"pING\r\n"),
            (Dialect::Nats, b"ISG f 1 32\r\n"),
            (Dialect::Nats, b"\n"),
            (Dialect::Redis, b"PING\r\n"),
            (Dialect::Redis, b"$7\r\n"),
            (Dialect::Raw, b"-PING\r\n"),
        ];
        for (dialect, line) in nonsense {
            assert_eq!(dialect.hear(line), Heard::Nonsense, "{dialect:?}");
        }
    }

    #[test]
    fn a_complaint_is_heard_in_its_own_words() {
        let lines: [(Dialect, &[u8], &str); 2] = [
            (
                Dialect::Nats,
                b"-ERR 'Slow Consumer'\r\n",
                "-ERR 'Slow Consumer'",
            ),
            (
                Dialect::Redis,
                b"-NOAUTH Authentication required.\r\n",
                "-NOAUTH Authentication required.",
            ),
        ];
        for (dialect, line, words) in lines {
            assert_eq!(dialect.hear(line), Heard::Complaint(words.to_owned()));
        }
    }
}
