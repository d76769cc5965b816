//! The pages: completions that their shells accept, and a manual without a fault.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::cases::tools;
use crate::harness::Launch;

#[test]
fn completions_are_accepted_by_their_shell() {
    for shell in ["bash", "zsh", "fish"] {
        if tools::are_there(&[shell]) {
            assert_accepted(&[shell, "-n"], &page(&format!("--completions {shell}")));
        }
    }
}

#[test]
fn bash_completes_options_and_the_names_of_shells() {
    if !tools::are_there(&["bash"]) {
        return;
    }
    let completions = page("--completions bash");
    for (typed, last, expected) in [
        ("fanout --reconnect-m", "--reconnect-m", "--reconnect-max"),
        ("fanout --completions f", "f", "fish"),
    ] {
        let script = format!(
            "{completions}\nCOMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _fanout fanout '{last}' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let found = outcome_of(&["bash"], &script);
        assert!(found.lines().any(|line| line == expected), "{found}");
    }
}

#[test]
fn every_option_of_the_help_is_on_every_page() {
    let help = page("--help");
    let options = long_options(&help);
    assert!(options.len() > 20, "{options:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let page = page(&format!("--completions {shell}"));
        for option in &options {
            let name = option.trim_start_matches('-');
            // fish writes `-l name`.
            let is_there = page.contains(option) || page.contains(&format!("-l {name}"));
            assert!(is_there, "{shell} does not know {option}");
        }
    }
    let manual = unescaped(&page("--man"));
    for option in &options {
        assert!(manual.contains(option), "the manual does not name {option}");
    }
}

#[test]
fn the_manual_has_the_sections_that_a_reader_looks_for() {
    let manual = page("--man");
    let headings: Vec<_> = manual
        .lines()
        .filter_map(|line| line.strip_prefix(".SH "))
        .map(|heading| heading.trim_matches('"'))
        .collect();
    let expected = [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "VALUES",
        "ENVIRONMENT",
        "SIGNALS",
        "EXIT STATUS",
        "EXAMPLES",
        "SEE ALSO",
    ];
    assert_eq!(headings, expected);
}

#[test]
fn the_manual_has_no_fault_worse_than_style() {
    if tools::are_there(&["mandoc"]) {
        assert_accepted(&["mandoc", "-T", "lint", "-W", "warning"], &page("--man"));
    }
}

#[test]
fn a_page_needs_no_upstream_and_is_not_logged() {
    for option in ["--man", "--completions elvish", "--man 192.0.2.1:1"] {
        let outcome = Launch::new(option).run();
        assert_eq!(outcome.code, 0, "{option}");
        assert!(outcome.lines.is_empty(), "{option}: {:?}", outcome.lines);
        assert!(!outcome.output.is_empty(), "{option}");
    }
}

#[test]
fn a_shell_that_is_not_known_is_one_line_and_so_are_two_pages() {
    for (arguments, named) in [
        ("--completions tcsh", "'tcsh'"),
        ("--completions", "--completions"),
        ("--completions bash --man", "--man"),
    ] {
        let outcome = Launch::new(arguments).run();
        assert_eq!(outcome.code, 2, "{arguments}");
        assert_eq!(outcome.lines.len(), 1, "{:#?}", outcome.lines);
        assert!(outcome.lines[0].contains(named), "{:#?}", outcome.lines);
        assert!(outcome.output.is_empty(), "{}", outcome.output);
    }
}

#[test]
fn nobody_who_reads_a_page_is_no_failure() {
    for option in ["--man", "--completions zsh"] {
        let (reader, writer) = std::io::pipe().expect("the system gives a pipe");
        drop(reader);
        let outcome = fanout(option)
            .stdout(writer)
            .output()
            .expect("the program can be started");
        assert_eq!(outcome.status.code(), Some(0), "{option}: {outcome:?}");
        assert!(outcome.stderr.is_empty(), "{option}: {outcome:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_that_does_not_fit_on_the_disk_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let outcome = fanout("--man")
        .stdout(full.expect("there is a file that is always full"))
        .output()
        .expect("the program can be started");
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert_eq!(outcome.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

fn fanout(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.args(arguments.split_whitespace());
    command
}

/// What the program prints.
#[track_caller]
fn page(arguments: &str) -> String {
    let outcome = Launch::new(arguments).run();
    assert_eq!(outcome.code, 0, "{arguments}: {:?}", outcome.lines);
    outcome.output
}

/// The long options at the beginning of the lines of a help text.
fn long_options(help: &str) -> Vec<&str> {
    let first_words = help.lines().map(|line| {
        let words = line.split_whitespace();
        words
            .take_while(|word| word.starts_with('-'))
            .find(|word| word.starts_with("--"))
    });
    first_words.flatten().collect()
}

/// Roff without the escapes of its letters.
fn unescaped(roff: &str) -> String {
    roff.replace("\\-", "-")
}

#[track_caller]
fn assert_accepted(command: &[&str], input: &str) {
    let said = outcome_of(command, input);
    assert!(said.is_empty(), "{command:?}: {said}");
}

/// What a command says to what it reads; it must succeed.
#[track_caller]
fn outcome_of(command: &[&str], input: &str) -> String {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut to = child.stdin.take().expect("stdin is a pipe");
    to.write_all(input.as_bytes()).expect("it reads");
    drop(to);
    let mut said = String::new();
    let mut from = child.stdout.take().expect("stdout is a pipe");
    from.read_to_string(&mut said).expect("it writes text");
    let status = child.wait().expect("it is our child");
    assert!(status.success(), "{command:?}: {status}: {said}");
    said
}
