//! The verdict on a head: the same piece by piece, and borne out by what stands in the head.

use fanout::admin::head::{self, Verdict};
use fanout::admin::limits::HEAD_BYTES;
use fanout::admin::origin::Hosts;

/// The verdict on all bytes, to which that on the first of them comes and at which it stays.
pub(crate) fn of(bytes: &[u8], pieces: &[&[u8]], hosts: &Hosts) -> Verdict {
    let whole = head::read(bytes, hosts);
    let mut length = 0;
    let mut so_far = Verdict::Incomplete;
    for piece in pieces {
        length += piece.len();
        let verdict = head::read(&bytes[..length], hosts);
        if so_far != Verdict::Incomplete {
            assert_eq!(verdict, so_far, "further bytes change its mind");
        }
        so_far = verdict;
    }
    assert_eq!(so_far, whole, "in pieces and at once");
    whole
}

/// Panics when the head does not bear out the verdict.
pub(crate) fn check(verdict: &Verdict, bytes: &[u8]) {
    let is_full = bytes.len() >= HEAD_BYTES;
    let request = match verdict {
        Verdict::Incomplete => return assert!(!is_full, "it waits for more than a head can have"),
        Verdict::Refused(refusal) => return assert!(refusal.status.code() >= 400),
        Verdict::Complete(request) => request,
    };
    let head = naive_head(bytes).expect("a request ends in an empty line within its 8 KiB");
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    };
    assert!(request.path.starts_with('/') && !request.path.contains('?'));
    assert!(plain(&request.path) && plain(&request.query));
    assert!(
        head.starts_with("get ") || head.starts_with("head "),
        "{head}"
    );
    let lines = || head.lines().skip(1);
    let count = |name: &str| lines().filter(|line| line.starts_with(name)).count();
    assert!(count("transfer-encoding:") == 0, "{head}");
    let lengths = lines().filter_map(|line| line.strip_prefix("content-length:"));
    assert!(
        lengths.into_iter().all(|length| length.trim() == "0"),
        "{head}"
    );
    let hosts = count("host:");
    assert!(
        hosts == 1 || (hosts == 0 && head.contains(" http/1.0")),
        "{head}"
    );
    assert!(count("origin:") <= 1, "{head}");
    assert!(!head.contains('\0'), "{head}");
    assert!(
        !lines().any(|line| line.starts_with([' ', '\t'])),
        "folded: {head}"
    );
}

/// The head in lower case, up to the empty line that ends it, found without a parser.
fn naive_head(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
    let text: String = bytes
        .iter()
        .map(|byte| char::from(*byte).to_ascii_lowercase())
        .collect();
    let text = text.trim_start_matches(['\r', '\n']);
    let ends = ["\n\n", "\n\r\n"]
        .into_iter()
        .filter_map(|end| text.find(end));
    ends.min().map(|end| text[..end].to_owned())
}
