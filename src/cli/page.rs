//! The pages that the program prints instead of serving: completions and the manual.
//!
//! Owns the options that ask for them. They have no environment variable: like `--help`, they are
//! asked for by somebody who types. What is on a page it does not know.

use clap::Args;
use clap_complete::Shell;

/// Options that ask for a page.
#[derive(Debug, Args)]
pub(crate) struct PageOptions {
    /// Print completions for bash, elvish, fish, powershell or zsh, and exit
    #[arg(long, value_name = "SHELL", conflicts_with = "man")]
    #[arg(value_enum, hide_possible_values = true)]
    completions: Option<Shell>,

    /// Print the manual page, in roff, and exit
    #[arg(long)]
    man: bool,
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
}
