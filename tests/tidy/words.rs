//! Rule: one thing, one word, in code, comments, logs and pages.
//!
//! A text is a row of lower-case words; identifiers are split at underscores and humps, so `MessageBuf`, `message_buf`
//! and "message buf" are the same two words. A banned word is found in the singular and with an `s`; an allowed phrase
//! lets the words in it pass. Addresses of the web are not read.

use crate::Violation;
use crate::markdown;
use crate::tokens::Kind;
use crate::tree::{Page, Source};
use crate::vocabulary::{ABBREVIATIONS, ALLOWED, BANNED, Banned, EXEMPT, FOREIGN};

pub(crate) fn check_source(source: &Source) -> Vec<Violation> {
    if !source.is_below("src") || is_exempt(&source.path) {
        return Vec::new();
    }
    let mut found = synonyms(&source.path, &source.text);
    for (at, token) in source
        .tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == Kind::Name)
    {
        let is_condition =
            token.text == "cfg" && (source.token(at + 1) == "!" || source.token(at + 1) == "(");
        if !is_condition {
            found.extend(abbreviations(&source.path, token.place.line, &token.text));
        }
    }
    found
}

pub(crate) fn check_page(page: &Page) -> Vec<Violation> {
    if is_exempt(&page.path) {
        return Vec::new();
    }
    let mut found = synonyms(&page.path, &page.text);
    let code = markdown::parts(&page.text).code;
    // Blocks in other languages quote what others wrote.
    for code in code
        .iter()
        .filter(|code| matches!(code.fence.as_deref(), None | Some("rust")))
    {
        let names = code
            .text
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        found.extend(names.flat_map(|name| abbreviations(&page.path, code.line, name)));
    }
    found
}

fn is_exempt(path: &str) -> bool {
    EXEMPT.iter().any(|(exempt, _)| *exempt == path)
}

fn synonyms(path: &str, text: &str) -> Vec<Violation> {
    let words = words_of(text);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let here = BANNED
            .iter()
            .filter(|banned| stands_at(&words, at, banned.0) && !is_allowed(&words, at));
        found.extend(here.map(|banned| violation(path, words[at].line, banned)));
    }
    found
}

fn abbreviations(path: &str, line: usize, name: &str) -> Vec<Violation> {
    if FOREIGN.contains(&name) {
        return Vec::new();
    }
    let words = words_of(name);
    let is_in = |banned: &&Banned| (0..words.len()).any(|at| stands_at(&words, at, banned.0));
    ABBREVIATIONS
        .iter()
        .filter(is_in)
        .map(|banned| violation(path, line, banned))
        .collect()
}

fn violation(path: &str, line: usize, (words, say, why): &Banned) -> Violation {
    Violation::new(path, line, format!("says \"{words}\": say {say}; {why}"))
}

struct Word {
    text: String,
    line: usize,
}

/// Whether this phrase stands at `at`; its last word may have an `s` more.
fn stands_at(words: &[Word], at: usize, phrase: &str) -> bool {
    let mut wanted = phrase.split(' ').zip(at..).peekable();
    while let Some((text, at)) = wanted.next() {
        let own = words.get(at).map_or("", |word| &word.text);
        let is_plural = wanted.peek().is_none() && own.strip_suffix('s') == Some(text);
        if own != text && !is_plural {
            return false;
        }
    }
    true
}

/// Whether the word at `at` is part of an allowed phrase.
fn is_allowed(words: &[Word], at: usize) -> bool {
    ALLOWED.iter().any(|phrase| {
        let length = phrase.split(' ').count();
        (0..length).any(|back| back <= at && stands_at(words, at - back, phrase))
    })
}

fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_web_addresses(line)
            .replace("'s ", " ")
            .replace("’s ", " ");
        for name in line
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|name| !name.is_empty())
        {
            words.extend(humps(name).into_iter().map(|text| Word {
                text,
                line: index + 1,
            }));
        }
    }
    words
}

/// `FrameLog` is two words, `HTTPServer` too.
fn humps(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        let after_small = index > 0 && !letters[index - 1].is_uppercase();
        let before_small = letters
            .get(index + 1)
            .is_some_and(|next| next.is_lowercase());
        if index > 0 && letter.is_uppercase() && (after_small || before_small) {
            words.push(String::new());
        }
        words
            .last_mut()
            .expect("it starts with one")
            .extend(letter.to_lowercase());
    }
    words
}

fn without_web_addresses(line: &str) -> String {
    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ')' | '>' | '"' | '`');
    let mut kept = String::new();
    let mut left = line;
    while let Some(start) = ["http://", "https://"]
        .iter()
        .filter_map(|scheme| left.find(scheme))
        .min()
    {
        kept.push_str(&left[..start]);
        let address = &left[start..];
        left = &address[address.find(is_end).unwrap_or(address.len())..];
    }
    kept + left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_code(text: &str) -> usize {
        check_source(&Source::snippet("src/a.rs", text)).len()
    }

    fn in_page(text: &str) -> usize {
        check_page(&Page {
            path: "docs/a.md".to_owned(),
            text: text.to_owned(),
        })
        .len()
    }

    #[test]
    fn every_banned_word_is_found_in_code_comments_strings_and_pages() {
        for (words, ..) in BANNED {
            let snippets = [
                format!("fn f() {{ let the_{} = 1; }}", words.replace(' ', "_")),
                format!("// The {words}s.\n"),
                format!("/// The {}.\nfn f() {{}}", words.to_uppercase()),
                format!("const A: &str = \"a {words}\";"),
            ];
            for snippet in snippets {
                assert_eq!(in_code(&snippet), 1, "{snippet}");
            }
            assert_eq!(in_page(&format!("Every {words} is here.\n")), 1, "{words}");
        }
    }

    #[test]
    fn every_abbreviation_is_found_in_identifiers_only() {
        for (name, ..) in ABBREVIATIONS {
            assert_eq!(
                in_code(&format!("fn f(socket_{name}: u8) {{}}")),
                1,
                "{name}"
            );
            assert_eq!(
                in_page(&format!("The field `socket_{name}` is one.\n")),
                1,
                "{name}"
            );
            assert_eq!(
                in_page(&format!("```rust\nlet {name} = 1;\n```\n")),
                1,
                "{name}"
            );
            assert_eq!(
                in_page(&format!("```c\nchar {name}[1];\n```\n")),
                0,
                "{name}"
            );
            assert_eq!(
                in_code(&format!("const A: &str = \"{name}\";")),
                0,
                "{name}"
            );
        }
    }

    #[test]
    fn a_word_is_found_behind_humps_too() {
        assert_eq!(in_code("struct MessageQueue; struct HTTPPacket;"), 2);
        assert_eq!(humps("HTTPServerV2"), ["http", "server", "v2"]);
    }

    #[test]
    fn allowed_phrases_pass_in_every_spelling() {
        for phrase in ALLOWED {
            assert_eq!(
                in_page(&format!("A {phrase} or many {phrase}s.\n")),
                0,
                "{phrase}"
            );
            assert_eq!(
                in_code(&format!("fn {}() {{}}", phrase.replace(' ', "_"))),
                0,
                "{phrase}"
            );
        }
        assert_eq!(in_page("No message-passing; an error\nmessage.\n"), 0);
        assert_eq!(in_page("A slow consumer; the peer; a message.\n"), 3);
    }

    #[test]
    fn a_backlog_is_a_clients_and_the_accept_queue_is_the_kernels() {
        assert_eq!(
            in_page("The `listen(2)` backlog and the kernel's backlog.\n"),
            2
        );
        assert_eq!(in_code("fn f() { socket.listen(backlog); }"), 1);
        assert_eq!(in_code("fn f(client: Client) { client.backlog(); }"), 0);
    }

    #[test]
    fn words_that_only_contain_a_banned_one_pass() {
        assert_eq!(
            in_code("fn f(buffer: u8, consume: u8, connect: u8) { sticky(); backticks(); }"),
            0
        );
        assert_eq!(
            in_code("#[cfg(unix)] fn f(a: BufReader, len: u8, addr: u8) { if cfg!(unix) {} }"),
            0
        );
    }

    #[test]
    fn web_addresses_tests_and_exempt_files_are_not_read() {
        assert_eq!(
            in_page("See <https://example.org/tree/master/message> and [a](http://a.b/packet).\n"),
            0
        );
        assert_eq!(in_page("See https://example.org/a for a packet.\n"), 1);
        assert_eq!(
            check_source(&Source::snippet("tests/a.rs", "fn f(packet: u8) {}")),
            []
        );
        for (path, _) in EXEMPT {
            let page = Page {
                path: (*path).to_owned(),
                text: "frame: not packet".to_owned(),
            };
            assert_eq!(check_page(&page), [], "{path}");
        }
    }
}
