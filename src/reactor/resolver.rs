//! The resolver: host names to addresses, off the loop.
//!
//! Layer: reactor. Owns the promise that the loop never waits for the system resolver, which
//! blocks for many seconds when a name server is silent (`resolv.conf(5)`: 5 s, twice, for each).
//! One short-lived thread a question, and never two for the same upstream: a question that is
//! still open is waited for again. Knows nothing of what the addresses are for.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use mio::Waker;

use crate::config::HostPort;

/// What became of a question.
pub(super) type Answer = io::Result<Vec<SocketAddr>>;

pub(super) struct Resolver {
    sender: Sender<(usize, Answer)>,
    receiver: Receiver<(usize, Answer)>,
    /// Questions on the way or answered and not yet asked for, by the index of their upstream.
    open: HashMap<usize, Option<Answer>>,
    waker: Arc<Waker>,
}

impl Resolver {
    /// A resolver that wakes the loop with each answer.
    pub(super) fn new(waker: Arc<Waker>) -> Self {
        let (sender, receiver) = channel();
        Self {
            sender,
            receiver,
            open: HashMap::new(),
            waker,
        }
    }

    /// Asks for the addresses of upstream number `index`, unless that question is open already.
    pub(super) fn ask(&mut self, index: usize, target: &HostPort) -> io::Result<()> {
        self.collect();
        if matches!(self.open.get(&index), Some(None)) {
            return Ok(());
        }
        let (sender, target) = (self.sender.clone(), target.clone());
        let waker = Arc::clone(&self.waker);
        thread::Builder::new()
            .name("resolver".to_owned())
            .spawn(move || {
                // The loop may have ended meanwhile; then nobody wants the answer.
                let _ = sender.send((index, resolve(&target)));
                // Likewise, it fails only when the poll is gone.
                let _ = waker.wake();
            })?;
        self.open.insert(index, None);
        Ok(())
    }

    /// The answer about upstream number `index`, if it has come.
    pub(super) fn take(&mut self, index: usize) -> Option<Answer> {
        self.collect();
        let answer = self.open.get_mut(&index)?.take()?;
        self.open.remove(&index);
        Some(answer)
    }

    fn collect(&mut self) {
        for (index, answer) in self.receiver.try_iter() {
            self.open.insert(index, Some(answer));
        }
    }
}

/// All addresses of a host, each once, in the order of the system resolver. Blocks, unless the
/// host is given as a number.
pub(super) fn resolve(target: &HostPort) -> Answer {
    let mut addrs: Vec<SocketAddr> = Vec::new();
    for addr in (target.host(), target.port()).to_socket_addrs()? {
        if !addrs.contains(&addr) {
            addrs.push(addr);
        }
    }
    if addrs.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addrs)
}
