//! What is said before the first frame, to a server that knows channels and by it.

use std::io::{self, Read, Write};

use crate::Fallible;
use crate::dialect::{CHANNEL, Dialect, Envelope, Heard, PONG};

/// Asks for the frames and waits until the server has agreed. What comes after that is left in the kernel.
pub(crate) fn exchange(stream: &mut (impl Read + Write), dialect: Dialect) -> Fallible<()> {
    let (request, consent) = match dialect {
        Dialect::Raw => return Ok(()),
        Dialect::Redis => (
            format!("SUBSCRIBE {CHANNEL}\r\n"),
            format!("*3\r\n$9\r\nsubscribe\r\n$1\r\n{CHANNEL}\r\n:1\r\n"),
        ),
        // NATS answers in order: after the answer to PING, SUB has been heard.
        Dialect::Nats => (
            format!("CONNECT {{\"verbose\":false}}\r\nSUB {CHANNEL} 1\r\nPING\r\n"),
            String::from_utf8_lossy(PONG).into_owned(),
        ),
    };
    stream.write_all(request.as_bytes())?;
    let mut heard = Vec::new();
    while !heard.ends_with(consent.as_bytes()) {
        let line_at = heard.len();
        read_line(stream, &mut heard)?;
        match dialect.hear(&heard[line_at..]) {
            // A consent of several lines is no single line that means something.
            Heard::Nothing | Heard::Nonsense => {}
            Heard::Ping => stream.write_all(PONG)?,
            Heard::Complaint(complaint) => {
                return Err(format!("the server says {complaint:?}").into());
            }
        }
    }
    Ok(())
}

/// Byte by byte, so that nothing behind the line is taken.
fn read_line(stream: &mut impl Read, heard: &mut Vec<u8>) -> Fallible<()> {
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Err("the server ended the stream instead of a greeting".into()),
            Ok(_) => heard.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if heard.len() > GREETING_BYTES {
            return Err("the server does not stop greeting".into());
        }
        if byte == [b'\n'] {
            return Ok(());
        }
    }
}

/// What comes around every frame.
pub(crate) fn envelope(dialect: Dialect, frame_size: usize) -> Envelope {
    let (prefix, suffix) = match dialect {
        Dialect::Raw => (String::new(), ""),
        Dialect::Redis => (
            format!("*3\r\n$7\r\nmessage\r\n$1\r\n{CHANNEL}\r\n${frame_size}\r\n"),
            "\r\n",
        ),
        Dialect::Nats => (format!("MSG {CHANNEL} 1 {frame_size}\r\n"), "\r\n"),
    };
    Envelope {
        prefix: prefix.into_bytes(),
        suffix: suffix.as_bytes().to_vec(),
    }
}

/// More than any greeting has.
const GREETING_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says what it was going to say anyway.
    struct Canned {
        says: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Canned {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.says.read(bytes)
        }
    }

    impl Write for Canned {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the server heard, and what it said that was not read.
    fn exchanged(dialect: Dialect, says: &str) -> Result<(String, String), String> {
        let mut server = Canned {
            says: io::Cursor::new(says.as_bytes().to_vec()),
            heard: Vec::new(),
        };
        exchange(&mut server, dialect).map_err(|error| error.to_string())?;
        let heard = String::from_utf8(server.heard).unwrap();
        let mut unread = String::new();
        server.says.read_to_string(&mut unread).unwrap();
        Ok((heard, unread))
    }

    #[test]
    fn a_raw_server_is_not_spoken_to() {
        let outcome = exchanged(Dialect::Raw, "bytes");
        assert_eq!(outcome, Ok((String::new(), "bytes".to_owned())));
    }

    #[test]
    fn redis_agrees_and_what_follows_is_left() {
        let says = "*3\r\n$9\r\nsubscribe\r\n$1\r\nf\r\n:1\r\n*3\r\n$7\r\n";
        let outcome = exchanged(Dialect::Redis, says);
        let expected = ("SUBSCRIBE f\r\n", "*3\r\n$7\r\n");
        assert_eq!(outcome, Ok((expected.0.to_owned(), expected.1.to_owned())));
    }

    #[test]
    fn nats_is_asked_and_answered_until_it_has_heard_all() {
        let says = "INFO {\"version\":\"2\"}\r\nPING\r\nPONG\r\nMSG f 1 32\r\n";
        let outcome = exchanged(Dialect::Nats, says);
        let heard = "CONNECT {\"verbose\":false}\r\nSUB f 1\r\nPING\r\nPONG\r\n";
        let expected = (heard.to_owned(), "MSG f 1 32\r\n".to_owned());
        assert_eq!(outcome, Ok(expected));
    }

    #[test]
    fn a_server_that_complains_ends_or_never_comes_to_the_point_is_not_waited_for() {
        for (says, named) in [
            (
                "INFO {}\r\n-ERR 'Authorization Violation'\r\n",
                "Authorization Violation",
            ),
            ("INFO {}\r\n", "ended the stream"),
            (&"x".repeat(GREETING_BYTES + 1), "does not stop"),
        ] {
            let complaint = exchanged(Dialect::Nats, says).unwrap_err();
            assert!(complaint.contains(named), "{complaint}");
        }
    }

    #[test]
    fn a_frame_comes_in_the_words_of_the_protocol() {
        let before = |dialect| String::from_utf8(envelope(dialect, 32).prefix).unwrap();
        assert_eq!(before(Dialect::Raw), "");
        assert_eq!(before(Dialect::Nats), "MSG f 1 32\r\n");
        let redis = "*3\r\n$7\r\nmessage\r\n$1\r\nf\r\n$32\r\n";
        assert_eq!(before(Dialect::Redis), redis);
    }
}
