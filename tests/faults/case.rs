//! One fault: which call fails, with which error, at which count.
//!
//! The invariant: while a case lives, a test that fails says which one it was.

use std::fmt;
use std::thread;

/// A fault, as strace is told of it.
pub(crate) struct Case {
    call: &'static str,
    error: &'static str,
    when: When,
}

/// At which counts: `3`; `1..16`, the first and the last; `1+2`, the first and every second after it.
pub(crate) struct When(String);

impl Case {
    pub(crate) fn new(call: &'static str, error: &'static str, when: impl Into<When>) -> Self {
        Self {
            call,
            error,
            when: when.into(),
        }
    }

    /// The calls: a name, or several separated by commas. A name behind a question mark may be unknown to the machine.
    pub(crate) fn call(&self) -> &'static str {
        self.call
    }

    /// What follows `inject=`.
    pub(crate) fn rule(&self) -> String {
        format!("{}:error={}:when={}", self.call, self.error, self.when)
    }
}

impl From<usize> for When {
    fn from(nth: usize) -> Self {
        Self(nth.to_string())
    }
}

impl From<&str> for When {
    fn from(expression: &str) -> Self {
        Self(expression.to_owned())
    }
}

impl From<String> for When {
    fn from(expression: String) -> Self {
        Self(expression)
    }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} fails with {} at call {}",
            self.call, self.error, self.when
        )
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the case: {self}");
        }
    }
}
