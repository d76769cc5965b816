//! What a page is made of, as far as the rules look: code, links, headings. Line numbers are kept.

/// A piece of code: what stands between backticks, or one line of a fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// The language of the fenced block, or nothing when the code stands in a sentence.
    pub(crate) fence: Option<String>,
}

pub(crate) struct Parts {
    pub(crate) code: Vec<Code>,
    /// The targets of links, with their lines.
    pub(crate) links: Vec<(String, usize)>,
    /// The anchors that the headings make.
    pub(crate) anchors: Vec<String>,
}

pub(crate) fn parts(text: &str) -> Parts {
    let (mut code, prose) = split_fences(text);
    let (spans, prose) = split_spans(&prose);
    code.extend(spans);
    // Headings are read from the text with its code, which is part of the anchor.
    let anchors = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect();
    Parts {
        code,
        links: links(&prose),
        anchors,
    }
}

/// Takes the fenced blocks out, line by line, and leaves empty lines where they were.
fn split_fences(text: &str) -> (Vec<Code>, String) {
    let mut code = Vec::new();
    let mut prose = String::new();
    let mut fence: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let mark = line.trim_start().strip_prefix("```");
        match (&fence, mark) {
            (None, None) => prose.push_str(line),
            (None, Some(language)) => fence = Some(language.trim().to_owned()),
            (Some(_), Some(_)) => fence = None,
            (Some(_), None) => code.push(Code {
                text: line.to_owned(),
                line: index + 1,
                fence: fence.clone(),
            }),
        }
        prose.push('\n');
    }
    (code, prose)
}

/// Takes out what stands between equal runs of backticks. A span may go on in the next line but not in the next
/// paragraph.
fn split_spans(prose: &str) -> (Vec<Code>, String) {
    let mut code = Vec::new();
    let mut rest = String::new();
    let mut line = 1;
    let mut left = prose;
    while let Some(start) = left.find('`') {
        let (before, from_mark) = left.split_at(start);
        let inside = from_mark.trim_start_matches('`');
        let mark = &from_mark[..from_mark.len() - inside.len()];
        line += before.matches('\n').count();
        rest.push_str(before);
        let paragraph = &inside[..inside.find("\n\n").unwrap_or(inside.len())];
        left = inside;
        if let Some(end) = paragraph.find(mark) {
            let text = &inside[..end];
            code.push(Code {
                text: text.trim().to_owned(),
                line,
                fence: None,
            });
            let breaks = text.matches('\n').count();
            rest.push_str(&"\n".repeat(breaks));
            line += breaks;
            left = &inside[end + mark.len()..];
        }
    }
    rest.push_str(left);
    (code, rest)
}

/// The targets of `[text](target)` and of `[name]: target`.
fn links(prose: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (index, line) in prose.lines().enumerate() {
        let inline = line
            .match_indices("](")
            .filter_map(|(at, mark)| line[at + mark.len()..].split(')').next());
        let named = line
            .starts_with('[')
            .then(|| line.split_once("]: ").map(|(_, target)| target))
            .flatten();
        for target in inline.chain(named) {
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push((target.trim_matches(['<', '>']).to_owned(), index + 1));
        }
    }
    found
}

/// The anchor of a heading, made as the usual hosts make it.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_fences_are_told_apart_and_keep_their_lines() {
        let found =
            parts("One `a` and\n``b` c``.\n\n```rust\nlet d = 1;\n```\nThen `e\nf` here.\n").code;
        let expected = [
            ("let d = 1;", 5, Some("rust")),
            ("a", 1, None),
            ("b` c", 2, None),
            ("e\nf", 7, None),
        ];
        let found: Vec<_> = found
            .iter()
            .map(|code| (code.text.as_str(), code.line, code.fence.as_deref()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_lone_backtick_takes_nothing_from_the_next_paragraph() {
        assert_eq!(parts("A ` alone.\n\nThen `code`.\n").code.len(), 1);
    }

    #[test]
    fn links_are_found_in_both_forms_and_not_in_code() {
        let found = parts("See [`a`](docs/a.md#x) and `[b](c)`.\n[d]: docs/d.md \"title\"\n").links;
        assert_eq!(
            found,
            [("docs/a.md#x".to_owned(), 1), ("docs/d.md".to_owned(), 2)]
        );
    }

    #[test]
    fn a_heading_makes_an_anchor() {
        assert_eq!(
            parts("## 3. The `turn`, again\ntext\n").anchors,
            ["3-the-turn-again"]
        );
    }
}
