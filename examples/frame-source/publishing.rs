//! How frames are published to a server that knows channels, in its dialect.

use crate::dialect::{CHANNEL, Dialect, Envelope};

/// What is sent before the first frame.
pub(crate) fn opening(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::Raw | Dialect::Redis => b"",
        // Without this, NATS answers every frame with a line.
        Dialect::Nats => b"CONNECT {\"verbose\":false}\r\n",
    }
}

/// What is sent around every frame.
pub(crate) fn envelope(dialect: Dialect, frame_size: usize) -> Envelope {
    let (prefix, suffix) = match dialect {
        Dialect::Raw => (String::new(), ""),
        Dialect::Redis => (
            format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\n{CHANNEL}\r\n${frame_size}\r\n"),
            "\r\n",
        ),
        Dialect::Nats => (format!("PUB {CHANNEL} {frame_size}\r\n"), "\r\n"),
    };
    Envelope {
        prefix: prefix.into_bytes(),
        suffix: suffix.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn published(dialect: Dialect) -> String {
        let envelope = envelope(dialect, 32);
        let bytes = [&envelope.prefix[..], b"FRAME", &envelope.suffix].concat();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_frame_is_published_in_the_words_of_the_protocol() {
        assert_eq!(published(Dialect::Raw), "FRAME");
        assert_eq!(
            published(Dialect::Redis),
            "*3\r\n$7\r\nPUBLISH\r\n$1\r\nf\r\n$32\r\nFRAME\r\n"
        );
        assert_eq!(published(Dialect::Nats), "PUB f 32\r\nFRAME\r\n");
    }
}
