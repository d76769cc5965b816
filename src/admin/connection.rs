//! One connection to the admin endpoint: its socket, two readiness bits, and how far it has come.
//!
//! Layer: admin. Owns the states below, and the promise that a connection ends: each state has a
//! deadline and a bound on what is read in it. Knows nothing of other connections, nor of what is
//! answered.
//!
//! ```text
//!   Reading ──head complete──▶ Asked ──answer──▶ Writing ──last byte──▶ Finishing
//!    │    └──refused────────────────────────────▶┘  │                     │
//!    │ its end, failure,           time up, failure,│       its end, time │
//!    │ time up, put out                      put out│     up, too much of │
//!    │                                              │  input, put out     │
//!    └─────────────────────────────────────────────▶┴─────────────────────┴──▶ Done
//!
//!   state      input                    bit that is work   time                  ends by
//!   Reading    read, at most a head     readable           5 s from accept: 408  FIN or reset
//!   Asked      left where it is         none               the same 5 s          reset
//!   Writing    left where it is         writable           the same 5 s          reset
//!   Finishing  read and thrown away,    readable           1 s from the last     FIN
//!              at most 64 KiB                              byte, the same 5 s
//!   Done       left where it is         to be reaped       none
//! ```
//!
//! A bit is set on arrival and by an event, and cleared by would-block only, so that none is lost
//! in a state that has no use for it. Why there is a Finishing: input that is unread when the socket
//! is closed makes a reset of the close, and the reset destroys the answer on its way (RFC 9112,
//! 9.6). So the caller shuts down the sending side, and the rest of the input is waited for.

mod outcome;
mod state;

use std::io::{Read, Write};
use std::time::Duration;

use outcome::Outcome;
pub(super) use state::Claim;
use state::State;

use super::head::{self, Method, Refusal, Request, Verdict};
use super::limits::{
    CALLS_PER_TURN, CONNECTION_TIMEOUT, DISCARD_BYTES, FINISH_TIMEOUT, HEAD_BYTES, READ_BYTES,
    SCRATCH_BYTES,
};
use super::origin::Hosts;
use super::response::{Response, Status};
use crate::relay::departure::Ending;

/// A connection, and the one request that it is for.
#[derive(Debug)]
pub struct Connection<S> {
    socket: S,
    state: State,
    /// A read may give something, as far as is known.
    readable: bool,
    /// The kernel may take bytes, as far as is known.
    writable: bool,
    /// When its time is up, since the start of the clock.
    deadline: Duration,
}

impl<S: Read + Write> Connection<S> {
    /// A connection that was accepted just now. Both bits are set: what came with it may be
    /// announced by no event, and its kernel takes bytes.
    pub fn new(socket: S, now: Duration) -> Self {
        Self {
            socket,
            state: State::Reading { head: Vec::new() },
            readable: true,
            writable: true,
            deadline: now + CONNECTION_TIMEOUT,
        }
    }

    /// Notes what an event says, and moves no bytes.
    pub fn note(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    /// Does what is due, then moves bytes as far as the kernel and one turn's budget permit.
    pub fn advance(&mut self, hosts: &Hosts, now: Duration) {
        self.check_deadline(now);
        self.read_head(hosts);
        self.write(now);
        self.discard_input();
    }

    /// What is asked for. It is given once.
    pub fn take_request(&mut self) -> Option<Request> {
        match &mut self.state {
            State::Asked { request, .. } => request.take(),
            _ => None,
        }
    }

    /// Answers what was asked, as far as the kernel takes it at once. Without a question it means
    /// nothing: the connection may have run out of time.
    pub fn answer(&mut self, response: Response, now: Duration) {
        if let State::Asked { method, .. } = self.state {
            self.say(response, method);
            self.write(now);
            self.discard_input();
        }
    }

    /// The socket, once, when the last byte of the answer is sent: the caller shuts down its
    /// sending side.
    pub fn socket_to_shut_down(&mut self) -> Option<&mut S> {
        match &mut self.state {
            State::Finishing { is_shut, .. } if !*is_shut => {
                *is_shut = true;
                Some(&mut self.socket)
            }
            _ => None,
        }
    }

    /// Ends it in favour of a newcomer: cleanly if it has its answer.
    pub(super) fn put_out(&mut self) {
        self.state = State::Done(self.state.ending_when_put_out());
    }

    fn check_deadline(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        self.state = State::Done(match self.state {
            State::Reading { .. } => self.say_too_late(),
            State::Asked { .. } | State::Writing { .. } => Ending::Reset,
            State::Finishing { .. } | State::Done(_) => Ending::Fin,
        });
    }

    /// Says 408, if the kernel takes it at once.
    fn say_too_late(&mut self) -> Ending {
        let response = Response::refusal(Status::RequestTimeout, "the head did not come in time");
        let bytes = response.into_bytes(Method::Get);
        match self.socket.write(&bytes) {
            Ok(count) if count == bytes.len() => Ending::Fin,
            _ => Ending::Reset,
        }
    }

    /// Reads until there is a verdict. It is looked for after each read, from the first byte on:
    /// whoever sends single bytes makes that 8,192 looks at 4 KiB on average, which is less work
    /// than the kernel had with their segments.
    fn read_head(&mut self, hosts: &Hosts) {
        let State::Reading { head } = &mut self.state else {
            return;
        };
        for _ in 0..CALLS_PER_TURN {
            if !self.readable {
                return;
            }
            let filled = head.len();
            head.resize(HEAD_BYTES.min(filled + READ_BYTES), 0);
            let outcome = Outcome::of(self.socket.read(&mut head[filled..]));
            head.truncate(filled + outcome.moved());
            match outcome {
                Outcome::Moved(_) => match head::read(head, hosts) {
                    Verdict::Incomplete => {}
                    Verdict::Complete(request) => return self.ask(request),
                    Verdict::Refused(refusal) => return self.refuse(&refusal),
                },
                Outcome::Interrupted => {}
                Outcome::WouldBlock => self.readable = false,
                // Nobody is left who could be told that half a head is not enough.
                Outcome::Ended => return self.state = State::Done(Ending::Fin),
                Outcome::Failed => return self.state = State::Done(Ending::Reset),
            }
        }
    }

    fn ask(&mut self, request: Request) {
        self.state = State::Asked {
            method: request.method,
            request: Some(request),
        };
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.say(Response::from(refusal), refusal.method);
    }

    fn say(&mut self, response: Response, method: Method) {
        self.state = State::Writing {
            bytes: response.into_bytes(method),
            sent: 0,
        };
    }

    fn write(&mut self, now: Duration) {
        let State::Writing { bytes, sent } = &mut self.state else {
            return;
        };
        for _ in 0..CALLS_PER_TURN {
            if !self.writable {
                return;
            }
            match Outcome::of(self.socket.write(&bytes[*sent..])) {
                Outcome::Moved(count) => *sent += count,
                Outcome::Interrupted => {}
                Outcome::WouldBlock => self.writable = false,
                Outcome::Ended | Outcome::Failed => {
                    return self.state = State::Done(Ending::Reset);
                }
            }
            if *sent == bytes.len() {
                self.state = State::Finishing {
                    until: self.deadline.min(now + FINISH_TIMEOUT),
                    heard_bytes: 0,
                    is_shut: false,
                };
                return;
            }
        }
    }

    /// Reads what else comes and throws it away: a body, a second request, or the end.
    fn discard_input(&mut self) {
        let State::Finishing { heard_bytes, .. } = &mut self.state else {
            return;
        };
        let mut scratch = [0; SCRATCH_BYTES];
        for _ in 0..CALLS_PER_TURN {
            if !self.readable {
                return;
            }
            match Outcome::of(self.socket.read(&mut scratch)) {
                Outcome::Moved(count) => *heard_bytes += count,
                Outcome::Interrupted => {}
                Outcome::WouldBlock => self.readable = false,
                Outcome::Ended | Outcome::Failed => return self.state = State::Done(Ending::Fin),
            }
            if *heard_bytes > DISCARD_BYTES {
                return self.state = State::Done(Ending::Fin);
            }
        }
    }
}

impl<S> Connection<S> {
    /// When it has to be advanced even if no event comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Finishing { until, .. } => Some(until),
            State::Done(_) => None,
            _ => Some(self.deadline),
        }
    }

    /// There is something to do that no event will announce, beside answering.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.state.has_work(self.readable, self.writable)
    }

    /// The question that the caller has not taken yet.
    pub(super) fn question(&self) -> Option<&Request> {
        match &self.state {
            State::Asked { request, .. } => request.as_ref(),
            _ => None,
        }
    }

    /// A question that the caller has not taken yet.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        matches!(
            self.state,
            State::Asked {
                request: Some(_),
                ..
            }
        )
    }

    /// It is to be closed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// The socket and how it is to be closed, or the connection again if it goes on.
    ///
    /// # Errors
    /// When it is not done.
    pub fn into_parts(self) -> Result<(S, Ending), Self> {
        match self.state {
            State::Done(ending) => Ok((self.socket, ending)),
            _ => Err(self),
        }
    }

    /// How much is to be said for keeping it, if it may be put out.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.state.claim(self.readable)
    }
}
