//! The public interface, used as another program would use it: over real sockets, on port 0.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fanout::{
    Config, Error, Handle, HostPort, ListenerConfig, Reason, Refusal, Server, SlowPolicy,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// A server that runs on a thread of its own.
struct Running {
    addr: std::net::SocketAddr,
    handle: Handle,
    thread: JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start(config: &Config) -> Self {
        let server = Server::bind(config).expect("the server can be bound");
        Self {
            addr: server.local_addrs()[0],
            handle: server.handle(),
            thread: thread::spawn(move || server.run()),
        }
    }

    fn join(&self) -> TcpStream {
        let client = TcpStream::connect(self.addr).expect("the server listens");
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client
    }

    #[track_caller]
    fn wait(&self, what: &str, holds: impl Fn(&fanout::Stats) -> bool) {
        let start = Instant::now();
        while !holds(&self.handle.stats()) {
            assert!(
                start.elapsed() < DEADLINE,
                "never: {what}; {:?}",
                self.handle.stats()
            );
            thread::yield_now();
        }
    }

    fn end(self) -> Result<(), Error> {
        self.thread.join().expect("the server does not panic")
    }
}

/// A server A, and a configuration that dials it.
fn source() -> (TcpListener, Config) {
    let source = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        frame_size: 4,
        listeners: vec![ListenerConfig::new(HostPort::new("127.0.0.1", 0).into())],
        ..Config::new(source.local_addr().unwrap().into())
    };
    (source, config)
}

#[test]
fn a_handle_drains_and_every_client_gets_its_backlog_then_its_end() {
    let (source, config) = source();
    let server = Running::start(&config);
    let (mut upstream, _) = source.accept().unwrap();
    let mut client = server.join();
    server.wait("a client", |stats| stats.clients == 1);
    upstream.write_all(b"aaaabbbbcc").unwrap();
    server.wait("two frames", |stats| stats.frames == 2);

    server.handle.drain();
    let mut stream = Vec::new();
    client
        .read_to_end(&mut stream)
        .expect("a clean end, no reset");
    assert_eq!(stream, b"aaaabbbb");
    drop(client);
    let handle = server.handle.clone();
    server.end().expect("a drain is a clean end");
    let stats = handle.stats();
    assert_eq!(stats.departed(Reason::Drain), 1);
    assert_eq!((stats.delivered, stats.discarded_bytes), (2, 2));
    assert_eq!((stats.clients, stats.accepted), (0, 1));
}

#[test]
fn a_handle_stops_at_once_and_clients_see_no_end() {
    let (source, mut config) = source();
    config.slow = SlowPolicy::Wait;
    config.frame_size = 1024;
    let server = Running::start(&config);
    let (mut upstream, _) = source.accept().unwrap();
    let mut client = server.join();
    server.wait("a client", |stats| stats.clients == 1);
    // A client that reads nothing, until the log is full and the upstream is left unread.
    upstream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let frames = vec![7; 1024 * 1024];
    while upstream.write(&frames).is_ok() {}

    server.handle.stop();
    let outcome = server.end();
    assert!(
        matches!(outcome, Err(Error::Stopped { clients: 1 })),
        "{outcome:?}"
    );
    let error = client.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn without_reconnect_the_upstream_ends_the_server() {
    let (source, mut config) = source();
    config.reconnect = false;
    let server = Running::start(&config);
    let (mut upstream, _) = source.accept().unwrap();
    let mut client = server.join();
    server.wait("a client", |stats| stats.clients == 1);
    upstream.write_all(b"aaaab").unwrap();
    drop(upstream);
    let mut stream = Vec::new();
    client
        .read_to_end(&mut stream)
        .expect("a clean end, no reset");
    assert_eq!(stream, b"aaaa");
    drop(client);
    let handle = server.handle.clone();
    server
        .end()
        .expect("the end of the upstream is a clean end");
    assert_eq!(handle.stats().departed(Reason::UpstreamEnd), 1);
}

#[test]
fn an_upstream_that_cannot_be_had_is_an_error_that_names_it() {
    let (source, mut config) = source();
    config.reconnect = false;
    let addr = source.local_addr().unwrap();
    drop(source);
    let error = Running::start(&config).end().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("upstream {addr} failed: connection refused")
    );
}

#[test]
fn a_configuration_that_makes_no_sense_opens_nothing() {
    let (_source, mut config) = source();
    config.replay = config.backlog + 1;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    config.listeners = vec![ListenerConfig::new(taken.local_addr().unwrap().into())];
    // The address is taken: had anything been opened, the error would be another one.
    let outcome = Server::bind(&config).map(|_| ());
    assert!(matches!(outcome, Err(Error::Config(_))), "{outcome:?}");
}

#[test]
fn a_listener_that_cannot_be_bound_is_an_error_that_names_it() {
    let (_source, mut config) = source();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    config.listeners.push(ListenerConfig::new(addr.into()));
    let error = Server::bind(&config).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {addr}: ")),
        "{error}"
    );
}

#[test]
fn a_refused_client_is_counted_under_its_reason() {
    let (_source, mut config) = source();
    config.max_clients_per_ip = 1;
    let server = Running::start(&config);
    let _first = server.join();
    server.wait("a client", |stats| stats.clients == 1);
    let error = server.join().read(&mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    server.wait("a refusal", |stats| stats.refused(Refusal::PerIp) == 1);
    server.handle.stop();
    // Nobody was owed anything: the one client had no backlog, but also no end.
    assert!(matches!(server.end(), Err(Error::Stopped { clients: 1 })));
}
