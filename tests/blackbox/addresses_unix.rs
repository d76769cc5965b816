//! Unix listeners: their files, made, taken over, refused and removed.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::harness::{Fanout, Launch, Place, Scene, Upstream, arguments, line};

#[test]
fn the_file_has_mode_0660_or_the_one_that_is_asked_for_whatever_the_umask_is() {
    for umask in ["0", "0777", "022"] {
        for (option, mode) in [
            ("", 0o660),
            (",mode=0600", 0o600),
            (",mode=777", 0o777),
            (",mode=0", 0),
        ] {
            let (place, upstream) = (Place::new(), Upstream::bind());
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
            let options = format!("-l {}{option}", place.addr());
            let mut fanout = Launch::by(shell, &arguments(&upstream, &options)).start();
            assert_eq!(place.mode(), mode, "umask {umask}, {option:?}");
            assert_eq!(fanout.terminate(), 0);
        }
    }
}

#[test]
fn it_is_named_in_the_log_as_on_the_command_line() {
    let place = Place::named("grün'&<-~");
    let scene = Scene::set(&format!(
        "-l {},slow=skip,mode=0600 -l 127.0.0.1:0",
        place.addr()
    ));
    let listening = scene.fanout.wait_for_line("listening addr=unix:");
    let expected = format!("listening addr={} slow=skip replay=0", place.addr());
    line::assert_shape(&listening, "INFO", &expected);
    assert!(listening.ends_with(&expected), "{listening}");
    drop(place.connect());
    let joined = scene.fanout.wait_for_line("client joined");
    line::assert_shape(
        &joined,
        "INFO",
        &format!("client joined id=# addr={} clients=1", place.addr()),
    );
    let left = scene.fanout.wait_for_line("client left");
    let expected = format!(
        "client left id=# addr={} reason=closed frames=0",
        place.addr()
    );
    line::assert_shape(&left, "INFO", &expected);
}

#[test]
fn a_file_that_nobody_answers_on_is_replaced() {
    let (place, upstream) = (Place::new(), Upstream::bind());
    drop(UnixListener::bind(place.path()).expect("the path is free"));
    let mut fanout = start_at(&place, &upstream);
    let removed = fanout.wait_for_line("stale socket removed");
    assert_eq!(line::value(&removed, "addr"), place.addr());
    assert_is_served(&place, &upstream);
    // Killed, it leaves one itself.
    fanout.signal(Signal::KILL);
    drop(fanout);
    assert!(place.path().exists(), "nobody has removed it");
    fanout = start_at(&place, &upstream);
    assert_is_served(&place, &upstream);
    assert_eq!(fanout.terminate(), 0);
    assert!(!place.path().exists());
}

#[test]
fn a_socket_that_somebody_listens_on_is_refused_and_left() {
    let place = Place::new();
    let owner = UnixListener::bind(place.path()).expect("the path is free");
    let inode = inode(&place);
    assert_refused(&place, "another process listens there");
    assert_eq!(inode, self::inode(&place), "the file is the owner's");
    drop(place.dial());
    owner.accept().expect("the probe, or the one after it");
}

/// Only Linux says so at once; elsewhere the connect waits or is refused.
#[cfg(target_os = "linux")]
#[test]
fn one_with_a_full_accept_queue_is_refused_without_waiting() {
    let place = Place::new();
    let _full = crate::upstream_unix::full(&place);
    assert_refused(&place, "another process listens there");
    assert!(place.path().exists());
}

/// Puts something at a path.
type Make = fn(&Path) -> io::Result<()>;

#[test]
fn anything_else_of_that_name_is_refused_and_left() {
    let cases: [Make; 4] = [
        |path| fs::write(path, "precious"),
        |path| fs::create_dir(path),
        |path| symlink("nothing", path),
        |path| {
            let target = path.with_file_name("target");
            UnixListener::bind(&target)?;
            symlink(target, path)
        },
    ];
    for make in cases {
        let place = Place::new();
        make(place.path()).expect("the folder is ours");
        let inode = inode(&place);
        assert_refused(&place, "no socket");
        assert_eq!(inode, self::inode(&place));
    }
    let place = Place::new();
    let _socket = UnixDatagram::bind(place.path()).expect("the path is free");
    assert_refused(&place, "another process listens there");
    assert!(place.path().exists());
    assert_refused(&Place::named("no-folder/s"), "No such file or directory");
}

#[test]
fn the_file_is_gone_as_soon_as_nobody_can_connect() {
    let place = Place::new();
    let mut scene = Scene::set(&format!(
        "-l {} -l 127.0.0.1:0 --drain-timeout 1h --unsent-limit 16KiB",
        place.addr()
    ));
    let _stuck = place.connect();
    scene.fanout.wait_for_line("client joined");
    scene.feed.send(500);
    scene.fanout.wait_for_stat("frames", 500);
    assert!(place.path().exists());
    scene.fanout.signal(Signal::TERM);
    scene.fanout.wait_for_line("draining clients=1");
    assert!(!place.path().exists(), "it has closed its listeners");
    // The second signal ends it at once.
    scene.fanout.signal(Signal::TERM);
    assert_eq!(scene.fanout.wait_exit(), 1);
}

#[test]
fn the_file_is_gone_after_two_signals_at_once_and_after_the_upstreams_end() {
    let (place, upstream) = (Place::new(), Upstream::bind());
    let mut fanout = start_at(&place, &upstream);
    let _feed = upstream.accept();
    fanout.stop();
    fanout.signal(Signal::TERM);
    fanout.signal(Signal::INT);
    fanout.signal(Signal::CONT);
    assert_eq!(fanout.wait_exit(), 1);
    assert!(!place.path().exists());

    let options = format!("-l {} --no-reconnect", place.addr());
    fanout = Launch::new(&arguments(&upstream, &options)).start();
    drop(upstream.accept());
    assert_eq!(fanout.wait_exit(), 0);
    assert!(!place.path().exists());
}

#[test]
fn the_file_is_gone_when_another_listener_cannot_be_bound() {
    let (place, other) = (Place::new(), Place::new());
    fs::write(other.path(), "").expect("the folder is ours");
    let options = format!("-l {} -l {}", place.addr(), other.addr());
    let outcome = Launch::new(&format!("{options} 127.0.0.1:1")).run();
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    assert!(!place.path().exists());
    assert!(other.path().exists());
    // Twice the same: the first of them answers the second.
    let twice = format!("-l {0} -l {0} 127.0.0.1:1", place.addr());
    assert_eq!(Launch::new(&twice).run().code, 1);
    assert!(!place.path().exists());
}

#[test]
fn a_file_that_somebody_else_has_put_there_is_left() {
    let (place, upstream) = (Place::new(), Upstream::bind());
    let mut fanout = start_at(&place, &upstream);
    let mut early = place.connect();
    fanout.wait_for_line("client joined");
    let mut feed = upstream.accept();
    fs::remove_file(place.path()).expect("the file is there");
    let _owner = UnixListener::bind(place.path()).expect("the path is free");
    feed.send(3);
    early.expect(0..3);
    drop(early);
    assert_eq!(fanout.terminate(), 0);
    drop(place.dial());

    // Removed by somebody: there is nothing left to remove.
    let place = Place::new();
    let mut fanout = start_at(&place, &upstream);
    fs::remove_file(place.path()).expect("the file is there");
    assert_eq!(fanout.terminate(), 0);
}

#[test]
fn a_bad_path_or_mode_is_a_usage_error_that_names_it() {
    let long = format!("unix:/tmp/{}", "a".repeat(120));
    let listeners = [
        "unix:",
        "unix:/tmp/a b",
        "unix:/tmp/a\tb",
        "unix:/tmp/a\"b",
        "unix:/tmp/a\\b",
        &long,
        "unix:/tmp/s,mode=0999",
        "unix:/tmp/s,mode=01000",
        "unix:/tmp/s,mode=-1",
        "unix:/tmp/s,mode=+7",
        "unix:/tmp/s,mode=",
        "unix:/tmp/s,mode=rw",
        "unix:/tmp/s,mode",
        "unix:/tmp/s,mode=600,mode=600",
        "unix:/tmp/s,comma",
        "127.0.0.1:0,mode=0600",
    ];
    let upstreams = [
        "unix:",
        "unix:/tmp/a b",
        "unix:/tmp/a,b",
        "unix:/tmp/a\"b",
        "unix:/tmp/a\\b",
        "unix:/tmp/s,mode=600",
        &long,
    ];
    let listeners = listeners.map(|value| ["--listen", value, "127.0.0.1:1"]);
    let upstreams = upstreams.map(|value| ["--listen", "127.0.0.1:0", value]);
    for words in listeners.iter().chain(&upstreams) {
        let mut shell = Command::new("sh");
        // The program comes behind them, and is put before them.
        shell.args([
            "-c",
            "program=$4; exec \"$program\" \"$1\" \"$2\" \"$3\"",
            "sh",
        ]);
        shell.args(words);
        let outcome = Launch::by(shell, "").run();
        assert_eq!(outcome.code, 2, "{words:?}: {:#?}", outcome.lines);
        assert_eq!(outcome.lines.len(), 1, "{words:?}: {:#?}", outcome.lines);
        let odd = words
            .iter()
            .find(|word| word.contains("unix:") || word.contains("mode"));
        let odd = odd.expect("one of them is what it is about");
        let value = odd.rsplit_once(',').map_or(*odd, |(_, option)| option);
        let key = value.split(['=', '\t']).next().expect("a first part");
        assert!(
            outcome.lines[0].contains(key),
            "{words:?}: {}",
            outcome.lines[0]
        );
    }
}

#[track_caller]
fn start_at(place: &Place, upstream: &Upstream) -> Fanout {
    Fanout::start(upstream, &format!("-l {}", place.addr()))
}

/// The program refuses to listen there: exit 1, and one line that says where and why.
#[track_caller]
fn assert_refused(place: &Place, why: &str) {
    let outcome = Launch::new(&format!("-l {} 127.0.0.1:1", place.addr())).run();
    assert_eq!(outcome.code, 1, "{:#?}", outcome.lines);
    assert_eq!(outcome.lines.len(), 1, "{:#?}", outcome.lines);
    let line = &outcome.lines[0];
    assert!(
        line.contains("ERROR") && line.contains(&place.addr()) && line.contains(why),
        "{line}"
    );
}

/// A client there is given what its upstream sends.
#[track_caller]
fn assert_is_served(place: &Place, upstream: &Upstream) {
    let mut client = place.connect();
    let mut feed = upstream.accept();
    // It has been accepted by now, or waits, and then it is accepted before the upstream is read.
    feed.send(2);
    client.expect(0..2);
}

#[track_caller]
fn inode(place: &Place) -> u64 {
    fs::symlink_metadata(place.path())
        .expect("the file is there")
        .ino()
}
