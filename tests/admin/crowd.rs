//! Many clients of a source with a steady pace, each of which checks every frame that it is sent.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::SockRef;

use crate::harness::wait::wait_for_some;
use crate::harness::{DEADLINE, Feed, frame};

/// Server A at a thousand frames a second, or as many as the machine can do.
pub(crate) struct Source {
    stop: Sender<()>,
    /// How many frames it sent each time.
    sent: Receiver<u64>,
    thread: JoinHandle<Feed>,
}

impl Source {
    pub(crate) fn start(mut feed: Feed) -> Self {
        let (stop, stopped) = channel();
        let (sending, sent) = channel();
        let thread = thread::spawn(move || {
            let mut before = Instant::now();
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let now = Instant::now();
                let due = now.duration_since(before).min(CATCHING_UP).as_millis();
                before = now;
                let due = u64::try_from(due).expect("at most what is caught up with");
                feed.send(due);
                // Whether anybody counts along is not its business.
                let _ = sending.send(due);
            }
            feed
        });
        Self { stop, sent, thread }
    }

    /// Waits until it has sent so many frames, beside those that were waited for before.
    #[track_caller]
    pub(crate) fn wait_for_frames(&self, count: u64) {
        let mut sum = 0;
        while sum < count {
            sum += self
                .sent
                .recv_timeout(DEADLINE)
                .expect("it goes on sending");
        }
    }

    /// Stops it; whoever takes the feed knows what was sent.
    #[track_caller]
    pub(crate) fn stop(self) -> Feed {
        self.stop.send(()).expect("it runs until it is told");
        self.thread.join().expect("the program reads its upstream")
    }
}

/// The clients, on a few threads.
pub(crate) struct Crowd {
    /// The last frame that is to be read, once it is known.
    last: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<Member>>>,
}

/// One client.
pub(crate) struct Member {
    stream: TcpStream,
    frame_size: usize,
    begun: Vec<u8>,
    /// The first frame that it was sent, and the one that it expects.
    first: Option<u64>,
    next: u64,
}

impl Crowd {
    /// So many clients of this listener.
    #[track_caller]
    pub(crate) fn join(count: usize, to: SocketAddr, frame_size: usize) -> Self {
        let last = Arc::new(AtomicU64::new(u64::MAX));
        let mut members: Vec<_> = (0..count).map(|_| Member::join(to, frame_size)).collect();
        let mut threads = Vec::new();
        while !members.is_empty() {
            let some = members.split_off(members.len().saturating_sub(MEMBERS_PER_THREAD));
            let last = Arc::clone(&last);
            threads.push(thread::spawn(move || read_to(some, &last)));
        }
        Self { last, threads }
    }

    /// Waits until everybody has read this frame, and returns how many frames they have read in all.
    #[track_caller]
    pub(crate) fn finish(self, last: u64) -> u64 {
        self.last.store(last, Ordering::Relaxed);
        let members = self
            .threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no gap, and no end"));
        members.map(Member::leave).sum()
    }
}

impl Member {
    #[track_caller]
    fn join(to: SocketAddr, frame_size: usize) -> Self {
        let stream = TcpStream::connect_timeout(&to, DEADLINE).expect("the program listens");
        stream.set_nonblocking(true).expect("it is a socket");
        Self {
            stream,
            frame_size,
            begun: Vec::new(),
            first: None,
            next: 0,
        }
    }

    fn frames(&self) -> u64 {
        self.first.map_or(0, |first| self.next - first)
    }

    /// Leaves with a reset, which the program sees at once; returns how many frames it has read.
    fn leave(self) -> u64 {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a TCP socket");
        self.frames()
    }

    /// Reads what is there.
    fn read(&mut self) {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => panic!("the end after {} frames", self.frames()),
            Ok(count) => self.begun.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error} after {} frames", self.frames()),
        }
        let whole = self.begun.len() / self.frame_size * self.frame_size;
        let rest = self.begun.split_off(whole);
        let frames = std::mem::replace(&mut self.begun, rest);
        for bytes in frames.chunks(self.frame_size) {
            let sequence = frame::sequence_of(bytes);
            if self.first.is_none() {
                self.first = Some(sequence);
                self.next = sequence;
            }
            assert_eq!(sequence, self.next, "a gap, or a frame twice");
            self.next += 1;
        }
    }
}

/// Reads until everybody has had the last frame.
fn read_to(mut members: Vec<Member>, last: &AtomicU64) -> Vec<Member> {
    let mut give_up = None;
    loop {
        let end = last.load(Ordering::Relaxed);
        if members
            .iter()
            .all(|member| member.first.is_some() && member.next > end)
        {
            return members;
        }
        if end != u64::MAX {
            let give_up = *give_up.get_or_insert_with(|| Instant::now() + 3 * DEADLINE);
            assert!(
                Instant::now() < give_up,
                "frame {end} has not come to everybody"
            );
        }
        let mut polled: Vec<_> = members
            .iter()
            .map(|member| PollFd::new(&member.stream, PollFlags::IN))
            .collect();
        wait_for_some(&mut polled, PATIENCE);
        let ready: Vec<_> = polled
            .iter()
            .map(|polled| !polled.revents().is_empty())
            .collect();
        let ready = members
            .iter_mut()
            .zip(ready)
            .filter(|(_, is_ready)| *is_ready);
        ready.for_each(|(member, _)| member.read());
    }
}

/// How often the source looks at the clock.
const PACE: Duration = Duration::from_millis(10);

/// A source that was not let run does not send more than this at once.
const CATCHING_UP: Duration = Duration::from_millis(100);

const MEMBERS_PER_THREAD: usize = 50;

/// How long clients wait before they ask again whether that was all.
const PATIENCE: Duration = Duration::from_millis(100);
