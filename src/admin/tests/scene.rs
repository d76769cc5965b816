//! A connection on a fake socket, its clock and its turns.

use std::time::Duration;

use super::fake::FakeSocket;
use crate::admin::connection::Connection;
use crate::admin::head::Method;
use crate::admin::origin::Hosts;
use crate::admin::response::Response;
use crate::relay::departure::Ending;

pub(super) const HEAD: &str = "GET /a?b HTTP/1.1\r\nHost: localhost\r\n\r\n";
pub(super) const START: Duration = Duration::from_secs(7);

/// Turns that everything in here is done in, at the most.
pub(super) const TURNS: usize = 30_000;

pub(super) struct Scene {
    pub(super) connection: Connection<FakeSocket>,
    hosts: Hosts,
    pub(super) now: Duration,
}

impl Scene {
    pub(super) fn with(socket: FakeSocket) -> Self {
        Self {
            connection: Connection::new(socket, START),
            hosts: Hosts::default(),
            now: START,
        }
    }

    pub(super) fn saying(bytes: impl AsRef<[u8]>) -> Self {
        Self::with(FakeSocket::saying(bytes))
    }

    pub(super) fn advance(&mut self) {
        self.connection.advance(&self.hosts, self.now);
    }

    pub(super) fn advance_at(&mut self, now: Duration) {
        self.now = now;
        self.advance();
    }

    /// One event for both directions, and a turn.
    pub(super) fn turn(&mut self) {
        self.connection.note(true, true);
        self.advance();
    }

    pub(super) fn answer(&mut self, response: Response) {
        self.connection.answer(response, self.now);
    }

    #[track_caller]
    pub(super) fn ask(&mut self) -> (String, String) {
        let request = self.connection.take_request().expect("it asks");
        (request.path, request.query)
    }

    /// Turns, with an event in each, until it is done; a question is answered on the way.
    #[track_caller]
    pub(super) fn run(mut self, response: &Response) -> (FakeSocket, Ending) {
        for _ in 0..TURNS {
            self.turn();
            if self.connection.take_request().is_some() {
                self.answer(response.clone());
            }
            if self.connection.is_done() {
                return self.end();
            }
        }
        panic!("it never ends: {:?}", self.connection);
    }

    #[track_caller]
    pub(super) fn end(self) -> (FakeSocket, Ending) {
        self.connection.into_parts().expect("it is done")
    }
}

pub(super) fn answer_bytes(response: &Response) -> Vec<u8> {
    response.clone().into_bytes(Method::Get)
}
