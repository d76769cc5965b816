//! What is due at which moment. Knows nothing of what that means.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things that are due, the earliest first.
pub(crate) struct Timers<T>(BinaryHeap<Reverse<(u64, T)>>);

impl<T: Ord> Timers<T> {
    pub(crate) fn new() -> Self {
        Self(BinaryHeap::new())
    }

    pub(crate) fn set(&mut self, due_ns: u64, what: T) {
        self.0.push(Reverse((due_ns, what)));
    }

    /// Takes one thing that is due by now, with the moment that it was due.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> Option<(u64, T)> {
        let Reverse((due_ns, _)) = self.0.peek()?;
        if *due_ns > now_ns {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    /// When the next thing is due.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((due_ns, _))| *due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_its_moments_and_not_before() {
        let mut timers = Timers::new();
        for (due_ns, what) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'z')] {
            timers.set(due_ns, what);
        }
        assert_eq!(timers.next_ns(), Some(10));
        assert_eq!(timers.take_due(9), None);
        let due: Vec<_> = std::iter::from_fn(|| timers.take_due(20)).collect();
        assert_eq!(due, [(10, 'a'), (10, 'z'), (20, 'b')]);
        assert_eq!(timers.next_ns(), Some(30));
    }
}
