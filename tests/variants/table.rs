//! Which server misses which promise, and why. Whoever is not named keeps what is promised.

use crate::promise::Promise;

/// Servers that do not keep a promise, ever, and the reason.
pub(crate) struct Exception {
    pub(crate) promise: Promise,
    pub(crate) servers: &'static [&'static str],
    why: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        promise: Promise::Departure,
        servers: &["thread-per-client", "message-passing", "shared-log-threads"],
        why: "a client's thread waits for frames, and only a write finds that its client is gone",
    },
    Exception {
        promise: Promise::Input,
        servers: &["thread-per-client", "message-passing", "shared-log-threads"],
        why: "a client's thread waits for frames and cannot wait for input too; it reads that at the end",
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
        why: "a variant shows one way to fan out, and ends with its upstream",
    },
];

/// Why this server does not keep this promise, if the table says that it does not.
pub(crate) fn why_missed(server: &str, promise: Promise) -> Option<&'static str> {
    let mut exceptions = EXCEPTIONS.iter();
    let found = exceptions
        .find(|exception| exception.promise == promise && exception.servers.contains(&server))?;
    Some(found.why)
}
