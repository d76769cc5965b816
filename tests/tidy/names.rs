//! The paths a file names, in full: `use` trees unfolded, `self` and `super` resolved, aliases looked through.
//!
//! It works on tokens, so a path inside a macro call counts like any other. It does not know scopes: an alias made in
//! one module of a file is looked through in all of it, which can only find too much.

use std::collections::BTreeMap;

use crate::tokens::Kind;
use crate::tree::Source;

/// A path as the file means it, from a crate's name or `crate` on. A glob ends in `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

impl Name {
    /// Whether this is `wanted` or something in it, or a glob that takes `wanted` in.
    pub(crate) fn is_in(&self, wanted: &str) -> bool {
        let wanted: Vec<&str> = wanted.split("::").collect();
        let own: Vec<&str> = self.path.iter().map(String::as_str).collect();
        own.starts_with(&wanted)
            || own
                .split_last()
                .is_some_and(|(last, rest)| *last == "*" && wanted.starts_with(rest))
    }
}

/// All paths that are imported or written with at least two segments.
pub(crate) fn of(source: &Source) -> Vec<Name> {
    let mut reader = Reader {
        source,
        found: Vec::new(),
    };
    reader.read_all();
    let aliases: BTreeMap<String, Vec<String>> = reader
        .found
        .iter()
        .filter(|found| found.imported && found.local != "*")
        .map(|found| (found.local.clone(), found.path.clone()))
        .collect();
    reader
        .found
        .iter()
        .map(|found| found.resolve(&aliases))
        .collect()
}

/// A path in the file, its `self` and `super` resolved.
struct Found {
    path: Vec<String>,
    /// The name it has in this file when it is imported.
    local: String,
    imported: bool,
    line: usize,
    test: bool,
}

impl Found {
    fn resolve(&self, aliases: &BTreeMap<String, Vec<String>>) -> Name {
        let mut path = self.path.clone();
        if let Some(meaning) = aliases
            .get(&path[0])
            .filter(|meaning| meaning[..] != path[..1])
        {
            path.splice(..1, meaning.iter().cloned());
        }
        Name {
            path,
            line: self.line,
            test: self.test,
        }
    }
}

struct Reader<'a> {
    source: &'a Source,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn read_all(&mut self) {
        let mut at = 0;
        let mut imports = false;
        while at < self.source.tokens.len() {
            match self.source.token(at) {
                ";" => imports = false,
                // `use<'a>` is a bound, not an import.
                "use" if self.source.token(at + 1) != "<" => imports = true,
                "crate" if at > 0 && self.source.token(at - 1) == "extern" => imports = true,
                _ if self.starts_path(at) => {
                    at = self.read_path(at, &[], imports);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn is_name(&self, at: usize) -> bool {
        self.source
            .tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Name)
    }

    fn starts_path(&self, at: usize) -> bool {
        // Behind type parameters, as in `Vec::<u8>::new`, a path goes on; behind anything else `::` starts one.
        let continues =
            at >= 2 && self.source.token(at - 1) == "::" && self.source.token(at - 2) == ">";
        self.is_name(at) && !continues
    }

    /// Reads the path whose first name is at `at`; gives the index behind it.
    fn read_path(&mut self, at: usize, prefix: &[String], imports: bool) -> usize {
        let mut path = prefix.to_vec();
        path.push(self.source.token(at).to_owned());
        let mut next = at + 1;
        while self.source.token(next) == "::" {
            if self.source.token(next + 1) == "{" {
                return self.read_group(next + 2, &path, imports);
            }
            if !self.is_name(next + 1) && self.source.token(next + 1) != "*" {
                break;
            }
            path.push(self.source.token(next + 1).to_owned());
            next += 2;
        }
        let renamed = imports && self.source.token(next) == "as";
        let local = renamed.then(|| self.source.token(next + 1).to_owned());
        self.keep(path, local, at, imports);
        if renamed { next + 2 } else { next }
    }

    /// Reads the inside of a `{...}` in an import, up to and with its end.
    fn read_group(&mut self, mut at: usize, prefix: &[String], imports: bool) -> usize {
        while at < self.source.tokens.len() && self.source.token(at) != "}" {
            if self.is_name(at) {
                at = self.read_path(at, prefix, imports);
                continue;
            }
            if self.source.token(at) == "*" {
                let path = [prefix, &["*".to_owned()]].concat();
                self.keep(path, None, at, imports);
            }
            at += 1;
        }
        at + 1
    }

    fn keep(&mut self, mut path: Vec<String>, local: Option<String>, at: usize, imported: bool) {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if path.len() < 2 && !imported {
            return;
        }
        let token = &self.source.tokens[at];
        let local = local.unwrap_or_else(|| path[path.len() - 1].clone());
        let path = absolute(path, &self.source.scopes[token.place.scope]);
        self.found.push(Found {
            path,
            local,
            imported,
            line: token.place.line,
            test: token.place.test,
        });
    }
}

/// Replaces what a path starts with, `self`, `super` or the crate's own name, by the path from the crate's root.
fn absolute(path: Vec<String>, scope: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path[0].as_str() {
        "fanout" => std::iter::once("crate".to_owned())
            .chain(path.into_iter().skip(1))
            .collect(),
        "self" if path.get(1).is_some_and(|name| name == "super") => {
            absolute(path[1..].to_vec(), scope)
        }
        "self" => [scope, &path[1..]].concat(),
        "super" => [
            &scope[..scope.len().saturating_sub(ups).max(1)],
            &path[ups..],
        ]
        .concat(),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(path: &str, text: &str) -> Vec<String> {
        of(&Source::snippet(path, text))
            .iter()
            .map(|name| name.path.join("::"))
            .collect()
    }

    #[test]
    fn an_import_tree_is_unfolded() {
        let text = "use std::{fs, io::{self, Read as R}, time::*};";
        assert_eq!(
            names("src/a.rs", text),
            ["std::fs", "std::io", "std::io::Read", "std::time::*"]
        );
    }

    #[test]
    fn self_and_super_are_resolved_from_where_they_stand() {
        let text = "use super::super::reactor::Server; mod inner { use super::x; } use self::y;";
        let expected = [
            "crate::reactor::Server",
            "crate::relay::a::x",
            "crate::relay::a::y",
        ];
        assert_eq!(names("src/relay/a.rs", text), expected);
    }

    #[test]
    fn an_alias_is_looked_through() {
        let text = "use std::time as t; fn f() { t::Instant::now(); }";
        assert_eq!(names("src/a.rs", text)[1], "std::time::Instant::now");
    }

    #[test]
    fn a_path_inside_a_macro_call_is_seen() {
        assert_eq!(
            names(
                "src/a.rs",
                "fn f() { assert!(std::env::args().count() > 1); }"
            ),
            ["std::env::args"]
        );
    }

    #[test]
    fn a_path_from_the_outermost_root_and_an_external_crate_are_seen() {
        let text = "extern crate mio; fn f(a: ::std::fs::File) { Vec::<u8>::new::<u8>(); }";
        assert_eq!(names("src/a.rs", text), ["mio", "std::fs::File"]);
    }

    #[test]
    fn the_crates_own_name_means_the_crate() {
        assert_eq!(
            names("src/main.rs", "use fanout::cli::Options;"),
            ["crate::cli::Options"]
        );
    }

    #[test]
    fn a_glob_takes_in_what_is_below_it() {
        let name = |path: &str| Name {
            path: path.split("::").map(str::to_owned).collect(),
            line: 1,
            test: false,
        };
        assert!(name("std::time::*").is_in("std::time::Instant"));
        assert!(name("mio::net::TcpStream").is_in("mio"));
        assert!(!name("std::time::Duration").is_in("std::time::Instant"));
        assert!(!name("std::fs_like").is_in("std::fs"));
    }
}
