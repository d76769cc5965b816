//! What a small program of the laboratory does before and after its work: arguments in, exit code out.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use clap::Parser;

/// Runs `work` with the arguments of the command line. Its failure is one line and exit code 1; arguments that are
/// wrong are one line and exit code 2, and nothing was opened.
pub(crate) fn run<Options: Parser>(work: impl FnOnce(&Options) -> io::Result<()>) -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) if error.use_stderr() => {
            complain(one_line(&error));
            return ExitCode::from(MISUSED);
        }
        Err(help) => {
            // Nobody to show the help to is no failure.
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    match work(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Connects to the server that frames come from.
pub(crate) fn connect(upstream: &str) -> io::Result<TcpStream> {
    TcpStream::connect(upstream).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot connect to {upstream}: {error}"),
        )
    })
}

/// Says it on standard error, if that can be written: `eprintln!` would panic.
fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What clap complains about, without the advice that follows after an empty line.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let complaint = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    complaint.collect::<Vec<_>>().join(" ")
}

/// It could not do its job.
const FAILED: u8 = 1;

/// Bad arguments; nothing was opened.
const MISUSED: u8 = 2;
