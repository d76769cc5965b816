//! Server A: sends frames at a steady rate to the one client that it serves, and cuts the connection now and then.
//!
//! A frame that is cut is sent again, from its first byte, on the next connection: of a server that does everything
//! right, no client sees a gap. Before a reset, the frames have reached the clients: what the kernel would throw away
//! with a reset is nobody's fault.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::Fallible;
use crate::books::{Books, Shared};
use crate::clock::{monotonic_ns, whole_ns};
use crate::frame::Head;
use crate::options::{Damage, Options};

/// The upstream's thread.
struct Source {
    listener: TcpListener,
    shared: Arc<Shared>,
    rate: u64,
    frame_size: usize,
    cut_every_ns: u64,
    damage: Option<Damage>,
    generator: fastrand::Rng,
    next: u64,
    cuts: u64,
    /// Frames that are written at once.
    burst: Vec<u8>,
}

/// Why a connection is not served any further.
enum Gone {
    Lost,
    Over,
}

/// Listens, and serves from a thread of its own until it is told to end.
pub(crate) fn start(
    options: &Options,
    seed: u64,
    shared: &Arc<Shared>,
) -> Fallible<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let source = Source {
        listener,
        shared: Arc::clone(shared),
        rate: options.rate.into(),
        frame_size: options.frame_size,
        cut_every_ns: whole_ns(options.cut_every),
        damage: options.damage,
        generator: fastrand::Rng::with_seed(seed),
        next: 0,
        cuts: 0,
        burst: Vec::new(),
    };
    let thread = thread::Builder::new().name("upstream".to_owned());
    Ok((addr, thread.spawn(move || source.run())?))
}

impl Source {
    fn run(mut self) {
        while !self.shared.is_over() {
            wait(&self.listener, PACE);
            let Ok((stream, _)) = self.listener.accept() else {
                continue;
            };
            let outcome = self.serve(stream);
            self.shared.change(|books| {
                books.is_connected = false;
                books.lost_by_server += u64::from(matches!(outcome, Err(Gone::Lost)));
            });
        }
    }

    /// Serves one connection up to its cut.
    fn serve(&mut self, mut stream: TcpStream) -> Result<(), Gone> {
        stream.set_nodelay(true).map_err(|_| Gone::Lost)?;
        stream
            .set_write_timeout(Some(PATIENCE))
            .map_err(|_| Gone::Lost)?;
        self.shared.change(|books| {
            books.connects += 1;
            books.is_connected = true;
        });
        let cut_at_ns = monotonic_ns() + self.cut_every_ns;
        let mut paid_until_ns = monotonic_ns();
        loop {
            if self.shared.is_over() {
                return Err(Gone::Over);
            }
            self.refuse_a_second();
            let is_resting = self.shared.change(Books::rest_if_wanted);
            let now_ns = monotonic_ns();
            if is_resting {
                paid_until_ns = now_ns;
            } else if now_ns.saturating_sub(self.shared.alive_at_ns()) > DEAF_NS {
                self.shared
                    .change(|books| books.waited_ns += now_ns - paid_until_ns);
                paid_until_ns = now_ns;
            } else if now_ns >= cut_at_ns {
                return self.cut(stream);
            } else {
                let due = ((now_ns - paid_until_ns) * self.rate / SECOND_NS).min(MOST_AT_ONCE);
                self.send(&mut stream, due)?;
                // After a long wait, what was not sent then is not made up for.
                let paid_ns = paid_until_ns + due * SECOND_NS / self.rate;
                paid_until_ns = paid_ns.max(now_ns.saturating_sub(DEAF_NS));
            }
            if wait(&stream, PACE) {
                hear(&mut stream)?;
            }
        }
    }

    /// Whoever comes while somebody is served is one too many.
    fn refuse_a_second(&mut self) {
        if self.listener.accept().is_ok() {
            self.shared.change(|books| books.second_connects += 1);
        }
    }

    fn send(&mut self, stream: &mut TcpStream, due: u64) -> Result<(), Gone> {
        self.burst.clear();
        for _ in 0..due {
            self.append();
        }
        let frames = (self.burst.len() / self.frame_size) as u64;
        self.shared.change(|books| books.offered += frames);
        self.write(stream)?;
        self.shared.change(|books| {
            books.frames += frames;
            books.bytes += self.burst.len() as u64;
            books.next = self.next;
        });
        Ok(())
    }

    /// Adds the next frame to what is about to be written, or what is to be taken for it.
    fn append(&mut self) {
        let damage = self
            .damage
            .filter(|_| self.next > 0 && self.next.is_multiple_of(DAMAGED_EVERY));
        if damage == Some(Damage::Missing) {
            self.next += 1;
        }
        let at = self.burst.len();
        self.burst.resize(at + self.frame_size, 0);
        let head = Head {
            sequence: self.next,
            sent_at_ns: monotonic_ns(),
        };
        head.write(&mut self.burst[at..]);
        match damage {
            Some(Damage::Repeated) => self.burst.extend_from_within(at..),
            Some(Damage::Torn) => self.burst[at + self.frame_size / 2] ^= 1,
            Some(Damage::Missing) | None => {}
        }
        self.next += 1;
    }

    /// Writes all of the burst, however long that takes.
    fn write(&self, stream: &mut TcpStream) -> Result<(), Gone> {
        let mut rest = &self.burst[..];
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(Gone::Lost),
            }
            if self.shared.is_over() {
                return Err(Gone::Over);
            }
        }
        Ok(())
    }

    /// Sends some bytes of the next frame and ends the connection there.
    fn cut(&mut self, mut stream: TcpStream) -> Result<(), Gone> {
        let resets = !self.cuts.is_multiple_of(2) && self.has_arrived();
        let (next, bytes) = (self.next, self.generator.usize(0..self.frame_size));
        self.burst.clear();
        self.append();
        self.next = next;
        self.burst.truncate(bytes);
        self.write(&mut stream)?;
        if resets {
            // Where that fails, the server has ended the connection, and the next look at the books tells.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        self.cuts += 1;
        self.shared.change(|books| {
            books.bytes += bytes as u64;
            books.partial_bytes += bytes as u64;
            books.cuts_by_rst += u64::from(resets);
            books.cuts_by_fin += u64::from(!resets);
            books.is_connected = false;
        });
        Ok(())
    }

    /// Waits until clients have had everything that was sent.
    fn has_arrived(&self) -> bool {
        let deadline_ns = monotonic_ns() + whole_ns(ARRIVAL_LIMIT);
        while self.shared.seen() < self.next && monotonic_ns() < deadline_ns {
            thread::sleep(PACE);
        }
        self.shared.seen() >= self.next
    }
}

/// Waits until there is something to read or accept, no longer than this, and says whether there is.
fn wait(socket: &impl AsFd, timeout: Duration) -> bool {
    let mut sockets = [PollFd::new(socket, PollFlags::IN)];
    let timeout = Timespec::try_from(timeout).ok();
    // Where the wait is interrupted, the next one makes up for it.
    poll(&mut sockets, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

/// The server has nothing to say: whatever it is, the connection is over.
fn hear(stream: &mut TcpStream) -> Result<(), Gone> {
    match stream.read(&mut [0; 16]) {
        Err(error) if is_passing(&error) => Ok(()),
        _ => Err(Gone::Lost),
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Frames are sent in bursts so far apart: a write per frame and client would be most of what the machine does.
const PACE: Duration = Duration::from_millis(20);

/// How long a write may block before the thread looks up.
const PATIENCE: Duration = Duration::from_millis(100);

/// A clients' thread that has not come round for so long gets nothing more: it may be the machine that is busy, and
/// nobody is to be thrown out for that.
const DEAF_NS: u64 = 200_000_000;

/// Frames of one burst.
const MOST_AT_ONCE: u64 = 20_000;

const SECOND_NS: u64 = 1_000_000_000;

/// Where damage is asked for, this is how often.
const DAMAGED_EVERY: u64 = 500;

/// How long a reset waits for what was sent.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(5);
