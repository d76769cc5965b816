//! Reading the command line: bad arguments end the program with exit code 2 and one line that names option and value.

use std::io::{self, Write};
use std::process;

use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches};

/// The program's options, if `check` finds nothing that does not go together.
pub(crate) fn parse<T>(check: impl FnOnce(&T) -> Result<(), String>) -> T
where
    T: CommandFactory + FromArgMatches,
{
    let mut command = T::command().mut_args(adjust);
    let outcome = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| T::from_arg_matches(&matches));
    let outcome = outcome.and_then(|options| match check(&options) {
        Ok(()) => Ok(options),
        Err(complaint) => Err(command.error(ErrorKind::ArgumentConflict, complaint)),
    });
    outcome.unwrap_or_else(|error| end(&error))
}

fn end(error: &clap::Error) -> ! {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        error.exit();
    }
    // Nobody to complain to is no reason to go on.
    let _ = writeln!(io::stderr(), "{}", one_line(&error.render().to_string()));
    process::exit(MISUSED);
}

/// A negative number is a bad value and not an option.
fn adjust(argument: Arg) -> Arg {
    if argument.get_action().takes_values() {
        argument.allow_negative_numbers(true)
    } else {
        argument
    }
}

/// One line for what clap complains about in several: its advice on usage is left to `--help`.
fn one_line(text: &str) -> String {
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|advice| text.rfind(advice))
        .min()
        .unwrap_or(text.len());
    let words = text[..end].split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

/// Bad arguments; nothing was opened.
const MISUSED: i32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_without_advice() {
        let text = "error: invalid value 'a\n\nb' for\n    '--rate <N>'\n\nUsage: x\n\nFor more information, look.\n";
        assert_eq!(
            one_line(text),
            "error: invalid value 'a b' for '--rate <N>'"
        );
    }
}
