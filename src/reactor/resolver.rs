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

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: mio::Token = mio::Token(7);
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

    fn resolver() -> (mio::Poll, Resolver) {
        let poll = mio::Poll::new().unwrap();
        let waker = Waker::new(poll.registry(), TOKEN).unwrap();
        (poll, Resolver::new(Arc::new(waker)))
    }

    fn target() -> HostPort {
        HostPort::new("127.0.0.1", 5)
    }

    #[test]
    fn an_answer_wakes_the_loop_and_is_given_once_to_whom_it_concerns() {
        let (mut poll, mut resolver) = resolver();
        resolver.ask(1, &target()).unwrap();
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, Some(DEADLINE)).unwrap();
        assert!(resolver.take(0).is_none(), "nobody has asked for that");
        let answer = resolver.take(1).expect("it has come").unwrap();
        assert_eq!(answer, ["127.0.0.1:5".parse().unwrap()]);
        assert!(resolver.take(1).is_none(), "it has been given");
    }

    #[test]
    fn a_question_that_is_open_is_not_asked_again() {
        for is_open in [false, true] {
            let (_poll, mut resolver) = resolver();
            if is_open {
                resolver.open.insert(0, None);
            }
            resolver.ask(0, &target()).unwrap();
            let Resolver {
                sender, receiver, ..
            } = resolver;
            // What is left are the senders of the threads that were started.
            drop(sender);
            assert_eq!(receiver.recv().is_err(), is_open);
        }
    }

    #[test]
    fn an_address_is_given_once_and_a_name_that_cannot_be_is_an_error() {
        assert_eq!(resolve(&target()).unwrap().len(), 1);
        // Longer than a label may be (RFC 1035, section 2.3.4), so that no name server is asked.
        let name = HostPort::new("a".repeat(64), 5);
        assert!(resolve(&name).is_err());
    }
}
