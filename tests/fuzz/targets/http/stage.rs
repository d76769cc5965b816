//! A connection from accept to its end: it is answered as the verdict says, and ends whatever comes.

use std::time::Duration;

use fanout::admin::connections::Connections;
use fanout::admin::head::{Method, Verdict};
use fanout::admin::limits::CONNECTION_TIMEOUT;
use fanout::admin::origin::Hosts;
use fanout::admin::response::Response;

use crate::kernel::Socket;

/// More turns than the longest input takes when each of its bytes is a piece and half of the calls come to nothing.
const TURNS: usize = 100_000;

pub(crate) fn play(verdict: &Verdict, pieces: &[&[u8]], seed: u8, hosts: Hosts) {
    let ends = seed.is_multiple_of(2);
    let mut connections = Connections::new(hosts);
    let seated = connections.seat(Socket::new(pieces, ends, seed), Duration::ZERO);
    let slot = seated.unwrap_or_else(|_| panic!("nobody else is there"));
    let mut asked = 0;
    let mut parts = Vec::new();
    for _ in 0..TURNS {
        connections.note(slot, true, true);
        // Without an end of its own it is left to time: everything that comes has come by then.
        let is_quiet = asked_and_answered(&mut connections, &mut asked, Duration::ZERO);
        parts.extend(connections.reap());
        if is_quiet || !parts.is_empty() {
            break;
        }
    }
    connections.advance(CONNECTION_TIMEOUT);
    parts.extend(connections.reap());
    assert!(connections.is_empty(), "it goes on for ever");
    assert_eq!(asked, usize::from(matches!(verdict, Verdict::Complete(_))));
    let (socket, _) = parts.pop().expect("it has ended");
    check_answer(verdict, &socket.taken, ends);
}

/// One turn. Says whether nothing is left to be done but to wait.
fn asked_and_answered(
    connections: &mut Connections<Socket>,
    asked: &mut usize,
    now: Duration,
) -> bool {
    connections.advance(now);
    while let Some((slot, _)) = connections.next_asked(|_| true) {
        *asked += 1;
        connections.answer(slot, Response::json("[1]"), now);
    }
    let is_answered = connections.next_to_shut_down().is_some();
    is_answered && !connections.has_work()
}

fn check_answer(verdict: &Verdict, taken: &[u8], ends: bool) {
    let expected = match verdict {
        Verdict::Complete(request) => Response::json("[1]").into_bytes(request.method),
        Verdict::Refused(refusal) => Response::from(refusal).into_bytes(refusal.method),
        Verdict::Incomplete if ends => Vec::new(),
        // As much of it as is taken at once.
        Verdict::Incomplete => {
            let heard = String::from_utf8_lossy(taken);
            let whole = "HTTP/1.1 408 ";
            return assert!(
                heard.starts_with(whole) || whole.starts_with(&*heard),
                "{heard}"
            );
        }
    };
    let is_bodiless =
        matches!(verdict, Verdict::Complete(request) if request.method == Method::Head);
    assert!(!is_bodiless || expected.ends_with(b"\r\n\r\n"));
    assert_eq!(taken, expected, "{}", String::from_utf8_lossy(taken));
}
