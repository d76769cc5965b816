//! What a client can rely on: whole frames, order, no gap, nobody else's problem, live from the moment it is in.

use crate::harness::{End, Reader, Scene, all_expect, line};

#[test]
fn a_stream_starts_at_the_first_byte_of_a_frame() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 1);
    for part in [1, 511, 1023] {
        let next = scene.feed.next();
        scene.feed.begin_frame(part);
        let mut late = scene.fanout.join();
        scene.feed.send(2);
        late.expect(next..next + 3);
        witness.expect(next..next + 3);
    }
}

#[test]
fn a_frame_that_was_never_completed_is_never_sent_and_is_counted() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
    let mut client = scene.fanout.join();
    for (connection, part) in [1, 300, 1023].into_iter().enumerate() {
        let next = scene.feed.next();
        scene.feed.send(5);
        client.expect(next..next + 5);
        scene.feed.begin_frame(part);
        drop(scene.feed);
        let lost = scene
            .fanout
            .wait_for_lines("upstream lost", connection + 1)
            .pop()
            .expect("a line");
        assert_eq!(
            line::number(&lost, "discarded_bytes"),
            part as u64,
            "{lost}"
        );
        scene.feed = scene.upstream.accept().starting_at(next + 5);
    }
    scene.feed.send(1);
    client.expect(15..16);
    assert_eq!(client.missing(), 0);
}

#[test]
fn bytes_that_dribble_in_one_by_one_become_the_same_frames() {
    let mut scene = Scene::with_frame_size(32, "");
    let mut client = scene.fanout.join();
    for _ in 0..5 {
        scene.feed.begin_frame(1);
        for left in (1..32).rev() {
            scene.feed.send_more_of_frame(1);
            assert_eq!(scene.feed.unsent(), left - 1);
        }
    }
    client.expect(0..5);
}

#[test]
fn frames_keep_their_order_across_reconnects() {
    let mut scene = Scene::set("--reconnect-min 1ms --reconnect-max 1ms");
    let mut client = scene.fanout.join();
    for _ in 0..5 {
        let next = scene.feed.next();
        scene.feed.send(50);
        drop(scene.feed);
        scene.feed = scene.upstream.accept().starting_at(next + 50);
    }
    scene.feed.send(1);
    client.expect(0..251);
}

#[test]
fn many_clients_read_the_same_frames_without_a_gap() {
    let mut scene = Scene::set("");
    let mut clients = scene.fanout.join_many(50);
    for burst in [1, 7, 100, 300] {
        scene.feed.send(burst);
        let next = scene.feed.next();
        all_expect(&mut clients, next - burst..next);
    }
}

#[test]
fn a_lagging_client_leaves_and_others_do_not_notice() {
    let mut scene = Scene::set("--backlog 64 --unsent-limit 16KiB");
    let mut stuck = scene.fanout.join_small();
    let mut witness = scene.fanout.join();
    let left = scene.step_until(&mut witness, "client left");
    assert_eq!(line::addr(&left), stuck.addr());
    assert_eq!(line::value(&left, "reason"), "slow");
    scene.step(&mut witness, 100);
    stuck.expect_reset();
    assert!(
        stuck.frames() < scene.feed.next(),
        "the client that left has not had every frame"
    );
}

#[test]
fn a_client_that_is_ready_is_never_called_slow() {
    let mut scene = Scene::with_frame_size(64, "--backlog 8 --unsent-limit 0");
    let mut clients = scene.fanout.join_many(50);
    // A burst of 125 backlogs, which every client's kernel has room for: nobody reads until it has all been published.
    scene.feed.send(1_000);
    scene.fanout.wait_for_stat("frames", 1_000);
    all_expect(&mut clients, 0..1_000);
    assert_eq!(line::number(&scene.fanout.stats(), "clients"), 50);
}

#[test]
fn a_new_client_gets_the_next_frame_and_none_before() {
    let mut scene = Scene::set("");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 10);
    let mut client = scene.fanout.join();
    scene.feed.send(3);
    client.expect(10..13);
}

#[test]
fn replay_begins_with_the_most_recent_frames() {
    let mut scene = Scene::set("--replay 4");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 10);
    let mut client = scene.fanout.join();
    client.expect(6..10);
    scene.feed.send(3);
    client.expect(10..13);
}

#[test]
fn replay_of_one_listener_is_kept_although_everybody_has_everything() {
    let mut scene = Scene::set("-l 127.0.0.1:0 -l 127.0.0.1:0,slow=skip,replay=400");
    let without = scene.fanout.addr_of("slow=disconnect");
    let with = scene.fanout.addr_of("slow=skip");
    let mut witness = scene.fanout.joined(Reader::connect(without, 1024));
    // More than a read window: where nothing is replayed, the log would have started over.
    scene.step(&mut witness, 700);
    let mut client = scene.fanout.joined(Reader::connect(with, 1024));
    client.expect(300..700);
}

#[test]
fn replay_is_as_long_as_what_is_kept() {
    let mut scene = Scene::set("--replay 100 --backlog 100");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 10);
    let mut client = scene.fanout.join();
    client.expect(0..10);
    scene.step(&mut witness, 290);
    let mut late = scene.fanout.join();
    late.expect(200..300);
}

#[test]
fn replay_has_no_seam() {
    let mut scene = Scene::set("--replay 16");
    let addr = scene.fanout.addr();
    for _ in 0..50 {
        scene.feed.send(20);
        let mut client = Reader::connect(addr, 1024);
        scene.feed.send(20);
        let last = scene.feed.next() - 1;
        client.read_to(last);
        assert!(
            client.frames() >= 16.min(last),
            "{} frames",
            client.frames()
        );
    }
}

#[test]
fn replay_goes_on_across_a_lost_upstream() {
    let mut scene = Scene::set("--replay 8 --reconnect-min 1ms --reconnect-max 1ms");
    let mut witness = scene.fanout.join();
    scene.step(&mut witness, 5);
    scene.feed.begin_frame(77);
    drop(scene.feed);
    scene.feed = scene.upstream.accept().starting_at(5);
    let mut client = scene.fanout.join();
    client.expect(0..5);
    scene.feed.send(2);
    client.expect(5..7);
}

#[test]
fn a_client_reads_on_while_another_resets_in_the_middle_of_a_frame() {
    let mut scene = Scene::with_frame_size(100_000, "--unsent-limit 16KiB");
    let mut witness = scene.fanout.join();
    for _ in 0..6 {
        let hasty = scene.fanout.join_small();
        scene.step(&mut witness, 2);
        let addr = hasty.reset();
        let left = scene.fanout.wait_for_departure(addr);
        assert_eq!(line::value(&left, "reason"), "closed", "{left}");
    }
    scene.step(&mut witness, 5);
    witness.half_close();
    assert_eq!(scene.fanout.terminate(), 0);
    assert_eq!(witness.read_to_end(), End::Fin);
}
