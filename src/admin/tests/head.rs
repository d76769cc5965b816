//! Heads: what is understood, what is refused and how, and that it does not matter how they come.

use super::verdicts::{assert_incomplete, code, lines, refused, understood};
use crate::admin::head::{Method, Request};
use crate::admin::limits::{HEAD_BYTES, HEADERS};

#[test]
fn a_scrape_is_understood() {
    let request = understood(lines(&[
        "GET /metrics?a=b?c HTTP/1.1",
        "Host: 127.0.0.1:9000",
        "User-Agent: Prometheus/3.5.0",
        "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "Accept-Encoding: gzip",
        "X-Prometheus-Scrape-Timeout-Seconds: 10",
    ]));
    let expected = Request {
        method: Method::Get,
        path: "/metrics".to_owned(),
        query: "a=b?c".to_owned(),
    };
    assert_eq!(request, expected);
}

#[test]
fn a_head_is_asked_for_as_such_and_a_path_stays_as_it_came() {
    let request = understood("HEAD //a/../%2e%zz HTTP/1.1\r\nhOST:localhost\r\n\r\n");
    assert_eq!(request.method, Method::Head);
    assert_eq!((&*request.path, &*request.query), ("//a/../%2e%zz", ""));
}

#[test]
fn lines_may_end_in_a_line_feed_alone_and_empty_ones_may_come_first() {
    let request = understood("\r\n\nGET / HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(request.path, "/");
}

#[test]
fn what_follows_a_head_is_not_looked_at() {
    let head = lines(&["GET /a HTTP/1.1", "Host: localhost"]);
    for junk in [
        "GET /b HTTP/1.1\r\n",
        "\0\u{7f}",
        &"x".repeat(2 * HEAD_BYTES),
    ] {
        assert_eq!(understood(format!("{head}{junk}")).path, "/a");
    }
}

#[test]
fn a_head_that_goes_on_is_incomplete() {
    for head in [
        "",
        "\r\n",
        "G",
        "POST / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r",
    ] {
        assert_incomplete(head);
    }
}

#[test]
fn a_head_may_have_8_kib_and_not_a_byte_more() {
    let with_length = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: localhost\r\nPadding: ";
        let padding = "x".repeat(length - start.len() - 4);
        format!("{start}{padding}\r\n\r\n")
    };
    let longest = with_length(HEAD_BYTES);
    assert_eq!(longest.len(), 8192);
    assert_eq!(understood(&longest).path, "/");
    assert_incomplete(&longest[..8191]);
    assert_eq!(code(with_length(HEAD_BYTES + 1)), 431);
    assert_eq!(code(format!("GET /{}", "x".repeat(HEAD_BYTES))), 431);
    assert_eq!(code("\r\n".repeat(HEAD_BYTES / 2)), 431);
    // It might become HTTP/2.0.
    let edge = format!("GET /{} HTTP/2", "x".repeat(HEAD_BYTES - 12));
    assert_eq!((edge.len(), code(&edge)), (HEAD_BYTES, 431));
}

#[test]
fn a_head_may_have_64_header_lines_and_not_one_more() {
    let with_headers = |count: usize| {
        let others = "a: b\r\n".repeat(count - 1);
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{others}\r\n")
    };
    assert_eq!(understood(with_headers(HEADERS)).path, "/");
    assert_eq!(code(with_headers(HEADERS + 1)), 431);
}

#[test]
fn other_methods_are_not_allowed() {
    for method in ["POST", "PUT", "OPTIONS", "TRACE", "get", "Head", "GETT"] {
        let head = lines(&[&format!("{method} / HTTP/1.1"), "Host: localhost"]);
        assert_eq!(code(head), 405, "{method}");
    }
    assert_eq!(code("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405);
    assert_eq!(code("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 405);
}

#[test]
fn a_body_is_refused_however_it_is_announced() {
    let with = |header: &str| lines(&["GET / HTTP/1.1", "Host: localhost", header]);
    for header in [
        "Content-Length: 1",
        "content-length: 0x0",
        "Content-Length:",
        "Content-Length: -0",
        "Content-Length: 0, 0",
        "Content-Length: 0\r\nContent-Length: 5",
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING: identity",
        "Transfer-Encoding:",
        "Expect: 100-continue",
    ] {
        assert_eq!(code(with(header)), 400, "{header}");
    }
    assert_eq!(understood(with("Content-Length: 0")).path, "/");
    let old = "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(understood(old).path, "/");
}

#[test]
fn what_is_not_http_is_refused_as_soon_as_it_shows() {
    let heads: [&[u8]; 17] = [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\0",
        b" GET / HTTP/1.1",
        b"GET /\r\n",
        b"GET  / HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b"GET / http/1.1\r\n",
        b"GET / HTTP/1.1\rHost: localhost\r\n",
        b"GET /\0 HTTP/1.1\r\n",
        b"GET /\xff HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: local\0host\r\n",
        b"GET / HTTP/1.1\r\nHo\0st: localhost\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n",
        b"GET / HTTP/1.1\r\n Host: localhost\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\tfolded\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n",
    ];
    for head in heads {
        assert_eq!(code(head), 400, "{}", String::from_utf8_lossy(head));
    }
}

#[test]
fn other_versions_are_told_apart_from_what_is_no_version() {
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0"] {
        assert_eq!(code(format!("GET / {version}\r\n")), 505, "{version}");
        assert_eq!(code(format!("\n\r\nGET / {version}")), 505, "{version}");
    }
    assert_eq!(code("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    for version in ["HTTP/2", "HTTP/x", "HTTP/11.1", "HTTQ/1.1", "1.1"] {
        assert_eq!(code(format!("GET / {version}\r\n")), 400, "{version}");
    }
    assert_incomplete("GET / HTTP/2");
}

#[test]
fn a_head_is_refused_without_a_body() {
    let method = |head: &str| refused(head).method;
    assert_eq!(method("HEAD / HTTP/1.1\r\n\r\n"), Method::Head);
    assert_eq!(method("HEAD / HTTP/2.0\r\n"), Method::Head);
    assert_eq!(method("HEAD / HTTP/1.1\r\n\0"), Method::Head);
    assert_eq!(
        method(&format!("HEAD /{}", "x".repeat(HEAD_BYTES))),
        Method::Head
    );
    assert_eq!(method("GET / HTTP/1.1\r\n\r\n"), Method::Get);
    assert_eq!(method("POST / HTTP/1.1\r\n\r\n"), Method::Get);
}
