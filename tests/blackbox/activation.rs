//! Socket activation: listening sockets that somebody else has opened, `sd_listen_fds(3)`.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::fs::OFlags;

use crate::cases::tools;
use crate::harness::frame::frames;
use crate::harness::manager::unique_name;
use crate::harness::passing::{by_systemd, with_socket};
use crate::harness::{DEADLINE, Launch, Reader, Upstream, arguments};

/// One socket, for the program itself.
const ONE: &str = "LISTEN_PID=$$ LISTEN_FDS=1";

/// A listener that no host has: were it bound, the program would not start.
const ELSEWHERE: &str = "-l 192.0.2.1:1";

#[test]
fn clients_that_came_before_the_program_are_served_and_no_other_listener_is_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = addr_of(&listener);
    let witness = listener.try_clone().expect("the system gives a descriptor");
    let mut early = Reader::connect(addr, 1024);
    let upstream = Upstream::bind();
    let options = format!("{ELSEWHERE} --slow skip --replay 3");
    let mut fanout = with_socket(listener, ONE, &arguments(&upstream, &options)).start();
    let listening = fanout.wait_for_line("listening addr=");
    let expected = format!("listening addr={addr} slow=skip replay=3");
    assert!(listening.ends_with(&expected), "{listening}");
    let mut feed = upstream.accept();
    fanout.wait_for_line("client joined");
    let mut late = fanout.join();
    feed.send(5);
    early.expect(0..5);
    late.expect(0..5);
    // The parent's was a blocking one, and it is the same socket.
    let flags = rustix::fs::fcntl_getfl(&witness).expect("it is open");
    assert!(flags.contains(OFlags::NONBLOCK), "{flags:?}");
    drop((early, late));
    assert_eq!(fanout.terminate(), 0);
    assert_eq!(fanout.lines().matching("listening addr=").len(), 1);
}

#[test]
fn a_unix_socket_is_taken_over_and_its_file_left_to_whoever_made_it() {
    let file = SocketFile::new();
    let listener = UnixListener::bind(&file.0).expect("the path is free");
    let mut early = UnixStream::connect(&file.0).expect("it listens");
    let upstream = Upstream::bind();
    let mut fanout = with_socket(listener, ONE, &arguments(&upstream, ELSEWHERE)).start();
    fanout.wait_for_line(&format!("listening addr=unix:{} ", file.0.display()));
    let mut feed = upstream.accept();
    fanout.wait_for_line("client joined");
    feed.send(5);
    assert_frames(&mut early);
    drop(early);
    assert_eq!(fanout.terminate(), 0);
    assert!(file.0.exists(), "the manager listens on it, not we");
}

#[test]
fn anything_but_a_listening_stream_socket_is_refused_by_its_number() {
    let listener = || TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let open = listener();
    let connected = TcpStream::connect(addr_of(&open)).expect("it listens");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let datagrams = UnixDatagram::unbound().expect("the system gives a socket");
    let (pair, _other) = UnixStream::pair().expect("the system gives a pair");
    let file = File::open("/dev/null").expect("it is there");
    let cases: [(OwnedFd, &str, &str); 7] = [
        (udp.into(), "1", "descriptor 3 *not a stream socket"),
        (datagrams.into(), "1", "descriptor 3 *not a stream socket"),
        (connected.into(), "1", "descriptor 3 *does not listen"),
        (pair.into(), "1", "descriptor 3 *does not listen"),
        (file.into(), "1", "descriptor 3 *no socket"),
        (listener().into(), "2", "descriptor 4 *not open"),
        (listener().into(), "2147483647", "LISTEN_FDS*'2147483647'"),
    ];
    for (socket, count, complaint) in cases {
        // With the demo, whose own listener has the next free number.
        let variables = format!("LISTEN_PID=$$ LISTEN_FDS={count}");
        let outcome = with_socket(socket, &variables, "--demo -l 127.0.0.1:0").run();
        assert_eq!(outcome.code, 1, "{complaint}: {:#?}", outcome.lines);
        assert_eq!(outcome.lines.len(), 1, "{complaint}: {:#?}", outcome.lines);
        let line = &outcome.lines[0];
        let is_said = complaint.split('*').all(|part| line.contains(part));
        assert!(is_said && line.contains("ERROR"), "{complaint}: {line}");
    }
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    for variables in ["LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_FDS=1", "LISTEN_PID=$$"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = addr_of(&listener);
        let upstream = Upstream::bind();
        let fanout = with_socket(listener, variables, &arguments(&upstream, "")).start();
        assert_ne!(fanout.addr(), addr, "{variables}");
        drop(fanout.join());
    }
}

#[test]
fn a_socket_for_the_admin_endpoint_is_not_one_for_clients() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = addr_of(&listener);
    let upstream = Upstream::bind();
    let variables = format!("{ONE} LISTEN_FDNAMES=admin");
    let fanout = with_socket(listener, &variables, &arguments(&upstream, "")).start();
    assert_ne!(fanout.addr(), addr);
    drop(fanout.join());
}

#[test]
fn an_admin_socket_that_other_hosts_reach_is_refused_unless_that_is_allowed() {
    let upstream = Upstream::bind();
    for options in ["", "--admin 127.0.0.1:0", "--admin-host relay.example"] {
        let outcome = with_far_admin(&upstream, options).1.run();
        assert_eq!(outcome.code, 2, "{options}: {outcome:?}");
        let [line] = &*outcome.lines else {
            panic!("{options}: {outcome:?}");
        };
        let says_what = line.contains("0.0.0.0") && line.contains("--admin-allow-remote");
        assert!(says_what, "{options}: {line}");
        assert!(!upstream.is_dialled(), "{options}: nothing is opened");
    }
    for (options, by_name) in [
        ("--admin-allow-remote", "403"),
        ("--admin-allow-remote --admin-host relay.example", "200"),
    ] {
        let (port, launch) = with_far_admin(&upstream, options);
        let fanout = launch.start();
        fanout.wait_for_line(&format!("admin listening addr=0.0.0.0:{port}"));
        assert!(fanout.lines().matching("unused").is_empty(), "{options}");
        let near = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for (host, status) in [
            ("localhost", "200"),
            ("relay.example", by_name),
            ("evil.example", "403"),
        ] {
            assert_eq!(health_status(near, host), status, "{options}: {host}");
        }
    }
}

/// The program with an admin socket that other hosts reach, and the port of that.
fn with_far_admin(upstream: &Upstream, options: &str) -> (u16, Launch) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    let port = addr_of(&listener).port();
    let variables = format!("{ONE} LISTEN_FDNAMES=admin");
    let arguments = arguments(upstream, options);
    (port, with_socket(listener, &variables, &arguments))
}

/// The status of an answer from the admin endpoint, asked by this name.
#[track_caller]
fn health_status(admin: SocketAddr, host: &str) -> String {
    let mut visitor = TcpStream::connect(admin).expect("it listens");
    visitor
        .set_read_timeout(Some(DEADLINE))
        .expect("the option is set");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    visitor.write_all(request.as_bytes()).expect("it is there");
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1);
    status.expect("a status line").to_owned()
}

#[test]
fn systemd_starts_it_for_a_first_client_at_either_of_two_sockets() {
    if !tools::are_there(&["systemd-socket-activate"]) {
        return;
    }
    let addr = addr_of(&TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    let file = SocketFile::new();
    let path = file.0.to_str().expect("the path is text");
    let upstream = Upstream::bind();
    let names = ["--fdname=tcp:unix"];
    let program = arguments(&upstream, ELSEWHERE);
    let listeners = [&addr.to_string(), path];
    let mut fanout = by_systemd(&listeners, &names, &program).start_unheard();
    fanout.wait_for_line(&format!("Listening on {path}"));
    let mut first = UnixStream::connect(&file.0).expect("systemd listens");
    let mut feed = upstream.accept();
    fanout.wait_for_line(&format!("listening addr={addr} "));
    fanout.wait_for_line(&format!("listening addr=unix:{path} "));
    fanout.wait_for_line("client joined");
    let mut second = fanout.joined(Reader::connect(addr, 1024));
    feed.send(5);
    assert_frames(&mut first);
    second.expect(0..5);
    drop((first, second));
    assert_eq!(fanout.terminate(), 0);
}

/// The first five frames, on a unix socket.
#[track_caller]
fn assert_frames(client: &mut UnixStream) {
    let expected = frames(0..5, 1024);
    let mut bytes = vec![0; expected.len()];
    client
        .set_read_timeout(Some(DEADLINE))
        .expect("the option is set");
    client.read_exact(&mut bytes).expect("frames come");
    assert!(bytes == expected, "the frames are others");
}

#[track_caller]
fn addr_of(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("it is bound")
}

/// The path of a socket, which is removed in the end.
struct SocketFile(PathBuf);

impl SocketFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(unique_name()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
