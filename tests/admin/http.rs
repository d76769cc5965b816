//! A visitor of the endpoint who speaks HTTP by hand, and the answer it gets.
//!
//! The invariant: an answer is only an answer if it is whole. Its head must be well-formed, and what follows it must be
//! as long as it says, so that a second answer behind the first is noticed, and half a body as well.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::harness::DEADLINE;

/// One connection to the endpoint.
pub(crate) struct Visitor<S = TcpStream> {
    pub(crate) stream: S,
}

impl Visitor {
    #[track_caller]
    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::try_connect(to).expect("the endpoint listens")
    }

    /// For a time when the kernel may have no room for another connection, or resets it at once.
    pub(crate) fn try_connect(to: SocketAddr) -> Option<Self> {
        Self::over(
            Socket::new(Domain::for_address(to), Type::STREAM, None).ok()?,
            to,
        )
    }

    /// With the smallest receive buffer that the system grants.
    pub(crate) fn try_connect_small(to: SocketAddr) -> Option<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).ok()?;
        socket.set_recv_buffer_size(1).ok()?;
        Self::over(socket, to)
    }

    fn over(socket: Socket, to: SocketAddr) -> Option<Self> {
        socket.connect_timeout(&to.into(), DEADLINE).ok()?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        stream.set_write_timeout(Some(DEADLINE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { stream })
    }

    pub(crate) fn half_close(&self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("it is connected");
    }
}

impl Visitor<UnixStream> {
    #[track_caller]
    pub(crate) fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the endpoint listens");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time is valid");
        Self { stream }
    }
}

impl<S: Read + Write> Visitor<S> {
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the endpoint reads what it is asked");
    }

    /// The one answer, with which the connection has to end cleanly.
    #[track_caller]
    pub(crate) fn answer(mut self) -> Answer {
        let mut bytes = Vec::new();
        self.stream
            .read_to_end(&mut bytes)
            .expect("an answer, and then the end");
        Answer::parse(&bytes).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(&bytes);
            panic!("this is not one answer: {text:?}")
        })
    }

    /// The answer, if a whole one comes before the end or a reset. One of them has to come.
    #[track_caller]
    pub(crate) fn try_answer(mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut bytes) {
            // A reset takes nothing back of what has been read.
            let is_end = error.kind() == ErrorKind::ConnectionReset;
            assert!(is_end, "{error} after {} bytes", bytes.len());
        }
        Answer::parse(&bytes)
    }
}

/// What the endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Nothing unless the bytes are one whole answer. The body may be missing altogether, as it is for HEAD.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        let answer = Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        };
        // Prometheus, which is asked in HTTP/1.0, may leave the length to the end of the connection.
        let length = answer.header("Content-Length");
        let length = length.map_or(Some(body.len()), |length| length.parse().ok())?;
        (body.is_empty() || body.len() == length).then_some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1);
        let mut named = headers.filter_map(|line| line.split_once(": "));
        named
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Asks in these very bytes, on a connection of its own.
#[track_caller]
pub(crate) fn ask(to: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut visitor = Visitor::connect(to);
    visitor.send(bytes);
    visitor.answer()
}

/// The usual way of asking.
#[track_caller]
pub(crate) fn get(to: SocketAddr, path: &str) -> Answer {
    ask(to, request("GET", path))
}

/// A request as a scraper makes it.
pub(crate) fn request(method: &str, path: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"
    )
}
