//! The upstream's state machine, where the answers that it is given are not the usual ones.
//!
//! Whatever a socket can do by itself is played through in the simulator; here is what its caller answers, or does not.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fastrand::Rng;

use super::super::endpoint::Endpoint;
use super::super::limits::Budgets;
use super::super::upstream::{Attempt, Dialled, Loss, News, Step};
use super::super::upstream::{Upstream, UpstreamSettings, Verdict, Whom};
use super::super::{Relay, RelaySettings};
use super::fake::{FakeSocket, FakeUpstream};
use super::{MS, just_before};

/// A dialled socket, which gives frames of 8 bytes. Its other end has an address, or a failure instead of one.
struct Socket {
    stream: FakeUpstream,
    /// What asking for the other end's address fails with.
    nameless: Option<ErrorKind>,
}

impl Default for Socket {
    fn default() -> Self {
        let stream = FakeUpstream {
            frame_size: 8,
            ..FakeUpstream::default()
        };
        Self {
            stream,
            nameless: None,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }
}

impl Dialled for Socket {
    fn peek(&self, _into: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn remote_addr(&self) -> io::Result<Endpoint> {
        self.nameless
            .map_or(Ok(ADDR.into()), |kind| Err(kind.into()))
    }

    fn local_addr(&self) -> io::Result<Endpoint> {
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, 2)).into())
    }

    fn reset_on_close(&self) {}
}

const ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const LINGER: Duration = Duration::from_millis(10);

/// A relay that holds frames of 8 bytes back, without clients, and an upstream of one address that is to be dialled.
fn scene() -> (Relay<FakeSocket>, Upstream<Socket>) {
    let relay = Relay::new(&RelaySettings {
        frame_size: 8,
        window_bytes: 64,
        backlog_frames: 100,
        replay_frames: 0,
        linger: LINGER,
        stall_timeout: None,
        departures_kept: 0,
        history_seconds: 0,
        budgets: Budgets::default(),
    });
    let settings = UpstreamSettings {
        reconnect: true,
        reconnect_min: MS(250),
        reconnect_max: MS(250),
        connect_timeout: MS(5000),
        upstream_timeout: None,
        stale_after: None,
    };
    let upstream = Upstream::new(vec![Some(ADDR.into())], settings, Rng::with_seed(1));
    (relay.expect("a small log"), upstream)
}

fn all_news(upstream: &mut Upstream<Socket>) -> Vec<News> {
    std::iter::from_fn(|| upstream.next_news()).collect()
}

#[test]
fn what_nobody_has_answered_is_asked_for_again() {
    let (mut relay, mut upstream) = scene();
    for _ in 0..3 {
        let step = upstream.advance(&mut relay, MS(0));
        assert_eq!(step, Step::Connect(ADDR.into()));
        assert!(upstream.socket().is_none());
        assert!(upstream.deadline().is_some_and(|at| at <= MS(0)));
    }
    upstream.dialled(Err(ErrorKind::ConnectionRefused.into()));
    assert_eq!(upstream.advance(&mut relay, MS(0)), Step::Rest);
    assert!(matches!(
        all_news(&mut upstream).last(),
        Some(News::Retry(_))
    ));
}

/// An upstream that has been taken out of the poll, with 9 bytes read twice; frames are held back until that time.
fn unheard() -> (Relay<FakeSocket>, Upstream<Socket>, Duration) {
    let (mut relay, mut upstream) = scene();
    assert_eq!(
        upstream.advance(&mut relay, MS(0)),
        Step::Connect(ADDR.into())
    );
    upstream.dialled(Ok(Socket::default()));
    upstream.note(true);
    assert_eq!(upstream.advance(&mut relay, MS(0)), Step::Rest);
    // How little comes while frames are held back is known when some have been published.
    let mut now = MS(0);
    for step in [Step::Rest, Step::Ignore] {
        upstream.socket().expect("it is open").stream.send(9);
        upstream.note(true);
        assert_eq!(upstream.advance(&mut relay, now), step);
        now += LINGER;
        if step == Step::Rest {
            relay.publish_due(now);
        }
    }
    upstream.ignored();
    assert_eq!(
        all_news(&mut upstream).last(),
        Some(&News::Connected(ADDR.into()))
    );
    (relay, upstream, now)
}

#[test]
fn an_upstream_that_cannot_be_put_back_into_the_poll_is_lost_and_dialled_again() {
    let (mut relay, mut upstream, due) = unheard();
    assert!(!upstream.has_unread(&relay, just_before(due)));
    relay.publish_due(due);
    assert!(upstream.has_unread(&relay, due));
    assert_eq!(upstream.advance(&mut relay, due), Step::Listen);
    upstream.listened(Err(ErrorKind::OutOfMemory.into()), due);
    assert!(upstream.has_unread(&relay, due), "no event will tell");

    assert_eq!(upstream.advance(&mut relay, due), Step::Rest);
    assert!(upstream.socket().is_none(), "it is closed");
    let whom = Whom::Addr(ADDR.into());
    let reason = "out of memory".to_owned();
    let lost = News::Lost {
        loss: Loss { whom, reason },
        frames: 2,
        discarded_bytes: 2,
    };
    let [told, News::Retry(wait)] = &all_news(&mut upstream)[..] else {
        panic!("a loss and a wait are told");
    };
    assert_eq!(told, &lost);
    let again = upstream.advance(&mut relay, due + *wait);
    assert_eq!(again, Step::Connect(ADDR.into()));
}

#[test]
fn an_upstream_that_is_back_in_the_poll_is_read_at_once() {
    let (mut relay, mut upstream, due) = unheard();
    relay.publish_due(due);
    assert_eq!(upstream.advance(&mut relay, due), Step::Listen);
    upstream.socket().expect("it is open").stream.send(6);
    upstream.listened(Ok(()), due);
    upstream.advance(&mut relay, due);
    assert_eq!(relay.stats().upstream_bytes, 9 + 9 + 6);
}

#[test]
fn a_missing_address_of_the_other_end_fails_an_attempt_unless_it_only_says_not_yet() {
    for (kind, is_fatal) in [
        (ErrorKind::NotConnected, false),
        (ErrorKind::InvalidInput, false),
        (ErrorKind::ConnectionReset, true),
        (ErrorKind::OutOfMemory, true),
    ] {
        let socket = Socket {
            nameless: Some(kind),
            ..Socket::default()
        };
        let mut attempt = Attempt::new(socket, ADDR.into(), MS(5000));
        attempt.note();
        match attempt.decide(MS(0)) {
            Verdict::Pending(_) => assert!(!is_fatal, "{kind}"),
            Verdict::Failed(addr, _, reason) => {
                assert!(is_fatal, "{kind}");
                assert_eq!((addr, reason), (ADDR.into(), kind.to_string()));
            }
            Verdict::Connected(..) => panic!("{kind}: it is no connection"),
        }
    }
}
