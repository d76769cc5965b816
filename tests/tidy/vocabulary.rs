//! The tables of the words rule: what is not said, what to say instead and why, and what passes all the same.
//!
//! The words that are said are in the glossary of the pages.

/// A word, or several in a row; what to say instead; why.
pub(crate) type Banned = (&'static str, &'static str, &'static str);

pub(crate) const BANNED: &[Banned] = &[
    (
        "subscriber",
        "client",
        "nobody subscribes: to connect is all it takes",
    ),
    ("consumer", "client", "one thing, one word"),
    (
        "peer",
        "client or upstream",
        "a peer may be either, and one thing has one word",
    ),
    ("broadcaster", "fanout, or publish", "one thing, one word"),
    ("master", "upstream", "one thing, one word"),
    ("slave", "client", "one thing, one word"),
    (
        "message",
        "frame",
        "a frame has a fixed length and no meaning here",
    ),
    ("packet", "frame", "packets are the kernel's"),
    ("tick", "turn", "a turn comes with events, not with a clock"),
    ("accept backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("connection backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("kernel backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("listen backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("listen 2 backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("listener backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("socket backlog", "accept queue", A_BACKLOG_IS_A_CLIENTS),
    ("syn backlog", "SYN queue", A_BACKLOG_IS_A_CLIENTS),
];

/// What no identifier of ours has in it.
pub(crate) const ABBREVIATIONS: &[Banned] = &[
    ("buf", "buffer, or what is in it", SPELLED_OUT),
    ("cfg", "config", SPELLED_OUT),
    ("cnt", "count", SPELLED_OUT),
    ("conn", "client or upstream", SPELLED_OUT),
    ("idx", "index, position or seat", SPELLED_OUT),
    ("msg", "frame", SPELLED_OUT),
];

/// Phrases in which a banned word means something else.
pub(crate) const ALLOWED: &[&str] = &[
    "error message",
    "log message",
    "message passing",
    "peer addr",
    "hostile peer",
];

/// Identifiers of others, which we cannot spell out.
pub(crate) const FOREIGN: &[&str] = &[
    "BufRead",
    "BufReader",
    "BufWriter",
    "PathBuf",
    "cfg_attr",
    "fill_buf",
    "into_path_buf",
    "to_path_buf",
];

/// Files that may say every word, each with the reason.
pub(crate) const EXEMPT: &[(&str, &str)] = &[(
    "docs/glossary.md",
    "it lists the words that are not used, next to the ones that are",
)];

const A_BACKLOG_IS_A_CLIENTS: &str = "a backlog is what one client has not been sent";
const SPELLED_OUT: &str = "no abbreviations but id, addr, io, len";
