//! A thread and a queue for each client, and a lock around the registry of them: the design of the exercise that this
//! project grew out of, with its defects mended.
//!
//!     main thread      read a frame, lock the registry, put the frame into every queue
//!     acceptor         accept a client, lock the registry, start the client's thread, enter its queue
//!     client's thread  take a frame out of the queue, write it, again
//!
//! Every thread does one thing and waits for it, so each step reads like a sentence. The price is that every frame is
//! queued, and a thread woken for it, once per client: a delivery never gets cheaper, however many frames there are.
//!
//! It gives up, of the relay's promises: that only a client whose kernel refuses bytes is thrown out (the queue fills
//! just as well when the system does not let the thread run); that a departure is seen at once (only a write finds it,
//! so a client that left in silence keeps its thread until there are frames); that what a client sends is read as it
//! comes (its thread looks the other way, and reads only at the end); redials, replay and limits.

#[path = "lab/blocking.rs"]
mod blocking;
#[path = "lab/program.rs"]
mod program;
#[path = "lab/variant.rs"]
mod variant;

use std::io::{self, BufReader, ErrorKind, IoSlice, Read};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use blocking::{ClientSocket, DRAIN_TIMEOUT};
use variant::{Arguments, FRAME_SIZE};

/// The bytes of a frame: one copy, however many queues it is in.
type Frame = Arc<[u8]>;

fn main() -> ExitCode {
    program::run(serve)
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let listener = arguments.listen()?;
    let registry = Arc::new(Registry::default());
    let entrance = Arc::clone(&registry);
    // Nobody waits for this thread: it accepts until the program ends.
    thread::Builder::new()
        .spawn(move || blocking::accept(&listener, |socket| entrance.join(socket)))?;
    let upstream = program::connect(&arguments.upstream)?;
    let outcome = relay(upstream, &registry, arguments.wait);
    registry.drain();
    outcome
}

/// Reads frames and publishes them until the upstream ends. What it had sent of an unfinished frame is dropped.
fn relay(upstream: TcpStream, registry: &Registry, is_waiting: bool) -> io::Result<()> {
    let mut upstream = BufReader::with_capacity(READ_AHEAD_BYTES, upstream);
    let mut frame = [0; FRAME_SIZE];
    loop {
        match upstream.read_exact(&mut frame) {
            Ok(()) => registry.publish(&Frame::from(frame.as_slice()), is_waiting),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Who is connected.
#[derive(Default)]
struct Registry {
    entries: Mutex<Vec<Entry>>,
    /// Set when the upstream has ended: whoever has not taken its rest by then is cut off.
    drain_deadline: OnceLock<Instant>,
}

/// The registry's end of a client. The other end is in the client's thread, and so is the socket.
struct Entry {
    queue: SyncSender<Frame>,
    is_thrown_out: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<()>>,
}

impl Registry {
    fn join(self: &Arc<Self>, socket: ClientSocket) -> io::Result<()> {
        let (queue, frames) = mpsc::sync_channel(QUEUE_FRAMES);
        let is_thrown_out = Arc::new(AtomicBool::new(false));
        let client = Client {
            socket,
            frames,
            is_thrown_out: Arc::clone(&is_thrown_out),
            registry: Arc::clone(self),
        };
        let mut entries = self.lock();
        if self.drain_deadline.get().is_some() {
            return Ok(());
        }
        let thread = blocking::spawn(move || client.serve())?;
        entries.push(Entry {
            queue,
            is_thrown_out,
            thread,
        });
        Ok(())
    }

    /// Puts the frame into every queue. Clients that have left, and those that lag too far, leave the registry here.
    fn publish(&self, frame: &Frame, is_waiting: bool) {
        let mut full_queues = Vec::new();
        self.lock()
            .retain(|entry| match entry.queue.try_send(Arc::clone(frame)) {
                Ok(()) => true,
                Err(TrySendError::Disconnected(_)) => false,
                Err(TrySendError::Full(_)) if is_waiting => {
                    full_queues.push(entry.queue.clone());
                    true
                }
                Err(TrySendError::Full(_)) => {
                    entry.is_thrown_out.store(true, Ordering::Release);
                    false
                }
            });
        // The lock is free again: a wait under it would shut out everybody who wants to join.
        for queue in full_queues {
            // If this fails, the client left while its queue was full, and the next frame will find that.
            let _ = queue.send(Arc::clone(frame));
        }
    }

    /// Lets every client take what it has not had yet, and waits for that.
    fn drain(&self) {
        let mut entries = self.lock();
        self.drain_deadline
            .get_or_init(|| Instant::now() + DRAIN_TIMEOUT);
        // This drops the queues' ends here, by which the threads see that nothing more will come.
        let threads: Vec<_> = entries.drain(..).map(|entry| entry.thread).collect();
        drop(entries);
        for thread in threads {
            // How it went for one client is no failure of the server, not even a panic.
            let _ = thread.join();
        }
    }

    /// No step leaves the list half changed, so a panic in another thread has not spoilt it.
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client, as its thread has it.
struct Client {
    socket: ClientSocket,
    frames: Receiver<Frame>,
    is_thrown_out: Arc<AtomicBool>,
    registry: Arc<Registry>,
}

impl Client {
    /// All its life. An error means that it has left or must go; either way its socket is closed after this.
    fn serve(mut self) -> io::Result<()> {
        while let Ok(frame) = self.frames.recv() {
            self.socket.write(&mut [IoSlice::new(&frame)], || {
                let deadline = self.registry.drain_deadline.get();
                self.is_thrown_out.load(Ordering::Acquire)
                    || deadline.is_some_and(|deadline| *deadline <= Instant::now())
            })?;
        }
        if self.is_thrown_out.load(Ordering::Acquire) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.socket.finish()
    }
}

/// How far a client may lag. A queue has room for as many pointers from the start; the frames are shared.
const QUEUE_FRAMES: usize = 1024;

/// What is read from the upstream with one system call, at most.
const READ_AHEAD_BYTES: usize = 64 * 1024;
