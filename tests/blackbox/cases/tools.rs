//! Tools that a test needs beside the program: whether they are there, and what is done if not.

use std::env;
use std::io::{self, Write};
use std::path::Path;

/// Whether all of these programs can be started. If not, says which one is missing; where `CI` is set, that is a
/// failure.
#[track_caller]
pub(crate) fn are_there(tools: &[&str]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| !is_there(tool)).collect();
    missing.is_empty() || skipped(&format!("no {missing:?}"))
}

/// Says why a test is skipped; where `CI` is set, that is a failure.
#[track_caller]
pub(crate) fn skipped(why: &str) -> bool {
    // Past the test harness, which shows nothing of a test that passes.
    let _ = writeln!(io::stderr(), "skipped: {why}");
    assert!(env::var_os("CI").is_none(), "{why}");
    false
}

fn is_there(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.any(|folder| Path::new(&folder).join(tool).exists())
}
