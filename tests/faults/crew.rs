//! The scene of a case: server A, the program, and clients.
//!
//! The invariant: each client but the guilty one must get every frame.

use std::net::{SocketAddr, TcpStream};

use crate::case::Case;
use crate::harness::{Reader, Scene, Upstream};
use crate::strace::Injection;

pub(crate) struct Crew {
    pub(crate) scene: Scene,
    pub(crate) clients: Vec<Reader>,
    /// How often the program has been connected to its upstream.
    connections: usize,
}

impl Crew {
    /// The program with these options and so many clients, which have been given the first frame.
    #[track_caller]
    pub(crate) fn gather(options: &str, clients: usize) -> Self {
        let scene = Scene::set(&format!("{OPTIONS} {options}"));
        let clients = (0..clients).map(|_| scene.fanout.join()).collect();
        let mut crew = Self {
            scene,
            clients,
            connections: 1,
        };
        crew.step(1);
        crew
    }

    /// Sends frames one by one, each after every client has read the one before.
    #[track_caller]
    pub(crate) fn step(&mut self, count: usize) {
        for _ in 0..count {
            self.scene.feed.send(1);
            self.all_read();
        }
    }

    /// Every client reads up to the last frame that was sent.
    #[track_caller]
    pub(crate) fn all_read(&mut self) {
        let last = self.scene.feed.next() - 1;
        for client in &mut self.clients {
            client.read_to(last);
        }
    }

    /// Takes out the client on whose socket the call failed.
    #[track_caller]
    pub(crate) fn guilty(&mut self, injection: &Injection) -> Reader {
        let addr = injection.addr();
        let place = self
            .clients
            .iter()
            .position(|client| Some(client.addr()) == addr);
        let place = place.unwrap_or_else(|| panic!("not on a client's socket: {injection:?}"));
        self.clients.remove(place)
    }

    /// One more client.
    #[track_caller]
    pub(crate) fn join(&mut self) {
        let client = self.scene.fanout.join();
        self.clients.push(client);
    }

    /// Waits until the program has ended with 1, and has said why in one line.
    #[track_caller]
    pub(crate) fn expect_failure(&mut self, case: &Case, due: &str) {
        assert_eq!(self.scene.fanout.wait_exit(), 1, "{case}: the exit code");
        let mut failures = self.scene.fanout.lines().wait_for_end();
        failures.retain(|line| line.contains(" ERROR "));
        assert_eq!(failures.len(), 1, "{case}: {failures:?}");
        assert!(
            failures[0].contains(due),
            "{case}: {due:?} is due in {failures:?}"
        );
    }

    /// Waits until the upstream has been lost so many times, the last time for this reason.
    #[track_caller]
    pub(crate) fn expect_loss(&self, losses: usize, reason: &str, rest: &str) {
        let lines = self.scene.fanout.wait_for_lines("upstream lost", losses);
        assert_eq!(lines.len(), losses, "{lines:#?}");
        let due = format!(
            "addr={} reason=\"{reason}\" frames=",
            self.scene.upstream.addr()
        );
        let line = lines.last().expect("there is one");
        assert!(
            line.contains(&due) && line.contains(rest),
            "{due:?} and {rest:?} are due in {line:?}"
        );
        self.scene
            .fanout
            .wait_for_lines("upstream retry in=", losses);
    }

    /// Waits until the program is connected once more, and serves that connection: first the frames that were lost with
    /// the one before, so that clients must see neither gap nor repeat.
    #[track_caller]
    pub(crate) fn redial(&mut self, lost: u64) {
        let next = self.scene.feed.next() - lost;
        self.redial_after(1, 1, next);
    }

    /// The same once it has been connected so many times more, with so many connections that server A sees at least.
    #[track_caller]
    pub(crate) fn redial_after(&mut self, connections: usize, seen: usize, next: u64) {
        self.connections += connections;
        self.scene
            .fanout
            .wait_for_lines("upstream connected", self.connections);
        let mut accepted = 0;
        // Those that came to nothing wait before the one that is served.
        while accepted < seen || self.scene.upstream.is_dialled() {
            self.scene.feed = self.scene.upstream.accept().starting_at(next);
            accepted += 1;
        }
    }

    /// Server A closes the connection.
    #[track_caller]
    pub(crate) fn hang_up(&mut self) {
        let next = self.scene.feed.next();
        // Until the program dials again, a connection to nobody takes its place.
        let elsewhere = Upstream::bind();
        let _nobody = TcpStream::connect(elsewhere.addr()).expect("it listens");
        self.scene.feed = elsewhere.accept().starting_at(next);
    }

    /// Nobody has left but so many guilty ones; the others get one more frame and a clean end, and the program exits
    /// with 0.
    #[track_caller]
    pub(crate) fn end_well(mut self, departures: usize) {
        self.step(1);
        let count = self.clients.len() as u64;
        self.scene.fanout.wait_for_stat("clients", count);
        // Lines come in order: who left before the counters were printed is named before them.
        let left = self.scene.fanout.lines().matching("client left ");
        assert_eq!(left.len(), departures, "departures: {left:#?}");
        for client in &self.clients {
            // So that the program need not wait for the client's own end.
            client.half_close();
        }
        assert_eq!(self.scene.fanout.terminate(), 0, "the exit code");
        for client in &mut self.clients {
            client.expect_fin();
        }
    }

    /// Waits for the line that says that this client has left, and holds its reason against the one that is due.
    #[track_caller]
    pub(crate) fn expect_departure(&self, of: SocketAddr, reason: &str, injection: &Injection) {
        let line = self.scene.fanout.wait_for_departure(of);
        let due = match reason {
            "error" => format!(" reason=error error=\"{} (os error", injection.words()),
            reason => format!(" reason={reason} frames="),
        };
        assert!(line.contains(&due), "{due:?} is due in {line:?}");
    }
}

/// Quick to dial again, and silent about a silent upstream.
const OPTIONS: &str =
    "--log-level debug --stale-after 1h --reconnect-min 10ms --reconnect-max 10ms";
