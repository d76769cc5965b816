//! A small async runtime made of std's `Future` and `Waker` and of mio's poll, and nothing else.
//!
//! A future is polled until it is ready, and a waker says when that is worth while again. So a runtime is a loop of two
//! halves: the executor polls the tasks that were woken; the reactor sleeps in mio's poll and wakes the tasks that wait
//! for a socket which has become ready. The compiler does the rest: it makes state machines out of `async fn`s.
//!
//! Owns the rule that no news is lost: a [`Signal`] stays set until somebody clears it. Knows nothing of frames. One
//! thread; of time it knows one deadline.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use mio::event::Source;
use mio::{Events, Interest, Token};
use slab::Slab;

// ---- The executor: polls the tasks that were woken. ----

pub(crate) struct Executor {
    tasks: RefCell<Slab<Rc<Task>>>,
    /// Keys of tasks that are to be polled.
    woken: mpsc::Receiver<usize>,
    to_woken: mpsc::Sender<usize>,
    pub(crate) reactor: Rc<Reactor>,
}

struct Task {
    future: RefCell<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Waker,
}

/// A task's key, and where to put it. A channel, for a waker may be sent to another thread, though here there is none.
struct TaskWaker(usize, mpsc::Sender<usize>);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        // It fails when the executor is gone, and the task with it.
        let _ = self.1.send(self.0);
    }
}

impl Executor {
    pub(crate) fn new() -> io::Result<Self> {
        let (to_woken, woken) = mpsc::channel();
        let poll = mio::Poll::new()?;
        let reactor = Rc::new(Reactor {
            registry: poll.registry().try_clone()?,
            poll: RefCell::new(poll),
            sockets: RefCell::default(),
        });
        Ok(Self {
            tasks: RefCell::default(),
            woken,
            to_woken,
            reactor,
        })
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        let waker = self.waker(tasks.vacant_key());
        waker.wake_by_ref();
        let future = RefCell::new(Box::pin(future) as Pin<Box<_>>);
        tasks.insert(Rc::new(Task { future, waker }));
    }

    /// Runs everything until this future is ready, and says what it says; or nothing, if the deadline comes first.
    pub(crate) fn block_on<T>(
        &self,
        future: impl Future<Output = T>,
        deadline: Option<Instant>,
    ) -> io::Result<Option<T>> {
        let mut future = pin!(future);
        let waker = self.waker(BLOCKED_ON);
        waker.wake_by_ref();
        let mut events = Events::with_capacity(1024);
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            // A set, for one that was woken twice is polled once. Whom these wake is polled in the next round.
            let mut woken: BTreeSet<usize> = self.woken.try_iter().collect();
            let at_once = (!woken.is_empty()).then(Instant::now);
            self.reactor.sleep(&mut events, at_once.or(deadline))?;
            woken.extend(self.woken.try_iter());
            let is_main_woken = woken.remove(&BLOCKED_ON);
            for key in woken {
                self.poll(key);
            }
            let mut context = Context::from_waker(&waker);
            if is_main_woken && let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    fn poll(&self, key: usize) {
        let task = self.tasks.borrow().get(key).map(Rc::clone);
        // One that was woken may end before its turn. If its key is another's by then, that one is polled in vain.
        if let Some(task) = task {
            let mut context = Context::from_waker(&task.waker);
            let polled = task.future.borrow_mut().as_mut().poll(&mut context);
            if polled.is_ready() {
                self.tasks.borrow_mut().remove(key);
            }
        }
    }

    fn waker(&self, key: usize) -> Waker {
        Waker::from(Arc::new(TaskWaker(key, self.to_woken.clone())))
    }
}

/// Lets every task that was woken run first.
pub(crate) async fn yield_now() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The outcome of the future that is ready first; of the first one, if both are. The other is dropped.
pub(crate) async fn race<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        outcome @ Poll::Ready(_) => outcome,
    })
    .await
}

/// A bit that one task can wait for.
#[derive(Default)]
pub(crate) struct Signal {
    is_set: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Signal {
    pub(crate) fn set(&self) {
        self.is_set.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn clear(&self) {
        self.is_set.set(false);
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|context| {
            if self.is_set.get() {
                return Poll::Ready(());
            }
            self.waker.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

// ---- The reactor: sleeps, and tells which sockets have become ready. ----

pub(crate) struct Reactor {
    poll: RefCell<mio::Poll>,
    registry: mio::Registry,
    /// The key of a socket is its token.
    sockets: RefCell<Slab<Rc<Readiness>>>,
}

/// For reading and for writing: a call may succeed. Set by an event, which comes once; cleared by would-block.
type Readiness = [Signal; 2];

impl Reactor {
    /// Sleeps until there are events, and until then at the latest.
    fn sleep(&self, events: &mut Events, latest: Option<Instant>) -> io::Result<()> {
        let patience = latest.map(|latest| latest.saturating_duration_since(Instant::now()));
        match self.poll.borrow_mut().poll(events, patience) {
            // SIGCONT after a SIGSTOP does this without any handler (signal(7)). There are no events then.
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &*events {
            let [reading, writing] = &*self.sockets.borrow()[event.token().0];
            if event.is_readable() {
                reading.set();
            }
            if event.is_writable() {
                writing.set();
            }
        }
        Ok(())
    }
}

// ---- Sockets: calls that wait where others block. ----

pub(crate) struct Socket<S: Source> {
    pub(crate) inner: S,
    key: usize,
    readiness: Rc<Readiness>,
    reactor: Rc<Reactor>,
}

/// What a call does, and so what it waits for.
#[derive(Clone, Copy)]
pub(crate) enum To {
    Read,
    Write,
}

impl<S: Source> Socket<S> {
    pub(crate) fn new(inner: S, reactor: &Rc<Reactor>) -> io::Result<Self> {
        let readiness = Rc::new(Readiness::default());
        let key = reactor.sockets.borrow_mut().insert(Rc::clone(&readiness));
        let mut socket = Self {
            inner,
            key,
            readiness,
            reactor: Rc::clone(reactor),
        };
        // Once, for its whole life.
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = &reactor.registry;
        registry.register(&mut socket.inner, Token(key), both)?;
        Ok(socket)
    }

    /// Makes the call when the socket is ready for it, again and again until it does not say would-block.
    pub(crate) async fn call<T>(
        &self,
        to: To,
        mut call: impl FnMut(&S) -> io::Result<T>,
    ) -> io::Result<T> {
        let readiness = &self.readiness[to as usize];
        loop {
            readiness.wait().await;
            match call(&self.inner) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => readiness.clear(),
                outcome => return outcome,
            }
        }
    }
}

impl<S: Source> Drop for Socket<S> {
    fn drop(&mut self) {
        // Closing it takes it out of the poll.
        self.reactor.sockets.borrow_mut().remove(self.key);
    }
}

/// The key of the future that `block_on` runs. No slab gives it.
const BLOCKED_ON: usize = usize::MAX;
