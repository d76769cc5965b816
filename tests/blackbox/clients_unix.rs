//! Clients that come by a unix socket: the same stream, the same policies, no address of their own.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Signal;

use crate::cases::tools;
use crate::harness::frame::frames;
use crate::harness::{DEADLINE, End, Place, Reader, Scene, all_expect, line};

#[test]
fn many_of_them_and_some_of_tcp_get_every_frame_in_order() {
    let place = Place::new();
    let mut scene = Scene::set(&place.beside_tcp("--slow wait"));
    let mut clients: Vec<_> = (0..60).map(|_| place.connect()).collect();
    let tcp = scene.fanout.addr_of("127.0.0.1");
    clients.extend((0..5).map(|_| Reader::connect(tcp, 1024)));
    scene.fanout.wait_for_stat("clients", 65);
    for _ in 0..4 {
        let next = scene.feed.next();
        scene.feed.send(500);
        all_expect(&mut clients, next..next + 500);
    }
    // A frame in two parts arrives whole.
    scene.feed.begin_frame(1);
    scene.feed.send(0);
    all_expect(&mut clients, 2_000..2_001);
    // Those of TCP stay, whose end may be that of their input alone.
    drop(clients);
    scene.fanout.wait_for_stat("clients", 5);
    let left = scene.fanout.wait_for_line("client left");
    assert_eq!(line::value(&left, "reason"), "closed", "{left}");
}

/// A kernel that has refused bytes says when there is room again, however little is read at a time, and however much:
/// on Linux, once no more than a quarter of the send buffer is taken (`unix_writable`).
#[test]
fn those_who_read_single_bytes_and_those_who_read_big_gulps_get_everything() {
    const FRAMES: u64 = 400;
    for limit in ["1", "4KiB", "64KiB", "0"] {
        let place = Place::new();
        let options = format!("--slow wait --backlog 16 --unsent-limit {limit} --stall-timeout 0");
        let mut scene = Scene::set(&place.beside_tcp(&options));
        let sizes = [1, 7, 1_023, 4_096, 1 << 20];
        let readers = sizes.map(|size| {
            let mut socket = place.dial();
            thread::spawn(move || read_in_pieces(&mut socket, size, FRAMES))
        });
        scene.fanout.wait_for_stat("clients", sizes.len() as u64);
        // In lumps of all sizes, so that writes are taken whole, in part and not at all.
        for count in (1..30).cycle() {
            let left = FRAMES - scene.feed.next();
            scene.feed.send(left.min(count));
            if scene.feed.next() == FRAMES {
                break;
            }
        }
        for (reader, size) in readers.into_iter().zip(sizes) {
            let bytes = reader.join().expect("the reader does not panic");
            assert!(
                bytes == frames(0..FRAMES, 1024),
                "{size} bytes at a time, limit {limit}"
            );
        }
    }
}

#[test]
fn limits_on_addresses_do_not_concern_them_and_all_others_do() {
    let place = Place::new();
    let limits = "--allow 10.0.0.0/8 --max-clients-per-ip 1 --max-clients 4";
    let limited = format!("-l {},max-clients=3 -l 127.0.0.1:0 {limits}", place.addr());
    let mut scene = Scene::set(&limited);
    let mut clients: Vec<_> = (0..3).map(|_| place.connect()).collect();
    scene.fanout.wait_for_stat("clients", 3);
    let refusal = format!("client refused addr={} reason=max-clients", place.addr());
    let mut refused = place.connect();
    scene.fanout.wait_for_line(&refusal);
    assert_eq!(refused.read_to_end(), End::Fin);
    let knocked = Reader::knock(scene.fanout.addr_of("127.0.0.1"));
    scene.fanout.wait_for_line(&format!(
        "client refused addr={} reason=not-allowed",
        knocked.addr()
    ));
    // One leaves, and its place is free.
    drop(clients.pop());
    scene.fanout.wait_for_stat("clients", 2);
    clients.push(place.connect());
    scene.fanout.wait_for_stat("clients", 3);
    scene.feed.send(3);
    all_expect(&mut clients, 0..3);

    drop(scene);
    let scene = Scene::set(&place.beside_tcp("--max-clients 2"));
    let _clients = [place.connect(), place.connect()];
    scene.fanout.wait_for_stat("clients", 2);
    drop(place.connect());
    scene.fanout.wait_for_line(&refusal);
    let knocked = Reader::knock(scene.fanout.addr_of("127.0.0.1"));
    scene.fanout.wait_for_line(&format!(
        "client refused addr={} reason=max-clients",
        knocked.addr()
    ));
}

#[test]
fn a_drain_gives_them_their_backlog_and_then_the_end() {
    let place = Place::new();
    let mut scene = Scene::set(&place.beside_tcp("--unsent-limit 16KiB --drain-timeout 1h"));
    let mut behind = place.connect();
    let mut caught_up = place.connect();
    scene.fanout.wait_for_stat("clients", 2);
    scene.feed.send(500);
    caught_up.expect(0..500);
    scene.fanout.signal(Signal::TERM);
    caught_up.expect_fin();
    // It reads to the client's end, so that a client which still speaks is not reset.
    caught_up.send(b"goodbye");
    drop(caught_up);
    behind.expect(0..500);
    behind.expect_fin();
    drop(behind);
    assert_eq!(scene.fanout.wait_exit(), 0);
    scene.fanout.wait_for_line("drained clients=2 aborted=0");
}

#[test]
fn one_that_says_no_more_goes_on_receiving_and_one_that_says_too_much_does_not() {
    let place = Place::new();
    let mut scene = Scene::set(&place.beside_tcp(""));
    let mut client = place.connect();
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    client.half_close();
    let mut other = place.connect();
    scene.fanout.wait_for_stat("clients", 2);
    scene.feed.send(3);
    client.expect(0..3);
    other.expect(0..3);
    let chatter = vec![b'x'; 64 * 1024];
    let mut socket = place.dial();
    let refusal = (0..100).find_map(|_| socket.write_all(&chatter).err());
    let refusal = refusal.expect("1 MiB is the most").kind();
    // The latter when it is closed with something unread.
    let is_closed = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&refusal);
    assert!(is_closed, "{refusal}");
    scene.fanout.wait_for_line("client left*reason=flood");
    scene.feed.send(3);
    client.expect(3..6);
    other.expect(3..6);
    // Half closed and then gone: that is noticed though nothing is sent.
    drop(client);
    scene.fanout.wait_for_stat("clients", 1);
}

#[test]
fn nc_reads_the_stream_as_it_does_over_tcp() {
    if !tools::are_there(&["nc"]) {
        return;
    }
    let place = Place::new();
    let mut scene = Scene::set(&place.beside_tcp(""));
    for next in [0, 5] {
        let mut nc = Command::new("nc")
            .arg("-U")
            .arg(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc is there");
        scene.fanout.wait_for_stat("clients", 1);
        scene.feed.send(5);
        let mut bytes = vec![0; 5 * 1024];
        nc.stdout
            .take()
            .expect("it is a pipe")
            .read_exact(&mut bytes)
            .expect("frames come");
        assert!(
            bytes == frames(next..next + 5, 1024),
            "the frames are others"
        );
        nc.kill().expect("it is our child");
        nc.wait().expect("it is our child");
        scene.fanout.wait_for_stat("clients", 0);
    }
}

/// What the kernel holds can be asked for there (`SIOCINQ`, unix(7)), and descriptors are counted in `/proc`.
#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSlice;
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;

    use rustix::io::ioctl_fionread;
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

    use crate::harness::{Place, Scene, system};

    #[test]
    fn the_unsent_limit_is_all_that_the_kernel_holds_for_one_that_never_reads() {
        for limit in [16 * 1024, 64 * 1024, 128 * 1024] {
            // One by one, and all at once.
            for lump in [1, 600] {
                let place = Place::new();
                let options = format!("--slow skip --backlog 700 --unsent-limit {limit}");
                let mut scene = Scene::set(&place.beside_tcp(&options));
                let stuck = place.connect();
                let mut witness = place.connect();
                scene.fanout.wait_for_stat("clients", 2);
                for _ in 0..600 / lump {
                    let next = scene.feed.next();
                    scene.feed.send(lump);
                    witness.expect(next..next + lump);
                }
                // Once it has answered that, it has offered the last frame to everybody.
                scene.fanout.stats();
                let held = ioctl_fionread(&stuck).expect("it is a socket");
                assert!(
                    held <= limit,
                    "{held} bytes, {limit} allowed, {lump} at a time"
                );
                assert!(
                    held >= limit / 8,
                    "{held} bytes of {limit}, {lump} at a time"
                );
            }
        }
    }

    #[test]
    fn descriptors_that_they_send_are_thrown_away_like_all_they_say() {
        let place = Place::new();
        let mut scene = Scene::set(&place.beside_tcp(""));
        let mut client = place.connect();
        scene.fanout.wait_for_stat("clients", 1);
        let before = system::descriptors(scene.fanout.pid());
        for _ in 0..100 {
            let (reader, writer) = std::io::pipe().expect("the system gives a pipe");
            let sent = [writer.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut rights = SendAncillaryBuffer::new(&mut space);
            assert!(rights.push(SendAncillaryMessage::ScmRights(&sent)));
            sendmsg(
                &client,
                &[IoSlice::new(b"here")],
                &mut rights,
                SendFlags::empty(),
            )
            .expect("the program reads what clients send");
            drop(writer);
            // Nobody has it any more once the program has read the words that it came with.
            let ended = std::io::Read::read(&mut &reader, &mut [0]).expect("it is a pipe");
            assert_eq!(ended, 0);
        }
        scene.feed.send(2);
        client.expect(0..2);
        assert_eq!(system::descriptors(scene.fanout.pid()), before);
    }
}

/// Reads so many frames, so many bytes at a time.
fn read_in_pieces(socket: &mut UnixStream, size: usize, frames: u64) -> Vec<u8> {
    socket
        .set_read_timeout(Some(DEADLINE))
        .expect("a time is valid");
    let total = usize::try_from(frames * 1024).expect("it fits into memory");
    let mut bytes = Vec::with_capacity(total);
    let mut piece = vec![0; size];
    while bytes.len() < total {
        let count = socket.read(&mut piece).expect("frames come");
        assert!(count > 0, "it ends after {} bytes", bytes.len());
        bytes.extend_from_slice(&piece[..count]);
    }
    bytes
}
