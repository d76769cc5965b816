//! Server A: serves one client, with numbered frames, well or badly.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::{Domain, SockRef, Socket, Type};

use super::frame;
use super::wait::is_ready;
use super::{DEADLINE, FRAME_SIZE};

/// Server A, listening.
pub(crate) struct Upstream {
    listener: TcpListener,
    frame_size: usize,
}

impl Upstream {
    pub(crate) fn bind() -> Self {
        Self::with_frame_size(FRAME_SIZE)
    }

    pub(crate) fn with_frame_size(frame_size: usize) -> Self {
        Closed::reserve().open(frame_size)
    }

    /// Behind a listener that the test has made itself.
    #[allow(
        dead_code,
        reason = "for tests in which the place of server A is the subject"
    )]
    pub(crate) fn behind(listener: TcpListener) -> Self {
        Self {
            listener,
            frame_size: FRAME_SIZE,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    pub(crate) fn frame_size(&self) -> usize {
        self.frame_size
    }

    /// Waits for the program's connection.
    #[track_caller]
    pub(crate) fn accept(&self) -> Feed {
        assert!(
            is_ready(&self.listener, PollFlags::IN, DEADLINE),
            "the program never connected"
        );
        let (stream, _) = self
            .listener
            .accept()
            .expect("poll says that somebody waits");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Feed::over(stream, self.frame_size)
    }

    /// Whether somebody is connected and not yet accepted.
    pub(crate) fn is_dialled(&self) -> bool {
        is_ready(&self.listener, PollFlags::IN, Duration::ZERO)
    }
}

/// An address of loopback that no other test dials. The program of one goes on dialling its upstream's port when that
/// is gone, and the kernel may have given the port to another test's upstream, which serves one client only.
fn own_loopback() -> Ipv4Addr {
    static TAKEN: AtomicU16 = AtomicU16::new(1);
    if cfg!(not(target_os = "linux")) {
        // There, only this one is up unless somebody configures others.
        return Ipv4Addr::LOCALHOST;
    }
    let [high, low] = TAKEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low.max(1))
}

/// Server A's address while nobody listens there: it refuses every connection.
pub(crate) struct Closed {
    socket: Socket,
}

impl Closed {
    pub(crate) fn reserve() -> Self {
        Self::reserve_at(own_loopback())
    }

    /// The same at an address that a name stands for.
    pub(crate) fn reserve_at(ip: Ipv4Addr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from((ip, 0));
        socket
            .bind(&any_port.into())
            .expect("loopback has a free port");
        Self { socket }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.socket
            .local_addr()
            .expect("it is bound")
            .as_socket()
            .expect("it is IPv4")
    }

    pub(crate) fn open(self, frame_size: usize) -> Upstream {
        self.socket.listen(ACCEPT_QUEUE).expect("it is bound");
        Upstream {
            listener: self.socket.into(),
            frame_size,
        }
    }

    /// Listens, and lets connections pile up until the kernel answers no further one.
    ///
    /// Returns what holds that state: nobody else can connect while it lives.
    #[cfg(target_os = "linux")]
    pub(crate) fn open_deaf(self) -> (TcpListener, Vec<Socket>) {
        self.socket.listen(0).expect("it is bound");
        let addr = self.addr();
        let mut dialled = Vec::new();
        loop {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            let outcome = socket.connect_timeout(&addr.into(), UNANSWERED);
            dialled.push(socket);
            if outcome.is_err() {
                return (self.socket.into(), dialled);
            }
        }
    }
}

/// Server A's side of the program's connection.
pub(crate) struct Feed {
    stream: TcpStream,
    frame_size: usize,
    next: u64,
    unsent: Vec<u8>,
}

impl Feed {
    /// Over a socket of either family.
    pub(crate) fn over(socket: impl Into<OwnedFd>, frame_size: usize) -> Self {
        let stream = TcpStream::from(socket.into());
        stream
            .set_write_timeout(Some(DEADLINE))
            .expect("a time is valid");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time is valid");
        Self {
            stream,
            frame_size,
            next: 0,
            unsent: Vec::new(),
        }
    }

    /// Numbers the frames from here on.
    pub(crate) fn starting_at(mut self, sequence: u64) -> Self {
        self.next = sequence;
        self
    }

    /// The sequence number of the next frame to begin.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Sends whole frames with one write, after what is left of a frame that was begun.
    #[track_caller]
    pub(crate) fn send(&mut self, count: u64) {
        let mut bytes = std::mem::take(&mut self.unsent);
        bytes.extend(frame::frames(self.next..self.next + count, self.frame_size));
        self.next += count;
        self.send_bytes(&bytes);
    }

    #[track_caller]
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the program reads its upstream");
    }

    /// Sends the first bytes of the next frame; the next `send` begins with the others.
    #[track_caller]
    pub(crate) fn begin_frame(&mut self, bytes: usize) {
        let mut frame = frame::frame(self.next, self.frame_size);
        self.unsent = frame.split_off(bytes);
        self.next += 1;
        self.send_bytes(&frame);
    }

    /// Sends some more bytes of the frame that was begun.
    #[track_caller]
    pub(crate) fn send_more_of_frame(&mut self, bytes: usize) {
        let more: Vec<u8> = self.unsent.drain(..bytes).collect();
        self.send_bytes(&more);
    }

    /// How many bytes of the frame that was begun are still to come.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Sends frames until the program has left them unread for so long, as the kernel sees it; returns how many whole
    /// frames the kernel has taken, counted from sequence number 0.
    #[track_caller]
    pub(crate) fn fill(&mut self, unread_for: Duration) -> u64 {
        self.stream.set_nonblocking(true).expect("it is a socket");
        loop {
            if self.unsent.is_empty() {
                self.unsent = frame::frame(self.next, self.frame_size);
                self.next += 1;
            }
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !is_ready(&self.stream, PollFlags::OUT, unread_for) {
                        break;
                    }
                }
                Err(error) => panic!("the program has let its upstream go: {error}"),
            }
        }
        self.stream.set_nonblocking(false).expect("it is a socket");
        self.next - u64::from(!self.unsent.is_empty())
    }

    /// Keeps as little as possible in the kernel on this side.
    pub(crate) fn with_small_buffer(self) -> Self {
        SockRef::from(&self.stream)
            .set_send_buffer_size(1)
            .expect("any size is valid");
        self
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a TCP socket");
    }

    /// Waits until the program has closed its side.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => {}
            Ok(_) => panic!("the program has sent a byte to server A"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
}

/// Long enough for any number of tests that dial at once.
const ACCEPT_QUEUE: i32 = 64;

/// How long a connect on loopback waits before it counts as not answered. One that is called unanswered too soon does
/// no harm: the queue that it stands in is full all the same once a further one is not answered.
#[cfg(target_os = "linux")]
const UNANSWERED: Duration = Duration::from_millis(250);
