//! The head of a request: bytes become a request, or the refusal that answers them.
//!
//! Layer: admin. Owns what is understood of HTTP/1.0 and HTTP/1.1: GET and HEAD without a body, one
//! request per connection. The verdict depends on the bytes alone: however they were cut on their
//! way, it is the same, and once there is one, further bytes do not change it. Knows nothing of
//! sockets, nor of what there is to be asked for.
//!
//! The lines are httparse's business. As RFC 9112 has it, a line may end in LF alone (2.2), empty
//! lines before the first are passed over (2.2), a CR without LF is refused (2.2), and so are
//! folded lines (5.2), blanks before a colon (5.1) and before the first header (2.2).

use super::limits::{HEAD_BYTES, HEADERS};
use super::origin::{Authority, Hosts, without_prefix};
use super::response::Status;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// With the body, or without.
    pub method: Method,
    /// As it came: begins with a slash, and is not decoded.
    pub path: String,
    /// What follows the question mark, as it came; empty without one.
    pub query: String,
}

/// The methods that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Head and body are wanted.
    Get,
    /// The head alone is wanted.
    Head,
}

/// What has been learnt from the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More bytes are needed. Never said of [`HEAD_BYTES`] and more.
    Incomplete,
    /// The head is there. What follows it is not looked at.
    Complete(Request),
    /// It will not be answered otherwise, whatever follows.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status that says so.
    pub status: Status,
    /// In words.
    pub why: &'static str,
    /// How it is answered: a HEAD is refused without a body, everything else as a GET is.
    pub method: Method,
}

/// Judges the bytes that have come so far, from the first on. Of more than [`HEAD_BYTES`] the rest
/// is not looked at.
#[must_use]
pub fn read(bytes: &[u8], hosts: &Hosts) -> Verdict {
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let judgement = match head.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => judge(&head, hosts).map(Some),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            Err((Status::HeadTooLarge, "too many header lines"))
        }
        Err(httparse::Error::Version) => judge_version(bytes).map(|()| None),
        Err(_) => Err(NOT_HTTP),
    };
    match judgement {
        Ok(Some(request)) => Verdict::Complete(request),
        Ok(None) if bytes.len() < HEAD_BYTES => Verdict::Incomplete,
        // The target may be what is long: RFC 9112 (3) has a status for that, the contract has one
        // for both.
        Ok(None) => refused((Status::HeadTooLarge, "the head is too long"), &head),
        Err(why) => refused(why, &head),
    }
}

type Why = (Status, &'static str);

const NOT_HTTP: Why = (Status::BadRequest, "this is not an HTTP request");

fn refused((status, why): Why, head: &httparse::Request<'_, '_>) -> Verdict {
    let method = method_of(head).unwrap_or(Method::Get);
    Verdict::Refused(Refusal {
        status,
        why,
        method,
    })
}

/// Methods are told apart by case (RFC 9110, 9.1).
fn method_of(head: &httparse::Request<'_, '_>) -> Option<Method> {
    match head.method? {
        "GET" => Some(Method::Get),
        "HEAD" => Some(Method::Head),
        _ => None,
    }
}

/// A version that httparse does not know: another one of HTTP, none at all, or too few bytes to
/// tell the one from the other.
fn judge_version(bytes: &[u8]) -> Result<(), Why> {
    // Method and target, which it did know, are followed by one blank each; empty lines before them
    // have none.
    let version = bytes.splitn(3, |byte| *byte == b' ').nth(2);
    let version = version.unwrap_or_default();
    // RFC 9112, 2.3: a digit, a dot, a digit.
    let pattern = b"HTTP/0.0";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        letter => byte == letter,
    };
    if !version.iter().zip(pattern).all(fits) {
        Err(NOT_HTTP)
    } else if version.len() < pattern.len() {
        Ok(())
    } else {
        Err((
            Status::VersionNotSupported,
            "this is HTTP/1.0 and HTTP/1.1 only",
        ))
    }
}

/// Judges a head that is complete and well-formed.
fn judge(head: &httparse::Request<'_, '_>, hosts: &Hosts) -> Result<Request, Why> {
    let method = method_of(head).ok_or((Status::MethodNotAllowed, "only GET and HEAD"))?;
    refuse_body(head)?;
    let target = head.path.and_then(Target::parse);
    let target = target.ok_or((Status::BadRequest, "malformed target"))?;
    let named = host_of(head)?;
    // RFC 9112, 3.2.2: the authority in the target counts, and not the one in Host.
    let authority = target.authority.or(named);
    refuse_foreigners(head, authority.as_ref(), hosts)?;
    Ok(Request {
        method,
        path: target.path.to_owned(),
        query: target.query.to_owned(),
    })
}

/// Nothing that can be asked for here takes a body.
fn refuse_body(head: &httparse::Request<'_, '_>) -> Result<(), Why> {
    // RFC 9112, 6.3: these two are how a request says that it has one.
    if values(head, "Transfer-Encoding").next().is_some() {
        return Err((Status::BadRequest, "no Transfer-Encoding is understood"));
    }
    if values(head, "Content-Length").any(|length| length != b"0") {
        return Err((Status::BadRequest, "a request has no body here"));
    }
    // RFC 9110, 10.1.1: it announces a body, and means nothing in HTTP/1.0.
    if head.version != Some(0) && values(head, "Expect").next().is_some() {
        return Err((Status::BadRequest, "a request has no body here"));
    }
    Ok(())
}

/// One `Host`, well-formed (RFC 9112, 3.2); HTTP/1.0 knew none.
fn host_of(head: &httparse::Request<'_, '_>) -> Result<Option<Authority>, Why> {
    let mut hosts = values(head, "Host");
    let Some(host) = hosts.next() else {
        return if head.version == Some(0) {
            Ok(None)
        } else {
            Err((Status::BadRequest, "Host is missing"))
        };
    };
    if hosts.next().is_some() {
        return Err((Status::BadRequest, "more than one Host"));
    }
    let host = std::str::from_utf8(host).ok().and_then(Authority::parse);
    host.map(Some).ok_or((Status::BadRequest, "malformed Host"))
}

/// Keeps the guard of `origin.rs`. Who names no host at all is no browser, unless there is an
/// `Origin`, which nothing can be compared with then.
fn refuse_foreigners(
    head: &httparse::Request<'_, '_>,
    authority: Option<&Authority>,
    hosts: &Hosts,
) -> Result<(), Why> {
    if authority.is_some_and(|authority| !hosts.admits(authority)) {
        return Err((
            Status::Forbidden,
            "Host is neither localhost nor an address nor a name given with --admin-host",
        ));
    }
    let mut origins = values(head, "Origin");
    let Some(origin) = origins.next() else {
        return Ok(());
    };
    let is_ours = authority.is_some_and(|authority| authority.is_origin(origin));
    if is_ours && origins.next().is_none() {
        Ok(())
    } else {
        Err((Status::Forbidden, "asked by a page of another origin"))
    }
}

/// The values of all headers of this name, in which case does not count (RFC 9110, 5.1).
fn values<'a>(
    head: &'a httparse::Request<'_, '_>,
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let is_named = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
    let named = head.headers.iter().filter(is_named);
    named.map(|header| header.value)
}

/// What stands between method and version.
struct Target<'a> {
    authority: Option<Authority>,
    path: &'a str,
    query: &'a str,
}

impl<'a> Target<'a> {
    /// In origin-form or absolute-form (RFC 9112, 3.2.1 and 3.2.2); the other two forms belong to
    /// other methods. A fragment is not sent, and letters beyond ASCII would have been encoded
    /// (RFC 3986, 3.5 and 2.1).
    fn parse(target: &'a str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !target.bytes().all(is_allowed) {
            return None;
        }
        let (authority, rest) = if target.starts_with('/') {
            (None, target)
        } else {
            let rest = without_prefix(target, "http://")?;
            let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (Some(Authority::parse(authority)?), rest)
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // RFC 9110, 4.2.3: an empty path is the root.
        let path = if path.is_empty() { "/" } else { path };
        Some(Self {
            authority,
            path,
            query,
        })
    }
}
