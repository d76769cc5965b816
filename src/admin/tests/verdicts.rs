//! Verdicts on heads, each looked for byte by byte as well.

use crate::admin::head::{Refusal, Request, Verdict, read};
use crate::admin::origin::Hosts;

/// A head of these lines.
pub(super) fn lines(lines: &[&str]) -> String {
    lines.join("\r\n") + "\r\n\r\n"
}

fn hosts() -> Hosts {
    Hosts::new(["relay.example"])
}

/// The verdict on a head, which is the same however it is cut.
#[track_caller]
fn verdict(head: impl AsRef<[u8]>) -> Verdict {
    let head = head.as_ref();
    let whole = read(head, &hosts());
    let first = (0..=head.len()).map(|length| read(&head[..length], &hosts()));
    let mut first = first.skip_while(|verdict| *verdict == Verdict::Incomplete);
    let first_in_words = first.next().unwrap_or(Verdict::Incomplete);
    assert_eq!(first_in_words, whole, "byte by byte and all at once");
    assert!(first.all(|verdict| verdict == whole), "it changes its mind");
    whole
}

#[track_caller]
pub(super) fn understood(head: impl AsRef<[u8]>) -> Request {
    match verdict(head.as_ref()) {
        Verdict::Complete(request) => request,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(head.as_ref())),
    }
}

#[track_caller]
pub(super) fn refused(head: impl AsRef<[u8]>) -> Refusal {
    match verdict(head.as_ref()) {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(head.as_ref())),
    }
}

/// The code that a head is refused with.
#[track_caller]
pub(super) fn code(head: impl AsRef<[u8]>) -> u16 {
    refused(head).status.code()
}

#[track_caller]
pub(super) fn assert_incomplete(head: impl AsRef<[u8]>) {
    assert_eq!(verdict(head), Verdict::Incomplete);
}
