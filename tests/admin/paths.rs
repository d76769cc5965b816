//! What is at each path, in which type and under which headers.

use crate::http::{ask, get, request};
use crate::watched::Watched;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const PATHS: [(&str, &str); 7] = [
    ("/", "text/html; charset=utf-8"),
    ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ("/status.json", JSON),
    ("/clients.json", JSON),
    ("/departed.json", JSON),
    ("/healthz", TEXT),
    ("/readyz", TEXT),
];

#[test]
fn each_path_is_answered_in_its_type_and_kept_by_nobody() {
    let mut watched = Watched::set("");
    watched.scene.feed.send(1);
    watched.wait_for("fanout_upstream_frames_total", 1);
    for (path, content_type) in PATHS {
        let answer = watched.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.head.starts_with("HTTP/1.1 200 OK\r\n"),
            "{}",
            answer.head
        );
        assert_eq!(answer.header("Content-Type"), Some(content_type), "{path}");
        assert_eq!(answer.header("Connection"), Some("close"), "{path}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("X-Content-Type-Options"),
            Some("nosniff"),
            "{path}"
        );
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("Content-Length"), Some(&*length), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        if content_type == JSON {
            assert!(answer.json().is_object(), "{path}");
        }
    }
    assert_eq!(watched.get("/healthz").body, "ok\n");
    assert_eq!(watched.get("/readyz").body, "ready\n");
    // What stands behind a question mark is for the path alone to understand.
    assert_eq!(watched.get("/healthz?verbose=1").status, 200);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let watched = Watched::set("");
    let page = watched.get("/");
    let policy = page.header("Content-Security-Policy");
    let policy = policy.expect("the page says what it may load");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("connect-src 'self'"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    for elsewhere in [
        "src=\"http",
        "href=\"http",
        "url(http",
        "src=\"//",
        "@import",
    ] {
        assert!(!page.body.contains(elsewhere), "{elsewhere}");
    }
    assert!(page.body.starts_with("<!"), "{}", &page.body[..20]);
}

#[test]
fn head_is_answered_as_get_is_without_a_body() {
    let watched = Watched::set("");
    for (path, _) in PATHS
        .into_iter()
        .chain([("/nothing", TEXT), ("/clients.json?limit=0", TEXT)])
    {
        let answer = watched.get(path);
        let head = ask(watched.admin, request("HEAD", path));
        assert_eq!(head.body, "", "{path}");
        // The length differs where numbers have grown meanwhile.
        let without_length = |head: &str| {
            let lines = head
                .lines()
                .filter(|line| !line.starts_with("Content-Length: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            without_length(&head.head),
            without_length(&answer.head),
            "{path}"
        );
        let length = head.header("Content-Length").expect("also without a body");
        assert!(
            length.parse::<u64>().is_ok_and(|length| length > 0),
            "{path}: {length}"
        );
        if !matches!(path, "/metrics" | "/status.json" | "/readyz") {
            assert_eq!(head.head, answer.head, "{path}");
        }
    }
}

#[test]
fn there_are_no_other_paths() {
    let watched = Watched::set("");
    for path in [
        "/metric",
        "/metrics/",
        "//",
        "//metrics",
        "/Metrics",
        "/%6detrics",
        "/status",
        "/favicon.ico",
        "/../etc/passwd",
        "/debug/pprof",
        "/clients.json/1",
        "/healthz/..",
        "/*",
    ] {
        let answer = get(watched.admin, path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("Content-Type"), Some(TEXT), "{path}");
        assert!(
            answer.body.starts_with("404 ") && answer.body.lines().count() == 1,
            "{path}: {}",
            answer.body
        );
    }
}

#[test]
fn every_method_but_get_and_head_is_told_what_is_allowed() {
    let watched = Watched::set("");
    for method in [
        "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "Head", "PRI", "GETS",
    ] {
        for path in ["/metrics", "/nothing"] {
            let answer = ask(watched.admin, request(method, path));
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("Allow"), Some("GET, HEAD"), "{method} {path}");
        }
    }
}
