//! The long options that can be typed, read from the source: those of the command line, and those of the examples.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use crate::tokens::Kind;
use crate::tree::Source;

/// Options that the command line has without anybody writing them.
const BUILT_IN: &[&str] = &["help", "version"];

/// All long options of the files that make a command line.
pub(crate) fn of(sources: &[Source]) -> BTreeSet<String> {
    let mut options: BTreeSet<String> = BUILT_IN.iter().map(|name| (*name).to_owned()).collect();
    let is_typed = |source: &&Source| source.is_below("src/cli") || source.is_below("examples");
    for source in sources.iter().filter(is_typed) {
        let mut reader = Reader {
            options: &mut options,
        };
        reader.visit_file(&source.syntax);
        options.extend(built(source));
    }
    options
}

/// Fields of a derived command line: `#[arg(long)]`, `#[arg(long = "name")]`.
struct Reader<'a> {
    options: &'a mut BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_field(&mut self, field: &'ast syn::Field) {
        let attributes = field
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("arg"));
        for list in attributes.filter_map(|attribute| attribute.meta.require_list().ok()) {
            let tokens: Vec<String> = list
                .tokens
                .clone()
                .into_iter()
                .map(|token| token.to_string())
                .collect();
            let Some(at) = tokens.iter().position(|token| token == "long") else {
                continue;
            };
            let given = tokens
                .get(at + 1)
                .filter(|mark| *mark == "=")
                .and_then(|_| tokens.get(at + 2));
            let own = field
                .ident
                .as_ref()
                .map(|name| name.to_string().replace('_', "-"));
            self.options
                .extend(given.map(|name| name.trim_matches('"').to_owned()).or(own));
        }
        visit::visit_field(self, field);
    }
}

/// Calls of a builder: `.long("name")`.
fn built(source: &Source) -> impl Iterator<Item = String> {
    (0..source.tokens.len())
        .filter(|at| source.reads(*at, &[".", "long", "("]))
        .filter_map(|at| {
            source
                .tokens
                .get(at + 3)
                .filter(|token| token.kind == Kind::Literal)
        })
        .map(|token| token.text.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_options_are_found_however_they_are_made() {
        let text = "struct A {
            #[arg(short, long, value_name = \"BYTES\")] frame_size: u8,
            #[arg(long = \"max-clients-per-ip\")] per_ip: u8,
            #[arg(short)] none: u8,
            upstream: u8,
        }
        fn f() { Arg::new(\"x\").long(\"drain-timeout\"); }";
        let found = of(&[
            Source::snippet("src/cli.rs", text),
            Source::snippet("src/b.rs", "fn f() { a.long(\"b\"); }"),
        ]);
        let expected = [
            "drain-timeout",
            "frame-size",
            "help",
            "max-clients-per-ip",
            "version",
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
