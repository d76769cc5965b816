//! The trace: what happened, step by step, when a run is repeated to be looked at.

/// Prints each step, if it is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trace {
    is_wanted: bool,
}

impl Trace {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { is_wanted }
    }

    /// Says what happens; the words are made only when somebody wants them.
    pub(crate) fn say(self, words: impl FnOnce() -> String) {
        if self.is_wanted {
            println!("{}", words());
        }
    }
}
