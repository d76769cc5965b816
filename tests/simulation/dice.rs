//! Chance: every choice of a run comes from here, so that a run can be repeated.
//!
//! The choices come from a seed, or, when a fuzzer writes the script, from its bytes; when those are used up, from a
//! seed made of them.

use fastrand::Rng;

pub(crate) struct Dice {
    rng: Rng,
    script: Vec<u8>,
    /// Bytes of the script that are used up.
    read: usize,
}

impl Dice {
    #[allow(dead_code, reason = "the fuzz target has scripts and no seeds")]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            script: Vec::new(),
            read: 0,
        }
    }

    /// Choices that the bytes of `script` make.
    #[allow(dead_code, reason = "the fuzz target is another crate")]
    pub(crate) fn scripted(script: &[u8]) -> Self {
        let seed = script
            .iter()
            .fold(0, |seed, byte| seed * 31 % (1 << 40) + u64::from(*byte));
        Self {
            rng: Rng::with_seed(seed),
            script: script.to_vec(),
            read: 0,
        }
    }

    /// The script, if there is one, has been used up.
    pub(crate) fn is_used_up(&self) -> bool {
        !self.script.is_empty() && self.read >= self.script.len()
    }

    /// A number below `end`, which is at least 1.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if self.read < self.script.len() {
            let mut number = usize::from(self.script[self.read]);
            self.read += 1;
            if end > 256 && self.read < self.script.len() {
                number = number * 256 + usize::from(self.script[self.read]);
                self.read += 1;
            }
            return number % end;
        }
        self.rng.usize(..end)
    }

    /// A number from `start` to `last`.
    pub(crate) fn between(&mut self, start: usize, last: usize) -> usize {
        start + self.below(last - start + 1)
    }

    /// True in `chance` of 256 cases.
    pub(crate) fn hits(&mut self, chance: u8) -> bool {
        chance > 0 && self.below(256) < usize::from(chance)
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }

    /// Another source of chance, for code that brings its own.
    pub(crate) fn fork(&mut self) -> Rng {
        Rng::with_seed(self.below(1 << 16) as u64)
    }
}
