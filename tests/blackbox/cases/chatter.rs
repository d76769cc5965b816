//! What clients say, how loud, and how they hang up; and real programs in their place.

use std::thread;
use std::time::{Duration, Instant};

use super::counter;
use crate::harness::{Reader, Scene, line};

/// Case 25.
#[test]
fn every_byte_that_a_client_says_is_counted_and_the_stream_does_not_change() {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: fanout\r\n\r\n";
    let mut scene = Scene::set("");
    let mut client = scene.fanout.join();
    client.send(REQUEST);
    scene.step(&mut client, 5);
    client.send(&[b'x'; 10 * 1024]);
    scene.step(&mut client, 5);
    let said = (REQUEST.len() + 10 * 1024) as u64;
    scene.fanout.wait_for_stat("heard_bytes", said);
    // Out of band: not in the stream of bytes, and nothing for the program to stumble over.
    socket2::SockRef::from(&client)
        .send_out_of_band(b"!")
        .expect("it is connected");
    scene.step(&mut client, 5);
    client.send(b"after it");
    scene.fanout.wait_for_stat("heard_bytes", said + 8);
    scene.step(&mut client, 5);
    assert_eq!(client.frames(), 20);
    assert_eq!(counter(&scene, "clients"), 1);
}

/// Case 26.
#[test]
fn eight_that_flood_are_thrown_out_at_the_quota_and_the_others_are_served_all_the_while() {
    const FLOODS: u64 = 8;
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    let addr = scene.fanout.addr();
    let flood = move || {
        let mut client = Reader::connect(addr, 1024);
        client.send_until_refused(&vec![7; 16 << 20]);
        client.expect_reset();
    };
    let floods: Vec<_> = (0..FLOODS).map(|_| thread::spawn(flood)).collect();
    let mut slowest = Duration::ZERO;
    while floods.iter().any(|flood| !flood.is_finished()) {
        let sent = Instant::now();
        scene.step(&mut witness, 1);
        slowest = slowest.max(sent.elapsed());
    }
    for flood in floods {
        flood.join().expect("it is thrown out");
    }
    scene.fanout.wait_for_stat("left_flood", FLOODS);
    scene.step(&mut witness, 10);
    assert_eq!(witness.frames(), scene.feed.next());
    // A mebibyte is allowed, and one reading more may be taken before it is seen.
    let heard = counter(&scene, "heard_bytes") / FLOODS;
    assert!(heard > 1 << 20, "{heard} bytes of each flood");
    assert!(
        heard <= (1 << 20) + (64 << 10),
        "{heard} bytes of each flood"
    );
    assert_eq!(scene.fanout.lines().matching("client left").len(), 8);
    // The floods take milliseconds. A frame that waited for all of them, or for a time-out, would take longer.
    assert!(slowest < Duration::from_secs(5), "a frame took {slowest:?}");
}

/// Case 27.
#[test]
fn a_client_that_closes_with_frames_unread_resets_and_only_it_leaves() {
    let mut scene = Scene::with_frame_size(100_000, "--unsent-limit 16KiB");
    let mut witness = scene.fanout.join();
    for round in 1..=5 {
        let mut hasty = scene.fanout.join_small();
        let first = scene.feed.next();
        scene.step(&mut witness, 1);
        // In the middle of the second frame, with bytes on both sides unread: the kernel makes a reset of the close.
        hasty.expect(first..first + 1);
        scene.step(&mut witness, 2);
        let addr = hasty.addr();
        drop(hasty);
        let left = scene.fanout.wait_for_departure(addr);
        assert_eq!(line::value(&left, "reason"), "closed", "{left}");
        assert_eq!(counter(&scene, "left_closed"), round);
    }
    scene.step(&mut witness, 3);
    assert_eq!(witness.frames(), scene.feed.next());
}

/// Case 24, while frames flow.
#[test]
fn a_half_closed_client_that_closes_is_gone_after_two_frames() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    for round in 1..=10 {
        let mut client = scene.fanout.join_many(1).swap_remove(0);
        client.half_close();
        let first = scene.feed.next();
        scene.step(&mut witness, 2);
        client.expect(first..first + 2);
        drop(client);
        scene.step(&mut witness, 2);
        scene.fanout.wait_for_stat("left_closed", round);
    }
    assert_eq!(counter(&scene, "clients"), 1);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Read;
    use std::process::{Child, Command, Stdio};

    use crate::cases::network::wait_for_fins;
    use crate::cases::tools;
    use crate::harness::{Scene, frame};

    /// Case 23, as people will do it.
    #[test]
    fn netcat_without_input_gets_every_frame_across_a_reconnect_and_a_clean_end() {
        for words in [&["ncat"][..], &["nc.openbsd", "-N"]] {
            if !tools::are_there(&words[..1]) {
                continue;
            }
            let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
            let to = scene.fanout.addr();
            let mut child = start(words, &[to.ip().to_string(), to.port().to_string()]);
            scene.fanout.wait_for_stat("clients", 1);
            wait_for_fins(&scene.fanout, 1);
            scene.feed.send(50);
            scene.fanout.wait_for_stat("delivered", 50);
            drop(scene.feed);
            let mut feed = scene.upstream.accept().starting_at(50);
            feed.send(50);
            scene.fanout.wait_for_stat("delivered", 100);
            assert_eq!(scene.fanout.terminate(), 0);
            let mut read = Vec::new();
            let mut output = child.stdout.take().expect("stdout is a pipe");
            output.read_to_end(&mut read).expect("it ends");
            assert!(
                child.wait().expect("it is our child").success(),
                "{words:?}"
            );
            assert!(
                read == frame::frames(0..100, 1024),
                "{words:?}: {}",
                read.len()
            );
        }
    }

    fn start(words: &[&str], address: &[String]) -> Child {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(address);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().expect("it is there")
    }
}
