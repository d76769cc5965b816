//! What can come of a check, other than that the promise is kept.

/// Why a check did not end well.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server does not keep the promise.
    Broken(String),
    /// The check did not get so far that the promise could have shown: this excuses nobody.
    Unproven(String),
}

pub(crate) type Outcome<T = ()> = Result<T, Fault>;

/// For what the server does against its promise.
pub(crate) fn broken<T>(what: impl Into<String>) -> Outcome<T> {
    Err(Fault::Broken(what.into()))
}

/// Fails the check as broken unless the condition holds.
pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { broken(what()) }
}
