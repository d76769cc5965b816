//! The pages that can be printed: shell completions, and the manual.
//!
//! Owns what is on them beyond what the help says. They are made from the definition of the command
//! line, so that no option is missing on them. Knows nothing of who reads them.

mod manual;

use std::io;

use clap::CommandFactory;

use crate::cli::{Options, Page};

/// All of a page.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn text(page: Page) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match page {
        Page::Completions(shell) => {
            clap_complete::generate(shell, &mut Options::command(), NAME, &mut text);
        }
        Page::Manual => manual::render(&mut text)?,
    }
    Ok(text)
}

/// What the program is called.
const NAME: &str = env!("CARGO_BIN_NAME");
