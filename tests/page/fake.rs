//! A server that looks to the page like fanout's own, and says what the test wants.
//!
//! For states that the program cannot easily be brought to. It serves the page and status.json, behind any prefix of
//! the path; it knows as much HTTP as that takes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::status;

/// A running one. It ends with the test's process.
pub(crate) struct Fake {
    addr: SocketAddr,
    stage: Arc<Stage>,
}

/// How questions for the status are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    Answers,
    /// Says that something is wrong.
    Fails,
    /// Says something else than a status.
    Babbles,
    /// Closes the connection without a word, as if nobody were there.
    IsAway,
    /// Leaves the question open until the conduct changes.
    IsSlow,
}

impl Fake {
    /// Starts one whose status is the usual one.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("it is bound");
        let script = Script {
            status: status::usual(),
            conduct: Conduct::Answers,
            asked: 0,
        };
        let stage = Arc::new(Stage {
            script: Mutex::new(script),
            changed: Condvar::new(),
        });
        let served = Arc::clone(&stage);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let stage = Arc::clone(&served);
                thread::spawn(move || stage.serve(stream));
            }
        });
        Self { addr, stage }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Says this from now on.
    pub(crate) fn says(&self, status: Value) {
        self.stage.change(|script| script.status = status);
    }

    /// Behaves like this from now on.
    pub(crate) fn behaves(&self, conduct: Conduct) {
        self.stage.change(|script| script.conduct = conduct);
    }

    /// Waits until it has been asked for the status so many times more.
    #[track_caller]
    pub(crate) fn wait_for_questions(&self, count: u64) {
        let script = self.stage.script();
        let enough = script.asked + count;
        let (script, waited) = self
            .stage
            .changed
            .wait_timeout_while(script, DEADLINE, |script| script.asked < enough)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "asked {} times only", script.asked);
    }
}

/// What the threads of one server share.
struct Stage {
    script: Mutex<Script>,
    changed: Condvar,
}

struct Script {
    status: Value,
    conduct: Conduct,
    /// Questions for the status since the start.
    asked: u64,
}

impl Stage {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script());
        self.changed.notify_all();
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(path) = path_asked_for(&stream) else {
            return;
        };
        let answer = match path.rsplit('/').next() {
            Some("") => Some(answer("200 OK", "text/html; charset=utf-8", PAGE)),
            Some("status.json") => self.status(),
            _ => Some(answer("404 Not Found", "text/plain", "")),
        };
        // A browser that has gone does not want it any more.
        let _ = stream.write_all(answer.unwrap_or_default().as_bytes());
    }

    /// The answer to a question for the status, or none.
    fn status(&self) -> Option<String> {
        self.change(|script| script.asked += 1);
        let script = self.script();
        let script = self
            .changed
            .wait_while(script, |script| script.conduct == Conduct::IsSlow);
        let script = script.unwrap_or_else(PoisonError::into_inner);
        match script.conduct {
            Conduct::Answers => Some(answer("200 OK", JSON, &script.status.to_string())),
            Conduct::Fails => Some(answer("503 Service Unavailable", "text/plain", "busy\n")),
            Conduct::Babbles => Some(answer("200 OK", JSON, "{}")),
            Conduct::IsAway | Conduct::IsSlow => None,
        }
    }
}

/// Reads the head of a request.
fn path_asked_for(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(String::is_empty)?;
    let path = first.strip_prefix("GET ")?.split(' ').next()?;
    Some(path.to_owned())
}

fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// The page as the program serves it.
const PAGE: &str = include_str!("../../src/admin/page.html");

/// What the page may do in the browser, as the program says it.
pub(crate) const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; \
                      script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const JSON: &str = "application/json";

/// How long a test waits for the page to ask.
const DEADLINE: Duration = Duration::from_secs(20);
