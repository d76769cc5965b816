//! What most tests need: a source, a sink, a relay between them, and what the sink has found.

use std::net::SocketAddr;

use serde_json::Value;

use crate::program::{Outcome, Program};

/// A source on a port of the system's choice.
pub(crate) struct Source {
    pub(crate) program: Program,
    pub(crate) addr: SocketAddr,
}

impl Source {
    #[track_caller]
    pub(crate) fn start(arguments: &str) -> Self {
        let program =
            Program::example("frame-source", &format!("--listen 127.0.0.1:0 {arguments}"));
        let line = program.line();
        let addr = line
            .strip_prefix("listening ")
            .and_then(|addr| addr.parse().ok());
        let addr = addr.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { program, addr }
    }

    /// Waits until it has ended by itself; what it says to have sent, as JSON.
    #[track_caller]
    pub(crate) fn sent(self) -> Value {
        let outcome = self.program.wait_for_end();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        parse(&outcome)
    }
}

/// The relay between a source and the sinks.
pub(crate) struct Relay {
    pub(crate) program: Program,
    pub(crate) addr: SocketAddr,
}

impl Relay {
    #[track_caller]
    pub(crate) fn start(upstream: SocketAddr, arguments: &str) -> Self {
        let arguments = format!("--listen 127.0.0.1:0 {arguments} {upstream}");
        let program = Program::relay(&arguments);
        let line = program.complaint("listening addr=");
        let addr = line
            .split("addr=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let addr = addr.and_then(|addr| addr.parse().ok());
        let addr = addr.unwrap_or_else(|| panic!("no address in {line:?}"));
        Self { program, addr }
    }
}

/// What a sink has found.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
}

impl Findings {
    pub(crate) fn number(&self, key: &str) -> u64 {
        self.json[key]
            .as_u64()
            .unwrap_or_else(|| panic!("no {key} in {}", self.json))
    }

    /// What the clients of one kind have found.
    #[track_caller]
    pub(crate) fn kind(&self, name: &str) -> &Value {
        let rows = self.json["kinds"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["kind"] == name);
        row.unwrap_or_else(|| panic!("no {name} in {}", self.json))
    }

    /// How many clients of one kind ended like this.
    #[track_caller]
    pub(crate) fn ends(&self, kind: &str, end: &str) -> u64 {
        self.kind(kind)["ends"][end].as_u64().unwrap_or(0)
    }

    /// Nothing was broken, and the sink says so with its exit code.
    #[track_caller]
    pub(crate) fn expect_good(&self) {
        assert_eq!((self.code, self.number("broken")), (Some(0), 0), "{self:?}");
    }

    /// The first complaint names this, and the exit code says that there is one.
    #[track_caller]
    pub(crate) fn expect_broken(&self, named: &str) {
        let complaint = self.json["complaints"][0].as_str().unwrap_or("none");
        assert!(complaint.contains(named), "{named:?} is not in {self:?}");
        assert_eq!(self.code, Some(1), "{self:?}");
    }
}

/// A sink that is still running.
#[track_caller]
pub(crate) fn start_sink(server: SocketAddr, arguments: &str) -> Program {
    Program::example("frame-sink", &format!("{server} --json {arguments}"))
}

/// What a sink finds, once it has ended.
#[track_caller]
pub(crate) fn sink(server: SocketAddr, arguments: &str) -> Findings {
    findings(start_sink(server, arguments))
}

/// Waits until a sink has ended by itself.
#[track_caller]
pub(crate) fn findings(sink: Program) -> Findings {
    let outcome = sink.wait_for_end();
    assert_eq!(outcome.complaints, [""; 0], "{outcome:?}");
    Findings {
        code: outcome.code,
        json: parse(&outcome),
    }
}

#[track_caller]
fn parse(outcome: &Outcome) -> Value {
    let [line] = &outcome.output[..] else {
        panic!("not one line: {outcome:?}");
    };
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
