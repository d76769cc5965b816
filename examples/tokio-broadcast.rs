//! Tasks and a broadcast channel: what most people would write today, made as strong as it gets.
//!
//! One task accepts clients and reads the upstream; what one read has brought, whole frames only, goes into the channel
//! as one shared block. Each client is a task that takes blocks out of the channel and writes them to its socket.
//!
//! Usually that is `recv` and then `write_all`, which makes the channel everybody's backlog. But then a burst throws
//! out whoever has not had its turn: `Lagged` cannot tell a slow client from a busy server. Here a task goes on taking
//! while its kernel refuses bytes, and is judged by the backlog that it gathers. So a full channel means that tasks
//! wait for their turn, and the upstream waits until they have had it. With `--wait`, who has a backlog takes nothing.
//!
//! Gives up: bounded turns and their order, for the scheduler decides who runs, every block wakes every task, and who
//! connects just before a frame may come too late for it. Redial, replay, skip, keepalive and limits: more of the same.

#[path = "lab/program.rs"]
mod program;
#[path = "lab/variant.rs"]
mod variant;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::WriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, Receiver, Sender, error::RecvError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use variant::{Arguments, FRAME_SIZE};

/// A task for each client, and a broadcast channel from the upstream to all of them
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    arguments: Arguments,
    /// Run all tasks on one thread
    #[arg(long)]
    current_thread: bool,
}

/// Whole frames, once, whoever holds them.
type Block = Arc<[u8]>;

fn main() -> ExitCode {
    program::run(|options: &Options| {
        rlimit::increase_nofile_limit(u64::MAX)?;
        let listener = options.arguments.listen()?;
        let upstream = program::connect(&options.arguments.upstream)?;
        let mut builder = if options.current_thread {
            Builder::new_current_thread()
        } else {
            Builder::new_multi_thread()
        };
        let runtime = builder.enable_all().build()?;
        // As a task: `block_on` alone would run it on a thread that is none of those that run tasks.
        let running = runtime.spawn(run(listener, upstream, options.arguments.wait));
        runtime.block_on(running)?
    })
}

async fn run(listener: net::TcpListener, upstream: net::TcpStream, waits: bool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    upstream.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut intake = Intake {
        upstream: TcpStream::from_std(upstream)?,
        block: vec![0; BLOCK_SIZE],
        filled: 0,
        blocks: broadcast::channel(CHANNEL_BLOCKS).0,
        room: Arc::new(Notify::new()),
    };
    let mut clients = JoinSet::new();
    let outcome = loop {
        tokio::select! {
            biased;
            // First: who is known to have connected before a frame came is given it.
            socket = accept(&listener) => {
                let (blocks, room) = (intake.blocks.subscribe(), Arc::clone(&intake.room));
                clients.spawn(serve(socket, blocks, room, waits));
            }
            Some(_) = clients.join_next() => {}
            outcome = intake.take_in() => match outcome {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(io::Error::other(format!("upstream lost: {error}"))),
            }
        }
    };
    drop(listener);
    // With the sender of the channel: tasks find the end behind the last block.
    drop(intake);
    let everybody_gone = async { while clients.join_next().await.is_some() {} };
    // Those that take longer are dropped with the runtime, and their sockets reset with them.
    let _ = timeout(DRAIN_TIMEOUT, everybody_gone).await;
    outcome
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            // Out of descriptors, mostly. Those who wait are looked at again in a moment.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// From the upstream into the channel.
struct Intake {
    upstream: TcpStream,
    /// What was read; its first `filled` bytes are an unfinished frame until there is more.
    block: Vec<u8>,
    filled: usize,
    blocks: Sender<Block>,
    /// Notified when a task has taken a block or has gone.
    room: Arc<Notify>,
}

impl Intake {
    /// Reads once and sends what frames are complete then; false at the upstream's end. Dropped, it has not read.
    async fn take_in(&mut self) -> io::Result<bool> {
        // A notification that comes before the await is kept for it: no wake-up is lost.
        while self.blocks.len() >= CHANNEL_BLOCKS {
            self.room.notified().await;
        }
        let count = self.upstream.read(&mut self.block[self.filled..]).await?;
        self.filled += count;
        let whole = self.filled - self.filled % FRAME_SIZE;
        if whole > 0 {
            // It fails when there is nobody to take it.
            let _ = self.blocks.send(Block::from(&self.block[..whole]));
            self.block.copy_within(whole..self.filled, 0);
            self.filled -= whole;
        }
        Ok(count > 0)
    }
}

/// One client, from first to last.
async fn serve(mut socket: TcpStream, mut blocks: Receiver<Block>, room: Arc<Notify>, waits: bool) {
    let outcome = give(&mut socket, &mut blocks, &room, waits).await;
    drop(blocks);
    room.notify_one();
    // How it ends is nobody else's business.
    if outcome.is_ok() {
        let _ = finish(socket).await;
    }
}

/// Gives the client all blocks to the end of the channel. An error: it is gone, or is to be thrown out.
async fn give(
    socket: &mut TcpStream,
    blocks: &mut Receiver<Block>,
    room: &Notify,
    waits: bool,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    // Until it has been given everything, to close it is to reset it: nobody takes an abort for an end.
    SockRef::from(&*socket).set_linger(Some(Duration::ZERO))?;
    let (mut input, mut output) = socket.split();
    let mut backlog = Backlog::default();
    let mut progress = Instant::now();
    let mut scratch = [0; 1024];
    let (mut is_open, mut is_talking) = (true, true);
    while is_open || !backlog.blocks.is_empty() {
        let lags = !backlog.blocks.is_empty();
        tokio::select! {
            biased;
            written = backlog.write_to(&mut output), if lags => {
                written?;
                progress = Instant::now();
            }
            block = blocks.recv(), if is_open && !(lags && waits) => match block {
                Ok(block) => {
                    room.notify_one();
                    if !lags {
                        progress = Instant::now();
                    }
                    backlog.push(block)?;
                }
                Err(RecvError::Closed) => is_open = false,
                Err(RecvError::Lagged(_)) => return Err(ErrorKind::QuotaExceeded.into()),
            },
            // What it sends is forgotten. Having ended its side is no reason not to be served on.
            heard = input.read(&mut scratch), if is_talking => is_talking = heard? > 0,
            () = sleep_until(progress + STALL_TIMEOUT), if lags => return Err(ErrorKind::TimedOut.into()),
        }
    }
    Ok(())
}

/// What a client has taken out of the channel and its kernel has not taken yet.
#[derive(Default)]
struct Backlog {
    blocks: VecDeque<Block>,
    /// Bytes of the first block that the kernel has.
    sent: usize,
    bytes: usize,
}

impl Backlog {
    fn push(&mut self, block: Block) -> io::Result<()> {
        self.bytes += block.len();
        self.blocks.push_back(block);
        if self.bytes > LAG_LIMIT {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        Ok(())
    }

    async fn write_to(&mut self, output: &mut WriteHalf<'_>) -> io::Result<()> {
        let block = &self.blocks[0];
        let count = output.write(&block[self.sent..]).await?;
        self.bytes -= count;
        self.sent += count;
        if self.sent == block.len() {
            self.sent = 0;
            self.blocks.pop_front();
        }
        Ok(())
    }
}

/// Ends it with a FIN, and reads its input to the end: what is left unread would make a reset of the close.
async fn finish(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    SockRef::from(&socket).set_linger(None)?;
    while socket.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

/// Bytes that are read of the upstream at once, and then shared by everybody.
const BLOCK_SIZE: usize = 64 * 1024;
/// Blocks in the channel: enough to be read while others are written, few enough for the processor's cache.
const CHANNEL_BLOCKS: usize = 16;
/// Bytes that a client may lag, besides those that its kernel holds. The blocks are shared, so this is not per client.
const LAG_LIMIT: usize = 4 * 1024 * 1024;
/// A client whose kernel takes no byte for so long is thrown out, also with `--wait`.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
