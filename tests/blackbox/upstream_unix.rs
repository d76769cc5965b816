//! A unix socket as the upstream: found, lost and found again.

use std::fs;

use crate::harness::{Launch, Place, Upstream, line};

/// A quick back-off, so that nobody waits long for the next attempt.
const HASTY: &str = "-l 127.0.0.1:0 --reconnect-min 10ms --reconnect-max 50ms";

#[test]
fn frames_come_from_it_whenever_it_is_there() {
    let place = Place::new();
    let mut fanout = Launch::new(&format!("{HASTY} {}", place.addr())).start();
    let addr = place.addr();
    fanout.wait_for_line(&format!("upstream connecting addr={addr}"));
    let lost = fanout.wait_for_line("upstream lost");
    let expected = format!("upstream lost addr={addr} reason=\"?\" frames=0");
    line::assert_shape(&lost, "WARN", &expected);
    assert_eq!(line::value(&lost, "reason"), "no such file or directory");
    fanout.wait_for_line(&format!("upstream retry in=*addr={addr}"));
    let mut client = fanout.join();

    let upstream = place.bind();
    let mut feed = upstream.accept();
    fanout.wait_for_line(&format!("upstream connected addr={addr}"));
    feed.send(100);
    client.expect(0..100);
    // It goes in the middle of a frame, and its file stays.
    feed.begin_frame(1_000);
    drop((feed, upstream));
    let lost = fanout.wait_for_line("upstream lost*frames=100");
    assert_eq!(line::value(&lost, "reason"), "ended", "{lost}");
    assert_eq!(line::number(&lost, "discarded_bytes"), 1_000, "{lost}");
    fanout.wait_for_line("upstream lost*reason=\"connection refused\"");

    fs::remove_file(place.path()).expect("the file has stayed");
    let upstream = place.bind();
    let mut feed = upstream.accept().starting_at(100);
    feed.send(10);
    client.expect(100..110);
    assert_eq!(fanout.terminate(), 0);
    feed.wait_for_end();
    assert!(place.path().exists(), "it is not ours");
}

#[test]
fn it_can_stand_in_a_list_with_those_of_tcp() {
    let place = Place::new();
    let tcp = Upstream::bind();
    let list = format!("{HASTY} {} {}", place.addr(), tcp.addr());
    let fanout = Launch::new(&list).start();
    let mut feed = tcp.accept();
    let mut client = fanout.join();
    feed.send(5);
    client.expect(0..5);
    let upstream = place.bind();
    drop(feed);
    let mut feed = upstream.accept().starting_at(5);
    feed.send(5);
    client.expect(5..10);
    assert!(!tcp.is_dialled(), "one connection at a time");
    drop((feed, upstream));
    let mut feed = tcp.accept().starting_at(10);
    feed.send(5);
    client.expect(10..15);
}

#[test]
fn without_reconnect_its_end_is_the_programs() {
    let place = Place::new();
    let arguments = format!("{HASTY} --no-reconnect {}", place.addr());
    let outcome = Launch::new(&arguments).run();
    assert_eq!(outcome.code, 1, "nobody is there: {:#?}", outcome.lines);
    let upstream = place.bind();
    let mut fanout = Launch::new(&arguments).start();
    let mut feed = upstream.accept();
    let mut client = fanout.join();
    feed.send(7);
    drop(feed);
    client.expect(0..7);
    client.expect_fin();
    drop(client);
    assert_eq!(fanout.wait_exit(), 0);
}

#[test]
fn one_fanout_can_be_the_upstream_of_another() {
    let place = Place::new();
    let source = Upstream::bind();
    let first = format!("-l {} {}", place.addr(), source.addr());
    let mut front = Launch::new(&first).start();
    let behind = Launch::new(&format!("{HASTY} {}", place.addr())).start();
    behind.wait_for_line("upstream connected");
    front.wait_for_line("client joined");
    let mut feed = source.accept();
    let mut client = behind.join();
    feed.send(2_000);
    client.expect(0..2_000);
    // The first one ends well: the second one waits for its return.
    assert_eq!(front.terminate(), 0);
    behind.wait_for_line("upstream lost*reason=\"ended\" frames=2000 discarded_bytes=0");
    front = Launch::new(&first).start();
    behind.wait_for_lines("upstream connected", 2);
    front.wait_for_line("client joined");
    let mut feed = source.accept().starting_at(2_000);
    feed.send(500);
    client.expect(2_000..2_500);
}

/// What Linux says of a full accept queue, and who may open a file whatever its mode, is not what others say.
#[cfg(target_os = "linux")]
mod linux {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use socket2::{Domain, SockAddr, Socket, Type};

    use super::HASTY;
    use crate::cases::tools;
    use crate::harness::{Launch, Place, line, system};

    /// A socket there that listens and has no room in its accept queue; and who fills it.
    pub(crate) fn full(place: &Place) -> (Socket, Vec<Socket>) {
        let stream = || Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        let addr = SockAddr::unix(place.path()).expect("the path is short");
        let listener = stream();
        listener.bind(&addr).expect("the path is free");
        listener.listen(0).expect("it is bound");
        let mut waiting = Vec::new();
        loop {
            let socket = stream();
            socket.set_nonblocking(true).expect("it is a socket");
            match socket.connect(&addr) {
                Ok(()) => waiting.push(socket),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
                    return (listener, waiting);
                }
            }
        }
    }

    #[test]
    fn a_full_accept_queue_is_a_failed_attempt_and_no_reason_to_spin() {
        let place = Place::new();
        let (listener, waiting) = full(&place);
        let options = "-l 127.0.0.1:0 --reconnect-min 100ms --reconnect-max 200ms";
        let fanout = Launch::new(&format!("{options} {}", place.addr())).start();
        let begin = Instant::now();
        let lost = fanout.wait_for_line("upstream lost");
        assert_eq!(
            line::value(&lost, "reason"),
            "resource temporarily unavailable"
        );
        fanout.wait_for_lines("upstream lost", 10);
        let attempts = fanout.lines().matching("upstream connecting").len();
        let most = begin.elapsed().as_millis() / 50 + 2;
        assert!(
            attempts as u128 <= most,
            "{attempts} attempts, {most} at the most"
        );
        let retries = fanout.lines().matching("upstream retry in=").len();
        assert!(
            retries + 1 >= attempts,
            "each attempt is followed by a wait"
        );

        for _ in &waiting {
            listener.accept().expect("it waits");
        }
        fanout.wait_for_line("upstream connected");
        // What was made for the attempts is closed: its standard streams, the poll, the pipes and the sockets.
        let open = system::descriptors(fanout.pid()).len();
        assert!(open < 20, "{open} descriptors");
    }

    #[test]
    fn without_permission_the_attempt_has_failed_and_nothing_is_bound() {
        if !tools::are_there(&["setpriv"]) {
            return;
        }
        let place = Place::new();
        let _upstream = place.bind();
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o000))
            .expect("the file is ours");
        // Root is asked for permission like everybody once it has no such capability.
        let ordinary = || {
            let mut command = Command::new("setpriv");
            if rustix::process::getuid().is_root() {
                command.args(["--bounding-set", "-dac_override,-dac_read_search"]);
            }
            command
        };
        let fanout = Launch::by(ordinary(), &format!("{HASTY} {}", place.addr())).start();
        fanout.wait_for_lines("upstream lost*reason=\"permission denied\"", 3);
        // The same for a listener: it cannot know whether anybody is there.
        let listener = format!("-l {} 127.0.0.1:1", place.addr());
        let outcome = Launch::by(ordinary(), &listener).run();
        assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
        assert!(
            outcome.lines[0].contains("Permission denied"),
            "{:#?}",
            outcome.lines
        );
        assert!(place.path().exists());
    }

    #[test]
    fn while_it_is_silent_nothing_wakes_the_program_up() {
        let place = Place::new();
        let upstream = place.bind();
        let fanout = Launch::new(&format!("{HASTY} --stale-after 1h {}", place.addr())).start();
        let mut feed = upstream.accept();
        let mut client = fanout.join();
        feed.send(3);
        client.expect(0..3);
        system::assert_rests(fanout.pid(), || {
            client.expect_silence(Duration::from_millis(1_100));
        });
    }
}
#[cfg(target_os = "linux")]
pub(crate) use linux::full;
