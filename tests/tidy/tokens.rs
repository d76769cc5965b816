//! A file as one flat list of tokens, delimiters included, with macros opened like everything else.
//!
//! Whether a token belongs to test code, and in which module it stands, is decided here and nowhere else. It does not
//! know what the tokens mean.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};

/// One token. Delimiters are tokens of their own, and `::` is one token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Literal,
    Mark,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Index into the list of module paths.
    pub(crate) scope: usize,
    /// Whether it stands in code that only tests compile.
    pub(crate) test: bool,
}

/// The tokens, and the module paths they refer to: the first is the one given, of the file itself.
pub(crate) fn flatten(stream: TokenStream, module: Vec<String>) -> (Vec<Token>, Vec<Vec<String>>) {
    let mut flat = Flat {
        tokens: Vec::new(),
        scopes: vec![module],
    };
    let start = Place {
        line: 1,
        scope: 0,
        test: false,
    };
    flat.push_stream(stream, start);
    (flat.tokens, flat.scopes)
}

/// The list in the making.
struct Flat {
    tokens: Vec<Token>,
    scopes: Vec<Vec<String>>,
}

impl Flat {
    fn push_stream(&mut self, stream: TokenStream, mut around: Place) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut item_is_test = false;
        let mut module: Option<String> = None;
        for (index, tree) in trees.iter().enumerate() {
            match test_attribute(&trees[index..]) {
                Some(Attribute::OfItem) => item_is_test = true,
                Some(Attribute::OfFile) => around.test = true,
                None => {}
            }
            let place = Place {
                test: around.test || item_is_test,
                ..around
            };
            match tree {
                TokenTree::Group(group) => {
                    let is_body = group.delimiter() == Delimiter::Brace;
                    let entered = module.take_if(|_| is_body);
                    self.push_group(group, entered, place);
                    item_is_test &= !is_body;
                }
                TokenTree::Punct(mark) if mark.as_char() == ';' => {
                    self.push(";", tree.span(), Kind::Mark, place);
                    module = None;
                    item_is_test = false;
                }
                _ => self.push_leaf(&trees, index, place),
            }
            if matches!(tree, TokenTree::Ident(name) if name == "mod") {
                module = trees.get(index + 1).map(ToString::to_string);
            }
        }
    }

    /// A group, and a scope of its own for it if it is the body of a module.
    fn push_group(&mut self, group: &Group, module: Option<String>, place: Place) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        let span = group.delim_span();
        let mut inside = place;
        if let Some(name) = module {
            let path = [&self.scopes[place.scope][..], &[name]].concat();
            self.scopes.push(path);
            inside.scope = self.scopes.len() - 1;
        }
        self.push(open, span.open(), Kind::Mark, place);
        self.push_stream(group.stream(), inside);
        self.push(close, span.close(), Kind::Mark, place);
    }

    fn push_leaf(&mut self, trees: &[TokenTree], index: usize, place: Place) {
        let tree = &trees[index];
        let kind = match tree {
            TokenTree::Ident(_) => Kind::Name,
            TokenTree::Literal(_) => Kind::Literal,
            TokenTree::Punct(_) | TokenTree::Group(_) => Kind::Mark,
        };
        match self.tokens.last_mut() {
            Some(last) if last.text == ":" && is_second_colon(trees, index) => last.text.push(':'),
            _ => self.push(&tree.to_string(), tree.span(), kind, place),
        }
    }

    fn push(&mut self, text: &str, span: Span, kind: Kind, place: Place) {
        let line = span.start().line;
        self.tokens.push(Token {
            text: text.to_owned(),
            kind,
            place: Place { line, ..place },
        });
    }
}

/// What a test attribute applies to.
enum Attribute {
    OfItem,
    OfFile,
}

/// Whether an attribute starts here that leaves what follows to tests: `#[test]`, `#[cfg(test)]`, `#![cfg(test)]`.
fn test_attribute(trees: &[TokenTree]) -> Option<Attribute> {
    if !is_mark(trees.first(), '#') {
        None
    } else if is_test_condition(trees.get(1)) {
        Some(Attribute::OfItem)
    } else if is_mark(trees.get(1), '!') && is_test_condition(trees.get(2)) {
        Some(Attribute::OfFile)
    } else {
        None
    }
}

fn is_mark(tree: Option<&TokenTree>, wanted: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(mark)) if mark.as_char() == wanted)
}

/// `[test]`, or a `[cfg(...)]` in which `test` is asked for.
fn is_test_condition(tree: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = tree else {
        return false;
    };
    let (tokens, _) = flatten(group.stream(), Vec::new());
    let names: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    names == ["test"]
        || (names.first() == Some(&"cfg") && names.contains(&"test") && !names.contains(&"not"))
}

fn is_second_colon(trees: &[TokenTree], index: usize) -> bool {
    let first = index.checked_sub(1).map(|before| &trees[before]);
    let is_joint = |tree: &TokenTree| matches!(tree, TokenTree::Punct(mark) if mark.spacing() == Spacing::Joint);
    is_mark(trees.get(index), ':') && is_mark(first, ':') && first.is_some_and(is_joint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> (Vec<Token>, Vec<Vec<String>>) {
        let stream = text.parse().expect("the snippet is Rust");
        flatten(stream, vec!["crate".to_owned()])
    }

    #[track_caller]
    fn place(text: &str, name: &str) -> (Place, String) {
        let (tokens, scopes) = tokens(text);
        let found: Vec<Place> = tokens
            .iter()
            .filter(|token| token.text == name)
            .map(|token| token.place)
            .collect();
        assert_eq!(found.len(), 1, "{name} is there once");
        (found[0], scopes[found[0].scope].join("::"))
    }

    #[test]
    fn test_code_is_told_from_the_rest() {
        let text = "fn a() {} #[cfg(test)] mod tests { fn b() {} } fn c() {} #[test] fn d() { e() } mod f;";
        for (name, expected) in [
            ("a", false),
            ("b", true),
            ("c", false),
            ("e", true),
            ("f", false),
        ] {
            assert_eq!(place(text, name).0.test, expected, "{name}");
        }
        assert!(place("#![cfg(test)]\nfn a() {}", "a").0.test);
        assert!(place("#[cfg(all(test, unix))] use a::b;", "b").0.test);
        assert!(!place("#[cfg(test)] use a::b; fn c() {}", "c").0.test);
        assert!(!place("#[cfg(not(test))] fn a() {}", "a").0.test);
    }

    #[test]
    fn a_token_knows_its_module_and_its_line() {
        let text = "mod inner {\n fn a() {}\n}\nfn b() {}";
        let (a, module) = place(text, "a");
        assert_eq!((a.line, module.as_str()), (2, "crate::inner"));
        let (b, module) = place(text, "b");
        assert_eq!((b.line, module.as_str()), (4, "crate"));
    }

    #[test]
    fn marks_are_single_but_for_the_path_separator() {
        let (tokens, _) = tokens("a::b(c: ::d)");
        let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(texts, ["a", "::", "b", "(", "c", ":", "::", "d", ")"]);
    }
}
