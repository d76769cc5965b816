//! What is refused, and what is not, of all that can be sent as a request.

use crate::http::{Visitor, ask, request};
use crate::watched::Watched;

/// The status of the answer to a head with these lines.
#[track_caller]
fn status_of(watched: &Watched, lines: &[&str]) -> u16 {
    let head = lines.join("\r\n") + "\r\n\r\n";
    let answer = ask(watched.admin, &head);
    if answer.status != 200 {
        let line = format!("{} ", answer.status);
        assert!(
            answer.body.starts_with(&line) && answer.body.lines().count() == 1,
            "{head:?}: {answer:?}"
        );
    }
    answer.status
}

const GET: &str = "GET /healthz HTTP/1.1";

#[test]
fn a_body_is_refused_however_it_is_announced() {
    let watched = Watched::set("");
    for (header, status) in [
        ("Content-Length: 1", 400),
        ("content-length: 5000000000", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: x", 400),
        ("Content-Length: 0", 200),
        ("Transfer-Encoding: chunked", 400),
        ("transfer-encoding: identity", 400),
        ("Transfer-Encoding:", 400),
        ("Expect: 100-continue", 400),
    ] {
        let lines = [GET, "Host: localhost", header];
        assert_eq!(status_of(&watched, &lines), status, "{header}");
    }
    let both = [
        GET,
        "Host: localhost",
        "Content-Length: 0",
        "Content-Length: 7",
    ];
    assert_eq!(status_of(&watched, &both), 400);
    // The body that comes with it costs nobody the answer.
    let mut visitor = Visitor::connect(watched.admin);
    visitor.send("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4096\r\n\r\n");
    visitor.send(vec![b'x'; 4096]);
    assert_eq!(visitor.answer().status, 400);
}

#[test]
fn one_host_is_named_and_it_is_this_one() {
    let watched = Watched::set("--admin-host relay.example --admin-host Other.Example");
    let port = watched.admin.port();
    let own = format!("127.0.0.1:{port}");
    for (host, status) in [
        ("localhost", 200),
        ("LOCALHOST.:9", 200),
        (&*own, 200),
        ("192.0.2.1", 200),
        ("[::1]:80", 200),
        ("relay.example", 200),
        ("relay.example:9100", 200),
        ("other.example", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("relay.example.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 400),
        ("localhost:port", 400),
        ("user@localhost", 400),
        ("localhost/", 400),
        ("local host", 400),
        ("[::1", 400),
    ] {
        let line = format!("Host: {host}");
        assert_eq!(status_of(&watched, &[GET, &line]), status, "{host:?}");
    }
    let two = [GET, "Host: localhost", "Host: localhost"];
    assert_eq!(status_of(&watched, &two), 400);
    assert_eq!(status_of(&watched, &[GET, "Accept: */*"]), 400);
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let watched = Watched::set("--admin-host relay.example");
    for (host, origin, status) in [
        ("localhost:9000", "http://localhost:9000", 200),
        ("relay.example", "https://relay.example", 200),
        ("127.0.0.1:9000", "http://127.0.0.1:9000", 200),
        ("localhost:9000", "null", 403),
        ("localhost:9000", "", 403),
        ("localhost:9000", "http://evil.example", 403),
        ("localhost:9000", "http://localhost:9001", 403),
        ("localhost:9000", "http://127.0.0.1:9000", 403),
        ("localhost:9000", "http://localhost:9000.evil.example", 403),
    ] {
        let (host, header) = (format!("Host: {host}"), format!("Origin: {origin}"));
        let given = status_of(&watched, &[GET, &host, &header]);
        assert_eq!(given, status, "{host} {header}");
    }
    let two = [
        GET,
        "Host: localhost",
        "Origin: http://localhost",
        "Origin: http://evil.example",
    ];
    assert_eq!(status_of(&watched, &two), 403);
}

#[test]
fn the_host_of_an_absolute_target_counts() {
    let watched = Watched::set("");
    for (target, host, status) in [
        ("http://localhost/healthz", "localhost", 200),
        ("HTTP://127.0.0.1:9000/healthz", "localhost", 200),
        ("http://localhost/healthz", "evil.example", 200),
        ("http://evil.example/healthz", "localhost", 403),
        ("https://localhost/healthz", "localhost", 400),
        ("http:///healthz", "localhost", 400),
        ("localhost:80", "localhost", 400),
        ("*", "localhost", 400),
        ("/healthz#part", "localhost", 400),
    ] {
        let lines = [format!("GET {target} HTTP/1.1"), format!("Host: {host}")];
        let lines = lines.each_ref().map(String::as_str);
        assert_eq!(status_of(&watched, &lines), status, "{lines:?}");
    }
}

#[test]
fn who_speaks_http_1_0_needs_no_host() {
    let watched = Watched::set("");
    assert_eq!(status_of(&watched, &["GET /healthz HTTP/1.0"]), 200);
    let kept = ["GET /healthz HTTP/1.0", "Connection: keep-alive"];
    assert_eq!(status_of(&watched, &kept), 200);
    let foreign = ["GET /healthz HTTP/1.0", "Host: evil.example"];
    assert_eq!(status_of(&watched, &foreign), 403);
    let page = ["GET /healthz HTTP/1.0", "Origin: http://localhost"];
    assert_eq!(status_of(&watched, &page), 403);
}

#[test]
fn what_is_not_http_of_a_known_version_is_refused() {
    let watched = Watched::set("");
    for (bytes, status) in [
        ("GET /healthz HTTP/2.0\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET /healthz\r\n", 400),
        ("GET  /healthz HTTP/1.1\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", 400),
        ("SSH-2.0-OpenSSH_9.2\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
            400,
        ),
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: \0\r\n\r\n",
            400,
        ),
        ("GET /healthz HTTP/1.1\nHost: localhost\n\n", 200),
        (
            "\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            200,
        ),
    ] {
        assert_eq!(ask(watched.admin, bytes).status, status, "{bytes:?}");
    }
}

#[test]
fn a_head_has_eight_kibibytes_and_no_more() {
    let watched = Watched::set("");
    let head = |length: usize| {
        let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: ";
        let end = "\r\n\r\n";
        let filler = "c".repeat(length - start.len() - end.len());
        format!("{start}{filler}{end}")
    };
    assert_eq!(ask(watched.admin, head(8 * 1024)).status, 200);
    assert_eq!(ask(watched.admin, head(8 * 1024 + 1)).status, 431);
    // Nobody waits for the end of what is too long already.
    let endless = &head(20_000)[..8 * 1024];
    assert_eq!(ask(watched.admin, endless).status, 431);
    let long_target = request("GET", &format!("/{}", "a".repeat(8 * 1024)));
    assert_eq!(ask(watched.admin, long_target).status, 431);
    let lines = "A: b\r\n".repeat(100);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
    assert_eq!(ask(watched.admin, many).status, 431);
}
