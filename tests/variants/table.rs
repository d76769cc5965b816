//! Which server misses which promise, and why. Whoever is not named keeps what is promised.

use crate::promise::Promise;

/// Servers that do not keep a promise.
pub(crate) struct Exception {
    pub(crate) promise: Promise,
    pub(crate) servers: &'static [&'static str],
    pub(crate) claim: Claim,
}

/// What is said of a server and a promise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    Kept,
    /// Always, and for this reason.
    Missed(&'static str),
    /// It depends, on this; nothing is checked.
    Unspecified(&'static str),
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        promise: Promise::Departure,
        servers: &["thread-per-client", "message-passing", "shared-log-threads"],
        claim: Claim::Missed(
            "a client's thread waits for frames, and only a write finds that its client is gone",
        ),
    },
    Exception {
        promise: Promise::Ready,
        servers: &[
            "thread-per-client",
            "message-passing",
            "shared-log-threads",
            "go",
            "python-threads",
        ],
        claim: Claim::Unspecified(
            "a queue fills just as well while the system does not let the thread run that empties it",
        ),
    },
    Exception {
        promise: Promise::Input,
        servers: &["thread-per-client", "message-passing", "shared-log-threads"],
        claim: Claim::Missed(
            "a client's thread waits for frames and cannot wait for input too; it reads that at the end",
        ),
    },
    Exception {
        promise: Promise::Redial,
        servers: &[
            "thread-per-client",
            "message-passing",
            "shared-log-threads",
            "minimal-reactor",
            "tokio-broadcast",
            "tokio-current-thread",
            "own-executor",
            "go",
            "cpp",
            "python-threads",
            "python-asyncio",
        ],
        claim: Claim::Missed("a variant shows one way to fan out, and ends with its upstream"),
    },
];

/// What the table says of this server and this promise.
pub(crate) fn claim(server: &str, promise: Promise) -> Claim {
    let is_this = |exception: &&Exception| {
        exception.promise == promise && exception.servers.contains(&server)
    };
    EXCEPTIONS
        .iter()
        .find(is_this)
        .map_or(Claim::Kept, |exception| exception.claim)
}
