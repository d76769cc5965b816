//! Threads that own what they work on and talk only by channels: no lock, no atomic, nothing that two of them can see.
//!
//!     acceptor ── sockets ──▶ ┌─────────────┐ ── frames ───▶ ┌─────────────────┐
//!     upstream ── frames ───▶ │ switchboard │ ── verdict ──▶ │ client's thread │ ──▶ socket
//!                             └─────────────┘ ◀─ farewell ── └─────────────────┘
//!
//! The switchboard alone knows who is connected. Each thread can be understood on its own, and no two can spoil each
//! other's data: what a thread has sent away, it has no more. That is also the price: besides a queue and a thread to
//! be woken for each frame and client, a copy of the frame, allocated by one thread and freed by another.
//!
//! Threads that wait for each other's channels stand still for ever. Here only what flows to the right may wait for
//! room; what flows back never does: a thread says farewell once, so that channel needs no bound to be bounded.
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

use std::collections::HashMap;
use std::io::{self, BufReader, ErrorKind, IoSlice, Read};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select, unbounded};

use blocking::{ClientSocket, DRAIN_TIMEOUT};
use variant::{Arguments, FRAME_SIZE};

type Frame = Box<[u8; FRAME_SIZE]>;

type ClientId = u64;

/// What a client's thread is told when its client lags too far.
struct ThrownOut;

fn main() -> ExitCode {
    program::run(serve)
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let listener = arguments.listen()?;
    let (newcomers, switchboards_newcomers) = bounded(NEWCOMERS);
    // Nobody waits for this thread: it accepts until the program ends.
    thread::Builder::new().spawn(move || {
        blocking::accept(&listener, |socket| {
            newcomers.send(socket).map_err(io::Error::other)
        });
    })?;
    let upstream = program::connect(&arguments.upstream)?;
    let (frames, switchboards_frames) = bounded(QUEUE_FRAMES);
    let reader = thread::Builder::new().spawn(move || read(upstream, &frames))?;
    Switchboard::new(arguments.wait).run(&switchboards_newcomers, &switchboards_frames);
    reader
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
}

/// Reads frames until the upstream ends. What it had sent of an unfinished frame is dropped.
fn read(upstream: TcpStream, frames: &Sender<Frame>) -> io::Result<()> {
    let mut upstream = BufReader::with_capacity(READ_AHEAD_BYTES, upstream);
    loop {
        let mut frame = Frame::new([0; FRAME_SIZE]);
        match upstream.read_exact(frame.as_mut_slice()) {
            Ok(()) => {
                if frames.send(frame).is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Who is connected, and what they get.
struct Switchboard {
    lines: HashMap<ClientId, Line>,
    next_id: ClientId,
    /// Given to each client's thread, so that it can say that it ends.
    farewell: Sender<ClientId>,
    farewells: Receiver<ClientId>,
    is_waiting: bool,
}

/// The switchboard's end of the channels to a client's thread.
struct Line {
    frames: Sender<Frame>,
    verdict: Sender<ThrownOut>,
}

impl Switchboard {
    fn new(is_waiting: bool) -> Self {
        let (farewell, farewells) = unbounded();
        Self {
            lines: HashMap::new(),
            next_id: 0,
            farewell,
            farewells,
            is_waiting,
        }
    }

    /// Until there are no more frames: until the thread that reads them has ended, and its end of the channel with it.
    fn run(mut self, newcomers: &Receiver<ClientSocket>, frames: &Receiver<Frame>) {
        loop {
            select! {
                recv(newcomers) -> socket => if let Ok(socket) = socket {
                    // If there is no thread to be had for it, its socket is closed by now.
                    let _ = self.join(socket);
                },
                recv(self.farewells) -> id => if let Ok(id) = id {
                    self.lines.remove(&id);
                },
                recv(frames) -> frame => match frame {
                    Ok(frame) => self.publish(&frame),
                    Err(_) => return self.drain(),
                },
            }
        }
    }

    fn join(&mut self, socket: ClientSocket) -> io::Result<()> {
        let (frames, clients_frames) = bounded(QUEUE_FRAMES);
        let (verdict, clients_verdict) = bounded(1);
        let client = Client {
            socket,
            frames: clients_frames,
            verdict: clients_verdict,
        };
        let (id, farewell) = (self.next_id, self.farewell.clone());
        blocking::spawn(move || {
            // However it went for one client is no failure of the server. Its end of the frames' channel is gone after
            // this, so the switchboard cannot be left waiting for room in it.
            let _ = client.serve();
            let _ = farewell.send(id);
        })?;
        self.lines.insert(id, Line { frames, verdict });
        self.next_id += 1;
        Ok(())
    }

    /// Sends every client a frame of its own. Clients that lag too far leave here.
    fn publish(&mut self, frame: &Frame) {
        let is_waiting = self.is_waiting;
        self.lines
            .retain(|_, line| match line.frames.try_send(frame.clone()) {
                Ok(()) => true,
                // This wait ends when the client has taken a frame, or when it has left and its thread with it.
                Err(TrySendError::Full(frame)) if is_waiting => line.frames.send(frame).is_ok(),
                Err(TrySendError::Full(_)) => {
                    // There is room for it: it is the only one.
                    let _ = line.verdict.try_send(ThrownOut);
                    false
                }
                Err(TrySendError::Disconnected(_)) => false,
            });
    }

    /// Lets every client take what it has not had yet, and waits until all their threads have ended.
    fn drain(self) {
        // With these channels' ends gone, a thread sees its frames end, and the last thread ends the farewells.
        drop((self.lines, self.farewell));
        // Whoever is not done by then is reset when the program ends.
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while self.farewells.recv_deadline(deadline).is_ok() {}
    }
}

/// A client, as its thread has it.
struct Client {
    socket: ClientSocket,
    frames: Receiver<Frame>,
    verdict: Receiver<ThrownOut>,
}

impl Client {
    /// All its life. An error means that it has left or must go; either way its socket is closed after this.
    fn serve(mut self) -> io::Result<()> {
        let is_thrown_out = || self.verdict.try_recv().is_ok();
        for frame in &self.frames {
            self.socket
                .write(&mut [IoSlice::new(frame.as_slice())], is_thrown_out)?;
        }
        if is_thrown_out() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.socket.finish()
    }
}

/// How far a client may lag. Each has copies of its own: a thousand that lag this far take half a GiB.
const QUEUE_FRAMES: usize = 512;

/// Sockets between the acceptor and the switchboard. The kernel's accept queue is the one that matters.
const NEWCOMERS: usize = 16;

/// What is read from the upstream with one system call, at most.
const READ_AHEAD_BYTES: usize = 64 * 1024;
