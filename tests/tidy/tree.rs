//! The texts that are checked: Rust files and pages, read once.
//!
//! A Rust file is kept in three forms, because the rules look at different things: its text (columns, comments), its
//! syntax tree (functions, fields), and one flat list of its tokens (names, which then are found inside macros too).

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;

use crate::Violation;
use crate::tokens::{self, Token};

/// One Rust file. `path` is relative to the package and uses `/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    pub(crate) tokens: Vec<Token>,
    /// The module paths that tokens refer to; the first is the file's own.
    pub(crate) scopes: Vec<Vec<String>>,
}

/// One page of documentation, in Markdown.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) struct Tree {
    root: PathBuf,
    pub(crate) sources: Vec<Source>,
    pub(crate) pages: Vec<Page>,
    pub(crate) unreadable: Vec<Violation>,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Violation> {
        let refuse = |line, error: &dyn std::fmt::Display| {
            Violation::new(
                path,
                line,
                format!("is not Rust that this test can read: {error}"),
            )
        };
        let syntax =
            syn::parse_file(text).map_err(|error| refuse(error.span().start().line, &error))?;
        let stream: TokenStream = text.parse().map_err(|error| refuse(0, &error))?;
        let (tokens, scopes) = tokens::flatten(stream, module_path(path));
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax,
            tokens,
            scopes,
        })
    }

    /// For the rules' own tests, whose snippets are known to parse.
    pub(crate) fn snippet(path: &str, text: &str) -> Self {
        Self::parse(path, text).unwrap_or_else(|violation| panic!("{violation}"))
    }

    /// The text of the token at `index`, or nothing past the end.
    pub(crate) fn token(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &token.text)
    }

    /// Whether the tokens from `index` on are these.
    pub(crate) fn reads(&self, index: usize, wanted: &[&str]) -> bool {
        wanted
            .iter()
            .enumerate()
            .all(|(offset, text)| self.token(index + offset) == *text)
    }

    pub(crate) fn is_below(&self, folder: &str) -> bool {
        self.path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    /// Marks the whole file as test code, as its parent's `#[cfg(test)] mod name;` does.
    fn mark_as_test(&mut self) {
        for token in &mut self.tokens {
            token.place.test = true;
        }
    }

    /// Where the modules are that this file declares by `#[cfg(test)] mod name;`, without an ending.
    fn test_modules(&self) -> Vec<String> {
        let own = self.path.trim_end_matches(".rs");
        let is_root = ["/mod", "/lib", "/main"]
            .iter()
            .any(|end| own.ends_with(end));
        let folder = if is_root {
            own.rsplit_once('/').map_or("", |(folder, _)| folder)
        } else {
            own
        };
        let is_outline = |at: &usize| {
            self.tokens[*at].place.test && self.token(*at) == "mod" && self.token(at + 2) == ";"
        };
        (0..self.tokens.len())
            .filter(is_outline)
            .map(|at| format!("{folder}/{}", self.token(at + 1)))
            .collect()
    }
}

impl Tree {
    /// Reads `src`, `tests`, `examples`, `docs` and the front page.
    pub(crate) fn read() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut tree = Self {
            root,
            sources: Vec::new(),
            pages: Vec::new(),
            unreadable: Vec::new(),
        };
        for folder in ["src", "tests", "examples", "docs"] {
            tree.read_folder(&tree.root.join(folder));
        }
        tree.read_file(&tree.root.join("README.md"));
        let test_files: Vec<String> = tree.sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut tree.sources {
            if test_files.iter().any(|file| source.is_below(file)) {
                source.mark_as_test();
            }
        }
        tree
    }

    /// Whether the package has this file or folder.
    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn read_folder(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.read_folder(&path);
            } else {
                self.read_file(&path);
            }
        }
    }

    fn read_file(&mut self, path: &Path) {
        let name = path
            .strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/");
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("rs" | "md")) {
            return;
        }
        match fs::read_to_string(path) {
            Err(error) => {
                let what = format!("cannot be read: {error}");
                self.unreadable.push(Violation::new(&name, 0, what));
            }
            Ok(text) if extension == Some("md") => self.pages.push(Page { path: name, text }),
            Ok(text) => match Source::parse(&name, &text) {
                Ok(source) => self.sources.push(source),
                Err(violation) => self.unreadable.push(violation),
            },
        }
    }
}

/// `src/relay/client.rs` is `crate::relay::client`; roots and `mod.rs` are their folder.
fn module_path(path: &str) -> Vec<String> {
    let inside = path
        .strip_prefix("src/")
        .unwrap_or_default()
        .trim_end_matches(".rs");
    let names = inside
        .split('/')
        .filter(|name| !matches!(*name, "" | "mod" | "lib" | "main"));
    std::iter::once("crate")
        .chain(names)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_found() {
        let outline = "#[cfg(test)] mod tests; mod other;";
        let modules = |path| Source::snippet(path, outline).test_modules();
        assert_eq!(modules("src/relay/a.rs"), ["src/relay/a/tests"]);
        assert_eq!(modules("src/relay/mod.rs"), ["src/relay/tests"]);
        let below = |path| Source::snippet(path, "").is_below("src/relay/a/tests");
        assert!(
            below("src/relay/a/tests.rs")
                && below("src/relay/a/tests/mod.rs")
                && !below("src/relay/a/tests2.rs")
        );
    }

    #[test]
    fn a_path_tells_the_module() {
        let module = |path| module_path(path).join("::");
        assert_eq!(module("src/relay/client.rs"), "crate::relay::client");
        assert_eq!(module("src/relay/mod.rs"), "crate::relay");
        assert_eq!(module("src/main.rs"), "crate");
        assert_eq!(module("tests/relay.rs"), "crate");
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_violation() {
        assert!(Source::parse("src/a.rs", "fn a( {").is_err());
        assert!(Source::parse("src/a.rs", "fn a() {}").is_ok());
    }
}
