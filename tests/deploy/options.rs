//! The options that the shipped files name, and those that the program has.

use std::collections::BTreeSet;
use std::process::Command;

use crate::shipped::{self, PROGRAM};

/// Options that are no variables, or that a service has no use for.
const NOT_OF_A_SERVICE: &[&str] = &[
    "--check",
    "--completions",
    "--demo",
    "--help",
    "--man",
    "--version",
];

#[test]
fn every_option_of_a_service_is_in_the_default_file() {
    let shown = variables_in(&shipped::text("systemd/fanout.env"));
    for option in options_in_help() {
        let variable = format!("FANOUT_{}", option.trim_start_matches('-'));
        let variable = variable.to_uppercase().replace('-', "_");
        let is_shown = shown.contains(&variable);
        let is_exempt = NOT_OF_A_SERVICE.contains(&option.as_str());
        assert!(is_shown != is_exempt, "{variable} ({option})");
    }
    assert!(shown.contains("FANOUT_UPSTREAM"));
}

#[test]
fn every_variable_of_the_shipped_files_is_an_option() {
    let known = variables_in(&help());
    for name in [
        "README.md",
        "docker/Dockerfile",
        "launchd/io.fanout.fanout.plist",
        "systemd/fanout.env",
        "systemd/fanout.service",
        "systemd/fanout.socket",
    ] {
        let named = variables_in(&shipped::text(name));
        let is_known = |variable: &&String| known.contains(*variable);
        let unknown: Vec<_> = named.iter().filter(|name| !is_known(name)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

/// Uncommented, the file is one that the program takes: the values that it shows are values.
#[test]
fn the_default_file_shows_values_that_the_program_takes() {
    let text = shipped::text("systemd/fanout.env");
    let known = variables_in(&help());
    let mut program = Command::new(PROGRAM);
    program.env_clear();
    let settings = text
        .lines()
        .filter_map(|line| line.strip_prefix("#FANOUT_"));
    let settings = settings.map(|line| line.split_once('=').expect("a variable has a value"));
    let mut shown = BTreeSet::new();
    for (name, value) in settings {
        let name = format!("FANOUT_{name}");
        assert!(shown.insert(name.clone()), "{name} stands there twice");
        if known.contains(&name) {
            program.env(name, value.trim_matches('"'));
        }
    }
    // Of all that is wrong, only this is.
    let outcome = program.arg("--frame-size=0").output();
    let outcome = outcome.expect("the program can be started");
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(
        said.contains("frame") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(outcome.status.code(), Some(2), "{said}");
}

fn help() -> String {
    shipped::run(Command::new(PROGRAM).arg("--help").env_clear())
}

fn options_in_help() -> BTreeSet<String> {
    let help = help();
    let lines = help.lines().map(str::trim_start);
    // The short form of an option, where it has one, stands before the long one.
    let lines = lines.map(|line| match line.split_once(", --") {
        Some((short, long)) if short.len() == 2 => format!("--{long}"),
        _ => line.to_owned(),
    });
    let options = lines.filter(|line| line.starts_with("--"));
    let options = options.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    let options: BTreeSet<_> = options.collect();
    assert!(
        options.len() > 15 && options.contains("--listen"),
        "{options:?}"
    );
    options
}

/// `FANOUT_` with a name behind it.
fn variables_in(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    let words = text.split(|letter| !is_name(letter));
    let variables =
        words.filter(|word| word.len() > "FANOUT_".len() && word.starts_with("FANOUT_"));
    variables.map(str::to_owned).collect()
}
