//! Heads that name hosts, origins and targets: in whose name is asked, and for what.

use super::verdicts::{code, lines, understood};

#[test]
fn http_1_1_names_one_host_and_http_1_0_at_most_one() {
    assert_eq!(code("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(understood("GET / HTTP/1.0\r\n\r\n").path, "/");
    for version in ["1.0", "1.1"] {
        let head = format!("GET / HTTP/{version}\r\nHost: localhost\r\nhost: localhost\r\n\r\n");
        assert_eq!(code(head), 400);
    }
    for host in ["", "a b", "::1", "a:b", "user@localhost", "h\u{e9}te"] {
        let head = lines(&["GET / HTTP/1.1", &format!("Host: {host}")]);
        assert_eq!(code(head), 400, "{host}");
    }
}

#[test]
fn a_foreign_host_is_refused() {
    let asking = |host: &str| lines(&["GET / HTTP/1.1", &format!("Host: {host}")]);
    assert_eq!(code(asking("evil.example:9000")), 403);
    assert_eq!(code("GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n"), 403);
    for host in [
        "LOCALHOST.:9000",
        "192.0.2.1",
        "[::1]:9000",
        "Relay.Example",
    ] {
        assert_eq!(understood(asking(host)).path, "/", "{host}");
    }
}

#[test]
fn a_foreign_origin_is_refused() {
    let asking = |origins: &str| format!("GET / HTTP/1.1\r\nHost: localhost:9\r\n{origins}\r\n");
    let own = "Origin: http://localhost:9\r\n";
    assert_eq!(understood(asking(own)).path, "/");
    for origins in [
        "Origin: null\r\n",
        "Origin:\r\n",
        "ORIGIN: http://evil.example\r\n",
        "Origin: http://localhost\r\n",
        &own.repeat(2),
        &format!("{own}Origin: http://evil.example\r\n"),
    ] {
        assert_eq!(code(asking(origins)), 403, "{origins}");
    }
    let without_host = "GET / HTTP/1.0\r\nOrigin: http://localhost\r\n\r\n";
    assert_eq!(code(without_host), 403);
}

#[test]
fn the_authority_of_an_absolute_target_counts_as_the_host() {
    let asking = |target: &str, host: &str| {
        lines(&[&format!("GET {target} HTTP/1.1"), &format!("Host: {host}")])
    };
    let request = understood(asking("HTTP://localhost:9/a?b=/c", "evil.example"));
    assert_eq!((&*request.path, &*request.query), ("/a", "b=/c"));
    assert_eq!(code(asking("http://evil.example/", "localhost")), 403);
    let request = understood(asking("http://localhost", "localhost"));
    assert_eq!((&*request.path, &*request.query), ("/", ""));
    let request = understood(asking("http://localhost?a", "localhost"));
    assert_eq!((&*request.path, &*request.query), ("/", "a"));
    let own = "Origin: http://localhost:9";
    let head = |origin| lines(&["GET http://localhost:9/ HTTP/1.1", "Host: x", origin]);
    assert_eq!(understood(head(own)).path, "/");
    assert_eq!(code(head("Origin: http://x")), 403);
    assert_eq!(code("GET http://localhost/ HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(
        understood("GET http://localhost/ HTTP/1.0\r\n\r\n").path,
        "/"
    );
}

#[test]
fn a_target_of_another_form_is_malformed() {
    for target in [
        "*",
        "localhost:80",
        "metrics",
        "?a",
        "https://localhost/",
        "ftp://localhost/",
        "http://",
        "http:///a",
        "http://user@localhost/",
        "http://[::1/",
        "/a#b",
        "/\u{e9}",
    ] {
        let head = lines(&[&format!("GET {target} HTTP/1.1"), "Host: localhost"]);
        assert_eq!(code(head), 400, "{target}");
    }
}
