//! Fuzz target: a command line is refused in one line, or amounts to a configuration that keeps the contract.
//!
//! The input is the arguments as `/proc/PID/cmdline` has them: with a zero byte between two of them, and without the
//! program's name. What is accepted is said again, in another form, and must be understood as the same.

#![no_main]

#[path = "options/contract.rs"]
mod contract;
/// The part of the binary that is under test; it is not in the library.
#[path = "../../../src"]
mod program {
    pub(crate) mod cli;
}
#[path = "options/wording.rs"]
mod wording;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::error::ErrorKind;
use libfuzzer_sys::fuzz_target;

use program::cli;

fuzz_target!(
    init: assert_nothing_comes_from_the_environment(),
    |bytes: &[u8]| {
        let arguments = bytes.split(|byte| *byte == 0);
        let arguments = arguments.map(|bytes| OsString::from_vec(bytes.to_vec()));
        try_command_line(std::iter::once(OsString::from("fanout")).chain(arguments));
    }
);

fn try_command_line(arguments: impl Iterator<Item = OsString>) {
    let request = match cli::parse(arguments) {
        Ok(request) => request,
        Err(error) => return assert_refused_well(&error),
    };
    wording::assert_read_back(&request);
    match request.config.validate() {
        Ok(()) => contract::assert_kept(&request.config),
        Err(complaint) => {
            let complaint = complaint.to_string();
            assert_one_line(&complaint);
            assert!(
                complaint.starts_with("--") || complaint.starts_with("<UPSTREAM>"),
                "no option is named: {complaint}"
            );
        }
    }
}

fn assert_refused_well(error: &clap::Error) {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        assert!(!error.render().to_string().is_empty());
        return;
    }
    let complaint = cli::one_line(error);
    assert_one_line(&complaint);
    assert!(complaint.starts_with("error: "), "{complaint}");
    assert!(complaint.len() > "error: ".len(), "it says nothing");
}

fn assert_one_line(complaint: &str) {
    assert!(!complaint.chars().any(char::is_control), "{complaint:?}");
}

/// Every option has its variable: with one of them set, a finding would hold on this machine only.
fn assert_nothing_comes_from_the_environment() {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let counts = name == "RUST_LOG" || name.starts_with("FANOUT_");
        assert!(
            !counts,
            "{name} is set: unset it first, as tests/fuzz/run does"
        );
    }
}
