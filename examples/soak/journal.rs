//! What the server has said on standard error, line by line. Knows no process.

use std::net::SocketAddr;

use serde::Serialize;

use crate::stats::{Stats, number, value};

/// The lines so far, counted, and what was in those that matter.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The policies of the listeners, and where they are.
    pub(crate) listeners: Vec<(String, SocketAddr)>,
    /// What the last `stats` line said.
    pub(crate) stats: Option<Stats>,
    /// `stats` lines so far.
    pub(crate) stats_lines: u64,
    pub(crate) lines: Lines,
    /// Clients let go in the drain, and those of them that were cut off.
    pub(crate) drained: Option<(u64, u64)>,
    /// The first departures because of a failing socket: the kernel's own timeouts are among them.
    pub(crate) failures: Vec<String>,
    /// Lines that no server in good health writes.
    pub(crate) alarming: Vec<String>,
    /// The last lines: what a process that has died leaves behind.
    pub(crate) last: Vec<String>,
}

/// How many lines of each kind there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Lines {
    pub(crate) joined: u64,
    pub(crate) left: u64,
    pub(crate) refused: u64,
    /// Lines that say how many of the above were left out, and how many these were.
    pub(crate) summaries: u64,
    pub(crate) joined_unsaid: u64,
    pub(crate) left_unsaid: u64,
    /// Lines that the server could not get rid of, because nobody read them fast enough.
    pub(crate) lost: u64,
    pub(crate) upstream: u64,
    /// All the others, `stats` included.
    pub(crate) other: u64,
}

impl Journal {
    pub(crate) fn note(&mut self, line: &str) {
        if line.contains("panicked") || line.contains(" ERROR ") {
            self.alarming.push(line.to_owned());
        }
        if self.last.len() == LAST_LINES {
            self.last.remove(0);
        }
        self.last.push(line.to_owned());
        let words = line.split_once("] ").map_or(line, |(_, words)| words);
        let of = |key| number(words, key).unwrap_or(0);
        match words.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["client", "joined"] => self.lines.joined += 1,
            ["client", "left"] => {
                self.lines.left += 1;
                if words.contains(" reason=error ") && self.failures.len() < FAILURES_KEPT {
                    self.failures.push(words.to_owned());
                }
            }
            ["client", "refused"] => self.lines.refused += 1,
            ["client", "lines"] => {
                self.lines.summaries += 1;
                self.lines.joined_unsaid += of("joined");
                self.lines.left_unsaid += of("left");
            }
            ["log", "lines"] => self.lines.lost += of("lines"),
            ["upstream", _] => self.lines.upstream += 1,
            ["drained", _] => {
                self.drained = Some((of("clients"), of("aborted")));
            }
            [word, _] => {
                self.lines.other += 1;
                self.note_other(word, words);
            }
            _ => self.lines.other += 1,
        }
    }

    fn note_other(&mut self, word: &str, words: &str) {
        if word == "stats" {
            self.stats = Stats::parse(words);
            self.stats_lines += 1;
        } else if word == "listening"
            && let (Some(addr), Some(policy)) = (value(words, "addr"), value(words, "slow"))
            && let Ok(addr) = addr.parse()
        {
            self.listeners.push((policy.to_owned(), addr));
        }
    }
}

impl Lines {
    /// Lines that clients caused.
    pub(crate) fn about_clients(&self) -> u64 {
        self.joined + self.left + self.refused
    }
}

const LAST_LINES: usize = 10;

const FAILURES_KEPT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(lines: &[&str]) -> Journal {
        let mut journal = Journal::default();
        for line in lines {
            journal.note(&format!("2026-01-01T00:00:00.000Z {line}"));
        }
        journal
    }

    #[test]
    fn listeners_are_remembered_with_their_policies() {
        let journal = journal(&[
            "INFO  [fanout] listening addr=127.0.0.1:1235 slow=disconnect replay=0",
            "INFO  [fanout] listening addr=127.0.0.1:1236 slow=skip replay=0",
        ]);
        let addrs = [1235, 1236].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let expected = [("disconnect", addrs[0]), ("skip", addrs[1])];
        let expected = expected.map(|(policy, addr)| (policy.to_owned(), addr));
        assert_eq!(journal.listeners, expected);
    }

    #[test]
    fn lines_are_counted_by_what_they_are_about() {
        let journal = journal(&[
            "INFO  [fanout] client joined id=1 addr=127.0.0.1:5 clients=1",
            "INFO  [fanout] client left id=1 addr=127.0.0.1:5 reason=error error=\"timed out\" frames=1",
            "WARN  [fanout] client refused addr=127.0.0.1:5 reason=per-ip",
            "WARN  [fanout] client lines suppressed lines=9 joined=5 left=4 refused=0 accept=0",
            "WARN  [fanout] log lines lost lines=3 reason=\"standard error was not read\"",
            "WARN  [fanout] upstream lost addr=127.0.0.1:5 reason=\"end\" frames=1 discarded_bytes=0",
            "INFO  [fanout] drained clients=7 aborted=1",
            "INFO  [fanout] limits max_clients=5 descriptors=20",
        ]);
        let expected = Lines {
            joined: 1,
            left: 1,
            refused: 1,
            summaries: 1,
            joined_unsaid: 5,
            left_unsaid: 4,
            lost: 3,
            upstream: 1,
            other: 1,
        };
        assert_eq!(journal.lines, expected);
        assert_eq!(journal.drained, Some((7, 1)));
        assert_eq!(journal.failures.len(), 1);
        assert!(journal.alarming.is_empty());
    }

    #[test]
    fn a_panic_is_alarming_and_so_is_an_error() {
        let journal = journal(&[
            "thread 'main' panicked at src/main.rs:1:1:",
            "ERROR [fanout] poll failed",
        ]);
        assert_eq!(journal.alarming.len(), 2);
    }
}
