//! Rule: a file of the two rooms opens by saying what it is, the invariant it owns, and what it does not know.

use crate::Violation;
use crate::tree::Source;

/// What it is, what it owns, what it does not know: that takes three lines.
const HEAD_LINES: usize = 3;

/// A file of tests owns no invariant: it says what it tests.
const TEST_HEAD_LINES: usize = 1;

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    if !source.is_below("src/relay") && !source.is_below("src/reactor") {
        return Vec::new();
    }
    let head = source
        .text
        .lines()
        .map_while(|line| line.strip_prefix("//!"));
    let said = head.filter(|line| !line.trim().is_empty()).count();
    let wanted = if source.path.contains("/tests/") {
        TEST_HEAD_LINES
    } else {
        HEAD_LINES
    };
    if said >= wanted {
        return Vec::new();
    }
    let what = format!(
        "opens with {said} lines of `//!` that say something; a module head has at least {wanted}"
    );
    vec![Violation::new(&source.path, 1, what)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::snippet(path, text)).len()
    }

    #[test]
    fn a_short_or_late_head_is_refused() {
        assert_eq!(count("src/relay/a.rs", "//! One.\n//!\n//! Two.\n"), 1);
        assert_eq!(
            count("src/reactor/a.rs", "// One.\n// Two.\n// Three.\n"),
            1
        );
        assert_eq!(count("src/reactor/a.rs", ""), 1);
    }

    #[test]
    fn a_full_head_is_accepted_and_other_files_are_free() {
        assert_eq!(
            count(
                "src/relay/a.rs",
                "//! One.\n//!\n//! Two.\n//! Three.\n\nfn f() {}\n"
            ),
            0
        );
        assert_eq!(count("src/main.rs", "fn main() {}"), 0);
        assert_eq!(count("src/relay/tests/a.rs", "//! One.\n"), 0);
        assert_eq!(count("src/relay/tests/a.rs", "fn f() {}\n"), 1);
    }
}
