//! The house rules, kept by a test instead of by memory.
//!
//! Reads the source tree and the pages, applies every rule, and fails once with all that was found, one
//! `file:line: what and why` a line. Each rule is a function from a text to a list of violations, so each has
//! tests of its own below it that feed it a bad snippet and a good one: a rule that cannot fail keeps nothing.
//!
//! It knows nothing of what the program does: it never starts it.

mod heads;
mod inventory;
mod layering;
mod markdown;
mod names;
mod options;
mod references;
mod sizes;
mod states;
mod tokens;
mod tree;
mod vocabulary;
mod words;

use std::fmt;

use inventory::Inventory;
use references::Known;
use tree::{Page, Source, Tree};

/// One breach of one rule, with the place to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// Counted from 1; 0 when the rule is about the file or the tree as a whole.
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// All rules that look at one Rust file.
fn check_source(source: &Source) -> Vec<Violation> {
    let rules = [
        layering::check,
        sizes::check,
        states::check,
        words::check_source,
        heads::check,
    ];
    rules.iter().flat_map(|rule| rule(source)).collect()
}

/// All rules that look at one page of documentation.
fn check_page(page: &Page, known: &Known<'_>) -> Vec<Violation> {
    let mut found = words::check_page(page);
    found.extend(references::check(page, known));
    found
}

#[test]
fn the_tree_keeps_the_house_rules() {
    let tree = Tree::read();
    let inventory = Inventory::of(&tree.sources);
    let options = options::of(&tree.sources);
    let exists = |path: &str| tree.exists(path);
    let known = Known {
        inventory: &inventory,
        options: &options,
        exists: &exists,
        pages: &tree.pages,
    };

    let mut found = tree.unreadable.clone();
    found.extend(tree.sources.iter().flat_map(check_source));
    found.extend(layering::check_tree(&tree.sources));
    found.extend(tree.pages.iter().flat_map(|page| check_page(page, &known)));
    found.sort();
    found.dedup();

    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} breaches of the house rules:\n{}",
        lines.len(),
        lines.join("\n")
    );
}
