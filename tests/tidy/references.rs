//! Rule: what a page names is there: paths, links, items of the crate, options, cargo targets.

use std::collections::BTreeSet;

use crate::Violation;
use crate::inventory::Inventory;
use crate::markdown::{self, Code, Parts};
use crate::tree::Page;

/// What a page may refer to.
pub(crate) struct Known<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) options: &'a BTreeSet<String>,
    pub(crate) exists: &'a dyn Fn(&str) -> bool,
    pub(crate) pages: &'a [Page],
}

/// Folders that only a path of ours starts with.
const OWN_FOLDERS: &[&str] = &["src/", "tests/", "docs/", "examples/", ".ci/"];

/// Files of other projects that the pages speak of.
const FOREIGN_PATHS: &str = "examples/tcp_server.rs line_buffer.rs epoll.rs";

/// Options of cargo and other tools that the pages tell the reader to type.
const FOREIGN_OPTIONS: &str = "all-features all-targets bench bin check config doc document-private-items example \
    examples exact features git ignored lib locked manifest-path no-default-features no-deps nocapture now open \
    package path profile quiet release root show-output storage test test-threads tests unix-socket workspace";

/// Types, traits and variants of other crates that the pages name without their path.
const FOREIGN_TYPES: &str = "Arc AsyncRead AsyncWrite Box Cargo Clone Copy Debug Default Display Drop Duration Err \
    Error ErrorKind Event Events Fn FnMut From Future Handler HashMap Instant Interest Interrupted IoSlice IpAddr \
    Iterator Mutex None Ok Option Ordering Poll Rc Reactor Read RefCell Registry Result Send Signals Slab Socket \
    SocketAddr Some Source String Sync SystemTime TcpListener TcpStream ToSocketAddrs Token Vec VecDeque Waker \
    WouldBlock Write WriteZero";

/// A name in small letters with so many words is taken for a test's.
const CLAIM_WORDS: usize = 5;

/// What names of metrics begin with. That they are those of the program is looked at in `tests/deploy`.
const METRICS: &str = "fanout_";

pub(crate) fn check(page: &Page, known: &Known<'_>) -> Vec<Violation> {
    let parts = markdown::parts(&page.text);
    let mut found = paths(page, &parts.code, known);
    found.extend(targets(page, &parts.code, known));
    found.extend(links(page, &parts, known));
    found.extend(items(page, &parts.code, known));
    found.extend(options(page, known));
    found
}

/// Paths between backticks, and in blocks those that start with a folder of ours.
fn paths(page: &Page, code: &[Code], known: &Known<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for code in code {
        for word in code.text.split_whitespace().map(bare) {
            let is_own = OWN_FOLDERS.iter().any(|folder| word.starts_with(folder));
            let is_file = code.fence.is_none()
                && (extension(word) == "rs" || (word.contains('/') && extension(word) == "md"));
            let is_web = word.contains("://");
            let is_there = match test_in_file(word) {
                Some((path, name)) => known.inventory.has_function_in(path, name),
                None => is_listed(FOREIGN_PATHS, word) || is_there(page, word, known),
            };
            if (is_own || is_file) && !is_web && !is_there {
                found.push(Violation::new(
                    &page.path,
                    code.line,
                    format!("names `{word}`, which does not exist"),
                ));
            }
        }
    }
    found
}

/// `tests/relay.rs::a_claim`: the path, and the name of a function that is to be in that file.
fn test_in_file(word: &str) -> Option<(&str, &str)> {
    word.split_once("::")
        .filter(|(path, _)| extension(path) == "rs")
}

fn is_listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// A path without what may stand around it: quotes, `./`, a line number, a full stop.
fn bare(word: &str) -> &str {
    let word = word.trim_matches(['"', '\'', '(', ')', ',', ';', '.', ':']);
    let word = word.trim_start_matches('/');
    word.split(['#', ':'])
        .next()
        .filter(|_| !word.contains("::") && !word.contains("://"))
        .unwrap_or(word)
}

fn is_there(page: &Page, word: &str, known: &Known<'_>) -> bool {
    // Of a pattern the folder is looked at, as far as it is spelled out.
    let spelled = word.split(['*', '{', '<', '$', '…']).next().unwrap_or(word);
    let path = if spelled == word {
        word
    } else {
        spelled.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let places = [path.to_owned(), format!("src/{path}"), join(folder, path)];
    places.iter().any(|place| (known.exists)(place))
        || (!path.contains('/') && known.inventory.has_file(path))
}

/// `docs/a` and `../b` is `b`.
fn join(folder: &str, path: &str) -> String {
    let mut names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

/// What stands behind `--example` and `--test`.
fn targets(page: &Page, code: &[Code], known: &Known<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for code in code.iter().filter(|code| code.text.contains("cargo")) {
        let words: Vec<&str> = code.text.split_whitespace().collect();
        for pair in words.windows(2) {
            let folder = match pair[0] {
                "--example" => "examples",
                "--test" => "tests",
                _ => continue,
            };
            let name = bare(pair[1]);
            let places = [
                format!("{folder}/{name}.rs"),
                format!("{folder}/{name}/main.rs"),
            ];
            let is_name = name
                .chars()
                .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
            if is_name && !places.iter().any(|place| (known.exists)(place)) {
                let what = format!(
                    "says `{} {name}`, and {} does not exist",
                    pair[0], places[0]
                );
                found.push(Violation::new(&page.path, code.line, what));
            }
        }
    }
    found
}

fn links(page: &Page, parts: &Parts, known: &Known<'_>) -> Vec<Violation> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    for (target, line) in parts
        .links
        .iter()
        .filter(|(target, _)| !target.contains(':'))
    {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let place = if path.is_empty() {
            page.path.clone()
        } else {
            join(folder, path)
        };
        if !(known.exists)(&place) {
            found.push(Violation::new(
                &page.path,
                *line,
                format!("links to {target}, which does not exist"),
            ));
            continue;
        }
        let aimed_at = known
            .pages
            .iter()
            .find(|page| page.path == place)
            .filter(|_| !anchor.is_empty());
        let anchors = aimed_at.map(|page| markdown::parts(&page.text).anchors);
        if anchors.is_some_and(|anchors| !anchors.iter().any(|own| own == anchor)) {
            found.push(Violation::new(
                &page.path,
                *line,
                format!("links to {target}, which has no such heading"),
            ));
        }
    }
    found
}

/// `Type::method`, `module::item`, and single words that can only be types or tests.
fn items(page: &Page, code: &[Code], known: &Known<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for code in code.iter().filter(|code| code.fence.is_none()) {
        let Some(path) = item_path(&code.text) else {
            continue;
        };
        let broken = match path[..] {
            [name] if is_type_like(name) => {
                !is_listed(FOREIGN_TYPES, name) && !known.inventory.knows(name)
            }
            [name] => is_claim(name) && !known.inventory.has_function(name),
            _ => path.windows(2).any(|pair| {
                known.inventory.owns(pair[0]) && !known.inventory.has(pair[0], pair[1])
            }),
        };
        // A path that starts elsewhere is not ours to judge.
        if broken && (path.len() == 1 || known.inventory.owns(path[0])) {
            let what = format!(
                "names `{}`, which the source does not have",
                path.join("::")
            );
            found.push(Violation::new(&page.path, code.line, what));
        }
    }
    found
}

/// The names of a path, without type parameters and the call's parentheses; nothing if it is not a path.
fn item_path(text: &str) -> Option<Vec<&str>> {
    let path = text.split(['(', '<']).next().unwrap_or_default();
    let closes = path.len() == text.len() || text.ends_with(')') || text.ends_with('>');
    let names: Vec<&str> = path
        .split("::")
        .map(|name| if name == "fanout" { "crate" } else { name })
        .collect();
    let is_name = |name: &&str| {
        name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    (closes && names.iter().all(is_name)).then_some(names)
}

/// Written as a type or a variant is: a capital first, small letters later, nothing else.
fn is_type_like(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.contains(|letter: char| letter.is_ascii_lowercase())
        && !name.contains('_')
}

/// Written as a test is, whose name is a sentence. A page may quote it: then the test has to be there.
fn is_claim(name: &str) -> bool {
    let is_small = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let mut words = name.split('_');
    !name.starts_with(METRICS)
        && words.clone().count() >= CLAIM_WORDS
        && words.all(|word| !word.is_empty() && word.chars().all(is_small))
}

fn options(page: &Page, known: &Known<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        for (at, mark) in line.match_indices("--") {
            let is_inside = line[..at]
                .ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '!'));
            let after = &line[at + mark.len()..];
            let end = after
                .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
                .unwrap_or(after.len());
            let name = after[..end].trim_end_matches('-');
            let is_option =
                !is_inside && name.starts_with(|letter: char| letter.is_ascii_lowercase());
            if is_option && !known.options.contains(name) && !is_listed(FOREIGN_OPTIONS, name) {
                let what = format!("names `--{name}`, which the command line does not have");
                found.push(Violation::new(&page.path, index + 1, what));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
