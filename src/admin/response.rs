//! A response: status, headers and body become bytes.
//!
//! Layer: admin. Owns the promise that what is said is framed (a length, then the end of the
//! connection), is not kept by caches and is not taken for another type than it says. Nothing that
//! the other side sent becomes a header: names and values are those of the program. Knows nothing
//! of what is said, nor of sockets.
//!
//! There is no `Date`: this room has no clock, and a server without one does not send it (RFC 9110,
//! 6.6.1).

use super::head::{Method, Refusal};

/// What is answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The outcome.
    pub status: Status,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body, also of the answer to a HEAD, which does not send it but says its length.
    pub body: Vec<u8>,
    /// Further headers: names and values.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Response {
    /// 200 with a body of this media type.
    #[must_use]
    pub fn ok(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: Status::Ok,
            content_type,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// One line of plain text; its end is added.
    #[must_use]
    pub fn text(status: Status, line: &str) -> Self {
        let mut response = Self::ok("text/plain; charset=utf-8", format!("{line}\n"));
        response.status = status;
        response
    }

    /// 200 with JSON, which is UTF-8 by definition (RFC 8259, 8.1).
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::ok("application/json", body)
    }

    /// 200 with a page that is whole in itself: it can load and send nothing but requests to this
    /// endpoint.
    #[must_use]
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        let mut response = Self::ok("text/html; charset=utf-8", body);
        response
            .headers
            .push(("Content-Security-Policy", PAGE_POLICY));
        response
    }

    /// A refusal: status, its phrase, and the reason in words, in one line.
    #[must_use]
    pub fn refusal(status: Status, why: &str) -> Self {
        let line = format!("{} {}: {why}", status.code(), status.phrase());
        let mut response = Self::text(status, &line);
        if status == Status::MethodNotAllowed {
            // RFC 9110, 15.5.6: it has to say what is allowed.
            response.headers.push(("Allow", "GET, HEAD"));
        }
        response
    }

    /// What goes over the wire. The answer to a HEAD is that to a GET without its body (RFC 9110,
    /// 9.3.2).
    #[must_use]
    pub fn into_bytes(self, method: Method) -> Vec<u8> {
        // Always 1.1, the highest version that is understood, also where 1.0 was asked in (RFC
        // 9110, 6.2).
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            self.status.code(),
            self.status.phrase(),
            self.content_type,
            self.body.len(),
        );
        for (name, value) in ALWAYS.iter().chain(&self.headers) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if method == Method::Get {
            bytes.extend(self.body);
        }
        bytes
    }
}

impl From<&Refusal> for Response {
    fn from(refusal: &Refusal) -> Self {
        Self::refusal(refusal.status, refusal.why)
    }
}

/// The statuses that the endpoint knows (RFC 9110, 15; 431 is in RFC 6585, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// 200: here it is.
    Ok,
    /// 400: not HTTP, or not what is understood here.
    BadRequest,
    /// 403: asked in the name of a foreign host or page.
    Forbidden,
    /// 404: there is no such path.
    NotFound,
    /// 405: neither GET nor HEAD.
    MethodNotAllowed,
    /// 408: the head did not come in time.
    RequestTimeout,
    /// 431: the head is too long, or has too many lines.
    HeadTooLarge,
    /// 503: it works and is not ready.
    ServiceUnavailable,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    VersionNotSupported,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::BadRequest,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::HeadTooLarge,
        Self::ServiceUnavailable,
        Self::VersionNotSupported,
    ];

    /// Three digits.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::HeadTooLarge => 431,
            Self::ServiceUnavailable => 503,
            Self::VersionNotSupported => 505,
        }
    }

    /// The words that follow the code.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::BadRequest => "Bad Request",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::HeadTooLarge => "Request Header Fields Too Large",
            Self::ServiceUnavailable => "Service Unavailable",
            Self::VersionNotSupported => "HTTP Version Not Supported",
        }
    }
}

/// What every answer says: the connection ends with it, it is of this moment, and its type is not
/// to be guessed.
const ALWAYS: [(&str, &str); 3] = [
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
];

/// What the status page may do. Styles and scripts are in the page itself; it fetches from this
/// endpoint alone, and nobody shows it in a frame of theirs.
const PAGE_POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn said(response: Response, method: Method) -> String {
        String::from_utf8(response.into_bytes(method)).unwrap()
    }

    #[test]
    fn an_answer_is_framed_closes_and_is_neither_kept_nor_guessed_at() {
        let expected = "HTTP/1.1 200 OK\r\n\
            Content-Type: application/json\r\n\
            Content-Length: 7\r\n\
            Connection: close\r\n\
            Cache-Control: no-store\r\n\
            X-Content-Type-Options: nosniff\r\n\
            \r\n\
            {\"a\":1}";
        assert_eq!(said(Response::json("{\"a\":1}"), Method::Get), expected);
    }

    #[test]
    fn the_answer_to_a_head_is_that_to_a_get_without_its_body() {
        for response in [
            Response::json("[1]"),
            Response::html("<p>é</p>"),
            Response::refusal(Status::NotFound, "no such path"),
        ] {
            let whole = said(response.clone(), Method::Get);
            let head = said(response.clone(), Method::Head);
            assert!(head.ends_with("\r\n\r\n"), "{head}");
            let body = String::from_utf8(response.body).unwrap();
            assert_eq!(head.clone() + &body, whole);
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        }
    }

    #[test]
    fn a_refusal_is_one_line_of_plain_text_with_its_reason() {
        let response = Response::refusal(Status::Forbidden, "foreign host");
        assert_eq!(response.content_type, "text/plain; charset=utf-8");
        assert_eq!(response.body, b"403 Forbidden: foreign host\n");
        assert_eq!(response.headers, []);
    }

    #[test]
    fn a_method_that_is_not_allowed_is_told_which_are() {
        let told = Response::refusal(Status::MethodNotAllowed, "x");
        let told = said(told, Method::Get);
        assert!(told.contains("\r\nAllow: GET, HEAD\r\n"), "{told}");
    }

    #[test]
    fn a_page_may_fetch_from_here_and_do_nothing_else() {
        let told = said(Response::html("<p>"), Method::Get);
        let policy = "\r\nContent-Security-Policy: default-src 'none'; connect-src 'self'; \
            img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
        assert!(told.contains(policy), "{told}");
        assert!(told.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"));
    }

    #[test]
    fn each_status_has_a_code_and_a_phrase_of_its_own() {
        let codes: BTreeSet<_> = Status::ALL.iter().map(|status| status.code()).collect();
        let codes: Vec<_> = codes.into_iter().collect();
        assert_eq!(codes, [200, 400, 403, 404, 405, 408, 431, 503, 505]);
        let phrases: BTreeSet<_> = Status::ALL.iter().map(|status| status.phrase()).collect();
        assert_eq!(phrases.len(), Status::ALL.len());
        let is_plain = |letter: char| letter.is_ascii_alphabetic() || letter == ' ';
        assert!(phrases.iter().all(|phrase| phrase.chars().all(is_plain)));
    }
}
