//! Rule: states are types, not flags; and some short cuts are closed.

use syn::visit::{self, Visit};

use crate::Violation;
use crate::names;
use crate::tree::Source;

const BOOLEANS: usize = 2;

/// A run of tokens, spaced, that must not occur; where; why.
type Ban = (&'static str, Reach, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Everywhere,
    /// Code in `src` that is compiled when nothing is tested.
    Program,
}

const BANS: &[Ban] = &[
    ("unsafe", Reach::Everywhere, "no unsafe code"),
    ("todo !", Reach::Everywhere, FINISH),
    ("unimplemented !", Reach::Everywhere, FINISH),
    ("panic ! ( \"TODO", Reach::Everywhere, FINISH),
    (
        "dbg !",
        Reach::Everywhere,
        "what is worth saying is worth a log line",
    ),
    (
        "trait Reactor",
        Reach::Everywhere,
        "mio is the event loop: wrapping it hides it",
    ),
    (
        "trait Handler",
        Reach::Everywhere,
        "no callbacks: note first, act in the turn",
    ),
    (
        "# [ ignore",
        Reach::Everywhere,
        "a test that does not run claims nothing",
    ),
    (
        "Rc < RefCell",
        Reach::Everywhere,
        "each thing has one owner",
    ),
    (
        "Rc :: new ( RefCell",
        Reach::Everywhere,
        "each thing has one owner",
    ),
    (". unwrap (", Reach::Program, HANDLE),
    (":: unwrap", Reach::Program, HANDLE),
];

const FINISH: &str = "finish it or leave it out";
const HANDLE: &str = "handle it, or say with `expect` why it cannot fail";

const SLEEP: &str = "std::thread::sleep";

/// Files that may sleep, each with the reason.
const MAY_SLEEP: &[(&str, &str)] = &[(
    "src/demo.rs",
    "the embedded server A paces its frames on a thread of its own, outside the reactor",
)];

pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut found = banned(source);
    found.extend(sleeps(source));
    if source.is_below("src") {
        let mut fields = Fields {
            path: &source.path,
            found: Vec::new(),
        };
        fields.visit_file(&source.syntax);
        found.extend(fields.found);
    }
    found
}

fn banned(source: &Source) -> Vec<Violation> {
    let in_program = |at: usize| source.is_below("src") && !source.tokens[at].place.test;
    let mut found = Vec::new();
    for at in 0..source.tokens.len() {
        for (tokens, reach, why) in BANS {
            let is_reached = *reach == Reach::Everywhere || in_program(at);
            if is_reached && stands_at(source, at, tokens) {
                let line = source.tokens[at].place.line;
                let what = format!("says `{tokens}`: {why}");
                found.push(Violation::new(&source.path, line, what));
            }
        }
    }
    found
}

/// Whether the banned run starts at `at`. Qualifiers before `RefCell` are passed over, and a literal has only to start
/// as the banned one does.
fn stands_at(source: &Source, at: usize, wanted: &str) -> bool {
    let mut next = at;
    wanted.split(' ').all(|text| {
        while text == "RefCell" && source.token(next) != text && source.token(next + 1) == "::" {
            next += 2;
        }
        let own = source.token(next);
        next += 1;
        own == text || (text.starts_with('"') && own.starts_with(text))
    })
}

fn sleeps(source: &Source) -> Vec<Violation> {
    let may_sleep = MAY_SLEEP.iter().any(|(path, _)| *path == source.path);
    if may_sleep || !(source.is_below("src") || source.is_below("tests")) {
        return Vec::new();
    }
    let asleep = names::of(source)
        .into_iter()
        .filter(|name| name.is_in(SLEEP));
    asleep
        .map(|name| {
            Violation::new(
                &source.path,
                name.line,
                "sleeps: wait for a fact, with a deadline",
            )
        })
        .collect()
}

/// Counts the booleans of each struct and of each variant with fields.
struct Fields<'a> {
    path: &'a str,
    found: Vec<Violation>,
}

impl Fields<'_> {
    fn count(&mut self, name: &syn::Ident, fields: &syn::Fields) {
        let booleans = fields.iter().filter(|field| is_boolean(field)).count();
        if booleans > BOOLEANS {
            let what = format!(
                "`{name}` has {booleans} booleans; beyond {BOOLEANS}, name the states in an enum"
            );
            self.found
                .push(Violation::new(self.path, name.span().start().line, what));
        }
    }
}

impl<'ast> Visit<'ast> for Fields<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        // A flag on the command line is a boolean by nature.
        if !(self.path == "src/cli.rs" && is_command_line(&item.attrs)) {
            self.count(&item.ident, &item.fields);
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.count(&variant.ident, &variant.fields);
        visit::visit_variant(self, variant);
    }
}

fn is_boolean(field: &syn::Field) -> bool {
    matches!(&field.ty, syn::Type::Path(path) if path.path.is_ident("bool"))
}

fn is_command_line(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
        .any(|attribute| {
            let mut found = false;
            // A derive that does not parse would not have compiled.
            let _ = attribute.parse_nested_meta(|meta| {
                let name = meta
                    .path
                    .segments
                    .last()
                    .map(|segment| segment.ident.to_string());
                found |= matches!(name.as_deref(), Some("Parser" | "Args"));
                Ok(())
            });
            found
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(path: &str, text: &str) {
        assert_eq!(
            check(&Source::snippet(path, text)).len(),
            1,
            "{path} may not say {text}"
        );
    }

    #[track_caller]
    fn accepts(path: &str, text: &str) {
        assert_eq!(
            check(&Source::snippet(path, text)),
            [],
            "{path} may say {text}"
        );
    }

    #[test]
    fn a_third_boolean_is_refused() {
        refuses("src/a.rs", "struct A { a: bool, b: bool, c: bool }");
        refuses("src/a.rs", "struct A(bool, bool, bool);");
        refuses("src/a.rs", "enum A { B { a: bool, b: bool, c: bool } }");
        accepts("src/a.rs", "struct A { a: bool, b: bool, c: Option<u8> }");
    }

    #[test]
    fn only_the_command_line_may_have_flags() {
        let flags = "struct A { a: bool, b: bool, c: bool }";
        accepts(
            "src/cli.rs",
            &format!("#[derive(Debug, clap::Parser)] {flags}"),
        );
        refuses("src/cli.rs", &format!("#[derive(Debug)] {flags}"));
        refuses("src/config.rs", &format!("#[derive(Parser)] {flags}"));
        accepts("tests/a.rs", flags);
    }

    #[test]
    fn shared_mutable_ownership_is_refused() {
        refuses("src/a.rs", "struct A { a: Rc<RefCell<u8>> }");
        refuses("src/a.rs", "struct A { a: Rc<std::cell::RefCell<u8>> }");
        refuses("src/a.rs", "fn f() { Rc::new(RefCell::new(1)); }");
        accepts("src/a.rs", "struct A { a: Rc<[u8]>, b: RefCell<u8> }");
    }

    #[test]
    fn a_wrapper_around_the_event_loop_is_refused() {
        refuses("src/a.rs", "trait Reactor {}");
        refuses("tests/a.rs", "pub trait Handler {}");
        accepts(
            "src/a.rs",
            "trait Readable {} struct Handler; use crate::Reactor;",
        );
    }

    #[test]
    fn unsafe_and_unfinished_code_is_refused_everywhere() {
        for path in ["src/a.rs", "tests/a.rs", "examples/a.rs"] {
            refuses(path, "fn f() { unsafe { g() } }");
            refuses(path, "fn f() { todo!() }");
            refuses(path, "fn f() { unimplemented!() }");
            refuses(path, "fn f() { dbg!(1); }");
            refuses(path, "fn f() { panic!(\"TODO later\"); }");
            refuses(path, "#[test] #[ignore] fn f() {}");
            refuses(path, "#[test] #[ignore = \"slow\"] fn f() {}");
            accepts(
                path,
                "// unsafe, todo!() and dbg!() in a comment\nfn f() { panic!(\"lost a frame\"); }",
            );
        }
    }

    #[test]
    fn unwrap_is_for_tests() {
        refuses("src/a.rs", "fn f() { g().unwrap(); }");
        refuses("src/a.rs", "fn f() { println!(\"{}\", g().unwrap()); }");
        refuses("src/a.rs", "fn f() { g().map(Option::unwrap); }");
        accepts(
            "src/a.rs",
            "fn f() { g().unwrap_or_default(); g().expect(\"a slab key is live\"); }",
        );
        accepts(
            "src/a.rs",
            "#[cfg(test)] mod tests { #[test] fn f() { g().unwrap(); } }",
        );
        accepts("tests/a.rs", "fn f() { g().unwrap(); }");
    }

    #[test]
    fn nobody_sleeps_but_those_on_the_list() {
        refuses("src/a.rs", "fn f() { std::thread::sleep(d); }");
        refuses(
            "tests/a.rs",
            "use std::thread; fn f() { thread::sleep(d); }",
        );
        refuses("tests/a.rs", "use std::thread::sleep;");
        accepts(
            "tests/a.rs",
            "fn f() { std::thread::spawn(g); recv_timeout(d); }",
        );
        accepts("examples/a.rs", "fn f() { std::thread::sleep(d); }");
        for (path, _) in MAY_SLEEP {
            accepts(path, "fn f() { std::thread::sleep(d); }");
        }
    }
}
