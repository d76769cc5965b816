//! The upstream by the clock: what is given up when, and what comes next.

use std::io;
use std::time::Duration;

use super::super::upstream::{News, Step, UpstreamSettings, Whom};
use super::line::{LineEnd, Link};
use super::scene::{SETTINGS, Scene, addr, loss};
use super::{MS, just_before};

#[test]
fn an_upstream_without_a_byte_is_given_up_at_its_timeout_and_no_sooner() {
    let mut scene = Scene::streaming(UpstreamSettings {
        upstream_timeout: Some(MS(1000)),
        ..SETTINGS
    });
    assert_eq!(scene.upstream.deadline(), Some(scene.now + MS(1000)));
    scene.now += MS(400);
    assert_eq!(scene.send(2 * 8 + 3), Step::Rest);
    let due = scene.now + MS(1000);
    scene.now += MS(100);
    scene.upstream.note(true);
    assert_eq!(scene.advance(), Step::Rest);
    assert_eq!(scene.upstream.deadline(), Some(due), "an event is no byte");
    scene.now = just_before(due);
    assert_eq!(scene.advance(), Step::Rest);
    assert_eq!(scene.news(), []);
    scene.now = due;
    scene.advance();
    let (loss, frames, discarded_bytes, _) = scene.loss();
    assert_eq!(loss.reason, "no bytes for 1s");
    assert_eq!((frames, discarded_bytes), (2, 3));
    assert!(scene.upstream.socket().is_none(), "it is closed");
    assert_eq!(scene.relay.stats().upstream_losses, 1);
}

#[test]
fn an_upstream_without_a_whole_frame_is_called_stale_once_until_it_sends_one() {
    let limit = MS(300);
    let mut scene = Scene::streaming(UpstreamSettings {
        stale_after: Some(limit),
        ..SETTINGS
    });
    let due = scene.now + limit;
    scene.now += MS(200);
    scene.send(7);
    assert_eq!(scene.upstream.deadline(), Some(due), "no whole frame");
    scene.now = just_before(due);
    scene.advance();
    assert_eq!(scene.news(), []);
    scene.now = due;
    scene.advance();
    assert_eq!(scene.news(), [News::Stale(addr(1).into(), limit)]);
    assert_eq!(scene.upstream.deadline(), None);
    scene.now += limit;
    scene.advance();
    assert_eq!(scene.news(), []);
    scene.send(1);
    assert_eq!(scene.upstream.deadline(), Some(scene.now + limit));
}

#[test]
fn a_connection_that_is_not_made_in_time_makes_way_for_the_next_address_of_its_name() {
    let mut scene = Scene::new(&[None], SETTINGS);
    assert_eq!(scene.upstream.deadline(), Some(Duration::ZERO));
    assert_eq!(scene.advance(), Step::Resolve(0));
    assert_eq!(scene.upstream.awaited(), Some(0));
    scene.upstream.resolved(Ok(vec![addr(1), addr(2)]));
    scene.dial(1);
    assert_eq!(scene.upstream.awaited(), None);
    let due = scene.now + SETTINGS.connect_timeout;
    assert_eq!(scene.upstream.deadline(), Some(due));
    scene.now = just_before(due);
    assert_eq!(scene.advance(), Step::Rest);
    scene.now = due;
    assert_eq!(scene.advance(), Step::Connect(addr(2).into()));
    let (lost, _, _, wait) = scene.loss();
    assert_eq!(lost, loss(Whom::Addr(addr(1).into()), "connect timed out"));
    assert_eq!(wait, None);
    let refused = io::ErrorKind::ConnectionRefused;
    scene.upstream.dialled(Err(refused.into()));
    assert_eq!(scene.advance(), Step::Rest);
    let (lost, _, _, wait) = scene.loss();
    assert_eq!(lost, loss(Whom::Addr(addr(2).into()), "connection refused"));
    assert!(wait.is_some(), "there is no third");
}

#[test]
fn a_name_that_is_not_found_is_a_loss_and_so_is_one_that_takes_too_long() {
    let answers = [
        (
            Some(Err(io::Error::other("none"))),
            "name lookup failed: none",
        ),
        (Some(Ok(Vec::new())), "the name has no address"),
        (None, "name lookup timed out"),
    ];
    for (answer, reason) in answers {
        let mut scene = Scene::new(&[None], SETTINGS);
        assert_eq!(scene.advance(), Step::Resolve(0));
        let due = scene.now + SETTINGS.connect_timeout;
        assert_eq!(scene.upstream.deadline(), Some(due));
        scene.now = just_before(due);
        assert_eq!(scene.advance(), Step::Rest);
        match answer {
            Some(answer) => scene.upstream.resolved(answer),
            None => scene.now = due,
        }
        assert_eq!(scene.advance(), Step::Rest);
        assert_eq!(scene.loss().0, loss(Whom::Target(0), reason));
        assert_eq!(scene.upstream.awaited(), None);
    }
}

#[test]
fn after_the_last_of_the_list_the_first_is_tried_again_after_a_wait_that_doubles() {
    let mut scene = Scene::new(&[Some(1), Some(2)], SETTINGS);
    for nominal in [100, 200, 400, 400] {
        scene.dial(1);
        scene.line().link = Link::Refused;
        scene.upstream.note(false);
        assert_eq!(scene.advance(), Step::Connect(addr(2).into()), "at once");
        assert_eq!(scene.loss().3, None);
        scene
            .upstream
            .dialled(Err(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(scene.advance(), Step::Rest);
        let wait = scene.loss().3.expect("a wait");
        assert!((MS(nominal / 2)..=MS(nominal)).contains(&wait), "{wait:?}");
        let due = scene.now + wait;
        assert_eq!(scene.upstream.deadline(), Some(due));
        scene.now = just_before(due);
        assert_eq!(scene.advance(), Step::Rest);
        scene.now = due;
    }
    assert_eq!(scene.relay.stats().upstream_losses, 8);
    assert_eq!(scene.relay.stats().upstream_connects, 0);
}

#[test]
fn only_a_whole_frame_makes_the_next_wait_short_again() {
    let mut scene = Scene::new(&[Some(1)], SETTINGS);
    for (bytes, nominal) in [(7, 100), (7, 200), (8, 100), (0, 200)] {
        scene.connect(1);
        scene.send(bytes);
        scene.news();
        scene.end(LineEnd::Ended);
        let (lost, frames, discarded_bytes, wait) = scene.loss();
        assert_eq!(lost, loss(Whom::Addr(addr(1).into()), "ended"));
        assert_eq!(
            (frames, discarded_bytes),
            (bytes as u64 / 8, bytes as u64 % 8)
        );
        let wait = wait.expect("a wait");
        assert!((MS(nominal / 2)..=MS(nominal)).contains(&wait), "{wait:?}");
        scene.now += wait;
    }
    assert_eq!(scene.relay.stats().upstream_connects, 4);
}

#[test]
fn without_reconnecting_it_ends_as_its_stream_did_and_says_so_once() {
    let reset = LineEnd::Failed(io::ErrorKind::ConnectionReset);
    for (end, reason) in [(LineEnd::Ended, "ended"), (reset, "connection reset")] {
        let mut scene = Scene::streaming(UpstreamSettings {
            reconnect: false,
            ..SETTINGS
        });
        assert_eq!(scene.upstream.take_end(), None);
        scene.send(11);
        assert_eq!(scene.end(end), Step::Rest);
        let (lost, frames, discarded_bytes, _) = scene.loss();
        assert_eq!((frames, discarded_bytes), (1, 3));
        assert_eq!(lost, loss(Whom::Addr(addr(1).into()), reason));
        let is_clean = reason == "ended";
        let outcome = if is_clean { Ok(()) } else { Err(lost) };
        assert_eq!(scene.upstream.take_end(), Some(outcome));
        assert_eq!(scene.upstream.take_end(), None);
        assert_eq!(scene.upstream.deadline(), None);
        scene.now += MS(1_000_000);
        assert_eq!(scene.advance(), Step::Rest);
    }
}

#[test]
fn without_reconnecting_the_list_is_gone_through_once() {
    let mut scene = Scene::new(
        &[Some(1), Some(2)],
        UpstreamSettings {
            reconnect: false,
            ..SETTINGS
        },
    );
    let refused = || Err(io::ErrorKind::ConnectionRefused.into());
    assert_eq!(scene.advance(), Step::Connect(addr(1).into()));
    scene.upstream.dialled(refused());
    assert_eq!(scene.advance(), Step::Connect(addr(2).into()));
    scene.upstream.dialled(refused());
    assert_eq!(scene.advance(), Step::Rest);
    let lost = loss(Whom::Addr(addr(2).into()), "connection refused");
    assert_eq!(scene.upstream.take_end(), Some(Err(lost)));
}

/// A hold of frames during which the upstream need not be heard, as the one before was short.
fn unheard(settings: UpstreamSettings) -> Scene {
    let mut scene = Scene::streaming(settings);
    assert_eq!(scene.send(8), Step::Rest, "how much comes is not known yet");
    scene.now += MS(20);
    scene.relay.publish_due(scene.now);
    assert_eq!(scene.send(8), Step::Ignore);
    scene.upstream.ignored();
    scene
}

#[test]
fn while_frames_are_held_back_it_is_neither_heard_nor_blamed_for_its_silence() {
    let mut scene = unheard(UpstreamSettings {
        upstream_timeout: Some(MS(10)),
        stale_after: Some(MS(10)),
        ..SETTINGS
    });
    let due = scene.now + MS(20);
    assert_eq!(scene.upstream.deadline(), None);
    scene.line().available = 8;
    scene.now = just_before(due);
    assert!(!scene.upstream.has_unread(&scene.relay, scene.now));
    assert_eq!(scene.advance(), Step::Rest);
    scene.now = due;
    assert!(scene.upstream.has_unread(&scene.relay, scene.now));
    assert_eq!(scene.advance(), Step::Listen);
    scene.upstream.listened(Ok(()), scene.now);
    assert!(scene.upstream.has_unread(&scene.relay, scene.now));
    assert_eq!(scene.advance(), Step::Rest);
    assert_eq!(scene.news(), []);
    assert_eq!(scene.relay.stats().frames, 3);
    assert!(!scene.upstream.has_unread(&scene.relay, scene.now));
    assert_eq!(scene.upstream.deadline(), Some(scene.now + MS(10)));
}

#[test]
fn an_upstream_that_cannot_be_heard_again_is_lost() {
    let mut scene = unheard(SETTINGS);
    scene.now += MS(20);
    assert_eq!(scene.advance(), Step::Listen);
    let refused = io::Error::other("no memory");
    scene.upstream.listened(Err(refused), scene.now);
    assert!(scene.upstream.has_unread(&scene.relay, scene.now));
    scene.advance();
    assert_eq!(scene.loss().0.reason, "no memory");
}

#[test]
fn a_closed_upstream_wants_nothing_and_has_not_ended_by_itself() {
    let mut scene = Scene::streaming(SETTINGS);
    scene.upstream.close();
    assert!(scene.upstream.socket().is_none());
    assert_eq!(scene.advance(), Step::Rest);
    assert_eq!(scene.upstream.deadline(), None);
    assert_eq!(scene.upstream.take_end(), None);
    assert!(!scene.upstream.has_unread(&scene.relay, scene.now));
}
