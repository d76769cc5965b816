//! Where the endpoint may be and who may reach it: sockets with a path, other hosts, and nowhere.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use crate::folder::Folder;
use crate::harness::{Fanout, Launch, Scene, Upstream, arguments, system};
use crate::http::{Visitor, get, request};
use crate::watched::{ADMIN, Watched, admin_of};

/// Sockets on which the program listens.
fn listening(fanout: &Fanout) -> Vec<SocketAddr> {
    let folder = format!("/proc/{}/fd", fanout.pid().as_raw_nonzero());
    let entries = fs::read_dir(folder).expect("the program is running");
    // A descriptor may be closed meanwhile.
    let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let own: Vec<_> = targets
        .map(|target| target.to_string_lossy().into_owned())
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").expect("this is Linux");
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    // proc_net_tcp: state 0A is LISTEN, and field 9 is the inode.
    let rows = rows.filter(|row| row[3] == "0A" && own.contains(&format!("socket:[{}]", row[9])));
    rows.map(|row| addr_of(row[1])).collect()
}

fn addr_of(text: &str) -> SocketAddr {
    let (ip, port) = text.split_once(':').expect("ADDRESS:PORT");
    let ip = u32::from_str_radix(ip, 16)
        .expect("an address")
        .to_le_bytes();
    SocketAddr::from((ip, u16::from_str_radix(port, 16).expect("a port")))
}

#[test]
fn without_being_asked_for_it_is_nowhere() {
    let scene = Scene::set("");
    assert_eq!(listening(&scene.fanout), [scene.fanout.addr()]);
    assert!(scene.fanout.lines().matching("admin").is_empty());
    let watched = Watched::set("");
    let mut expected = [watched.scene.fanout.addr(), watched.admin];
    let mut found = listening(&watched.scene.fanout);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    // A client's port is no endpoint.
    assert!(expected.iter().all(|addr| addr.ip().is_loopback()));
}

/// As far as this host has them.
#[test]
fn a_name_is_served_at_all_of_its_addresses() {
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, "--admin localhost:0");
    fanout.wait_for_line("upstream connected");
    let lines = fanout.lines().matching("admin listening addr=");
    let addrs: Vec<_> = lines
        .iter()
        .map(|line| crate::harness::line::addr(line))
        .collect();
    assert!(!addrs.is_empty());
    for addr in &addrs {
        assert!(addr.ip().is_loopback(), "{addr}");
        assert_eq!(addr.port(), addrs[0].port(), "one port for all");
        assert_eq!(get(*addr, "/healthz").status, 200, "{addr}");
    }
}

#[test]
fn it_may_be_a_socket_with_a_path() {
    let folder = Folder::new("path");
    for (option, mode) in [("", 0o660), (",mode=0600", 0o600), (",mode=0666", 0o666)] {
        let path = folder.path().join("admin.sock");
        // What a killed program leaves behind is in nobody's way.
        let _watched = {
            let upstream = Upstream::bind();
            let admin = format!("--admin unix:{}{option}", path.display());
            let fanout = Fanout::start(&upstream, &admin);
            let line = fanout.wait_for_line("admin listening addr=");
            assert!(
                line.contains(&format!("addr=unix:{}", path.display())),
                "{line}"
            );
            (fanout, upstream)
        };
        let file = fs::symlink_metadata(&path).expect("the socket has a path");
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, mode, "{option}");
        let mut visitor = Visitor::connect_unix(&path);
        visitor.send(request("GET", "/healthz"));
        assert_eq!(visitor.answer().body, "ok\n");
        let mut visitor = Visitor::connect_unix(&path);
        visitor.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!(visitor.answer().status, 403);
    }
}

#[test]
fn a_socket_that_somebody_answers_on_is_left_alone() {
    let folder = Folder::new("live");
    let path = folder.path().join("admin.sock");
    let upstream = Upstream::bind();
    let admin = format!("--admin unix:{}", path.display());
    let first = Fanout::start(&upstream, &admin);
    let outcome = Launch::new(&arguments(&upstream, &admin)).run();
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let last = outcome.lines.last().expect("it says why");
    assert!(last.contains(&*path.to_string_lossy()), "{last}");
    let mut visitor = Visitor::connect_unix(&path);
    visitor.send(request("GET", "/healthz"));
    assert_eq!(visitor.answer().status, 200);
    drop(first);
}

/// Whole numbers stand for addresses where names are looked up (`inet_aton(3)`): names that need no server.
#[test]
fn an_address_that_other_hosts_reach_has_to_be_allowed() {
    for (address, shown) in [
        ("0.0.0.0:0", "0.0.0.0"),
        ("[::]:0", "::"),
        ("192.0.2.7:0", "192.0.2.7"),
        ("[::ffff:0.0.0.0]:0", "::ffff:0.0.0.0"),
        ("0:0", "0.0.0.0"),
        ("3221225991:0", "192.0.2.7"),
    ] {
        let upstream = Upstream::bind();
        let options = format!("--admin {address}");
        let outcome = Launch::new(&arguments(&upstream, &options)).run();
        assert_eq!(outcome.code, 2, "{address}: {outcome:?}");
        let [line] = &*outcome.lines else {
            panic!("{address}: {outcome:?}");
        };
        let says_what = line.contains("--admin")
            && line.contains(shown)
            && line.contains("--admin-allow-remote");
        assert!(says_what, "{address}: {line}");
        assert!(!upstream.is_dialled(), "{address}: nothing is opened");
    }
}

#[test]
fn an_address_that_other_hosts_reach_is_served_once_it_is_allowed() {
    for address in ["0.0.0.0:0", "0:0"] {
        let upstream = Upstream::bind();
        let options = format!("--admin {address} --admin-allow-remote --admin-host relay.example");
        let fanout = Fanout::start(&upstream, &options);
        let admin = admin_of(&fanout);
        assert!(admin.ip().is_unspecified(), "{admin}");
        let near = SocketAddr::from(([127, 0, 0, 1], admin.port()));
        assert_eq!(get(near, "/healthz").status, 200);
        let mut visitor = Visitor::connect(near);
        visitor.send("GET /healthz HTTP/1.1\r\nHost: relay.example\r\n\r\n");
        assert_eq!(visitor.answer().status, 200);
        let mut visitor = Visitor::connect(near);
        visitor.send("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!(visitor.answer().status, 403, "also there");
    }
}

#[test]
fn options_about_it_are_checked_without_it_and_it_is_said_that_they_are_not_used() {
    let unused = "admin options unused: there is no --admin";
    for options in ["--admin-allow-remote", "--admin-host relay.example"] {
        let upstream = Upstream::bind();
        let fanout = Fanout::start(&upstream, options);
        fanout.wait_for_line("upstream connected");
        let said = fanout.lines().matching("admin");
        assert_eq!(said.len(), 1, "{options}: {said:?}");
        let is_warning = said[0].contains("WARN") && said[0].ends_with(unused);
        assert!(is_warning, "{options}: {said:?}");
        assert_eq!(listening(&fanout), [fanout.addr()]);

        let fanout = Fanout::start(&upstream, &format!("{ADMIN} {options}"));
        admin_of(&fanout);
        assert!(fanout.lines().matching(unused).is_empty(), "{options}");
    }
    let upstream = Upstream::bind();
    let outcome = Launch::new(&arguments(&upstream, "--admin-host a:1")).run();
    assert_eq!(outcome.code, 2, "{outcome:?}");
}

#[test]
fn what_is_no_address_for_it_is_a_usage_error() {
    let upstream = Upstream::bind();
    for admin in [
        "9100",
        "127.0.0.1",
        "unix:",
        "127.0.0.1:0,slow=skip",
        "unix:/tmp/a,mode=x",
        "-",
    ] {
        let outcome = Launch::new(&arguments(&upstream, &format!("--admin {admin}"))).run();
        assert_eq!(outcome.code, 2, "{admin}: {outcome:?}");
        assert!(
            outcome.lines.iter().any(|line| line.contains("--admin")),
            "{admin}: {outcome:?}"
        );
    }
    assert!(!upstream.is_dialled());
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = taken.local_addr().expect("it is bound");
    let upstream = Upstream::bind();
    let outcome = Launch::new(&arguments(&upstream, &format!("--admin {addr}"))).run();
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let last = outcome.lines.last().expect("it says why");
    assert!(last.contains(&addr.to_string()), "{last}");
    assert!(!upstream.is_dialled());
}

#[test]
fn its_connections_have_descriptors_of_their_own() {
    let upstream = Upstream::bind();
    let limited = |options: &str| {
        let arguments = arguments(&upstream, options);
        let fanout = Launch::under_limits(100, 100, &arguments).start();
        let line = fanout.wait_for_line("limits max_clients=");
        crate::harness::line::number(&line, "max_clients")
    };
    let (without, with) = (limited(""), limited(ADMIN));
    // Sixteen connections and the socket that listens.
    assert_eq!(without - with, 17);
}

#[test]
fn clients_that_use_up_every_descriptor_leave_it_its_own() {
    let upstream = Upstream::bind();
    let arguments = arguments(&upstream, ADMIN);
    let fanout = Launch::under_limits(90, 90, &arguments).start();
    let admin = admin_of(&fanout);
    let most =
        crate::harness::line::number(&fanout.wait_for_line("limits max_clients="), "max_clients");
    let clients = fanout.join_many(most);
    let held: Vec<_> = (0..15).map(|_| Visitor::connect(admin)).collect();
    assert_eq!(get(admin, "/healthz").status, 200);
    let figures = crate::figures::Figures::of(admin);
    assert_eq!(figures.count("fanout_clients"), most);
    let errors = figures.by_label("fanout_accept_errors_total");
    assert!(errors.is_empty(), "{errors:?}");
    assert!(system::descriptors(fanout.pid()).len() <= 90);
    drop((clients, held));
}
