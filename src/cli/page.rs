//! What the program prints instead of serving: completions, the manual, what a setup comes to.
//!
//! Owns the options that ask for them. They have no environment variable: like `--help`, they are
//! asked for by somebody who types. What is on a page it does not know.

use clap::Args;
use clap_complete::Shell;

/// Options that ask for something to be printed.
#[derive(Debug, Args)]
pub(crate) struct PageOptions {
    /// Print completions for bash, elvish, fish, powershell or zsh, and exit
    #[arg(long, value_name = "SHELL", conflicts_with = "man")]
    #[arg(value_enum, hide_possible_values = true)]
    completions: Option<Shell>,

    /// Print the manual page, in roff, and exit
    #[arg(long)]
    man: bool,

    /// Resolve and bind everything, print what this setup comes to, and exit
    #[arg(long, conflicts_with_all = ["man", "completions"])]
    check: bool,
}

/// A page that can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Page {
    /// Completions for a shell.
    Completions(Shell),
    /// The manual page.
    Manual,
}

impl PageOptions {
    /// The page that was asked for, if any.
    pub(super) fn page(&self) -> Option<Page> {
        let manual = self.man.then_some(Page::Manual);
        self.completions.map(Page::Completions).or(manual)
    }

    /// What this setup comes to is to be printed.
    pub(super) fn is_check(&self) -> bool {
        self.check
    }
}
