//! How the upstream is doing, as it is shown.

use std::io::ErrorKind;
use std::time::Duration;

use super::super::upstream::{ConnectResult, Stage, Standing, Step, UpstreamSettings};
use super::MS;
use super::line::LineEnd;
use super::scene::{SETTINGS, Scene, addr};

const STAGE: fn(Stage) -> Standing = |stage| Standing {
    stage,
    addr: None,
    connected_at: None,
    retry_at: None,
    is_stale: false,
};

#[test]
fn a_name_is_looked_up_an_address_connected_to_and_the_end_of_the_list_waited_at() {
    let mut scene = Scene::new(&[None], SETTINGS);
    assert_eq!(scene.upstream.standing(), STAGE(Stage::Connecting));
    assert_eq!(scene.advance(), Step::Resolve(0));
    assert_eq!(scene.upstream.standing(), STAGE(Stage::Resolving));
    scene.upstream.resolved(Ok(vec![addr(1), addr(2)]));
    for port in [1, 2] {
        assert_eq!(scene.advance(), Step::Connect(addr(port).into()));
        let connecting = Standing {
            addr: Some(addr(port).into()),
            ..STAGE(Stage::Connecting)
        };
        assert_eq!(scene.upstream.standing(), connecting);
        scene
            .upstream
            .dialled(Err(ErrorKind::ConnectionRefused.into()));
    }
    assert_eq!(scene.advance(), Step::Rest);
    let waiting = scene.upstream.standing();
    assert_eq!(waiting.stage, Stage::Waiting);
    assert_eq!(waiting.retry_at, scene.upstream.deadline());
    let stats = scene.relay.stats();
    assert_eq!(stats.connects(ConnectResult::Refused), 2);
    assert_eq!(stats.connects_by_result.iter().sum::<u64>(), 2);
}

#[test]
fn a_connection_is_stale_from_the_news_of_it_until_a_frame_comes() {
    let mut scene = Scene::new(
        &[Some(1)],
        UpstreamSettings {
            reconnect: false,
            stale_after: Some(MS(100)),
            ..SETTINGS
        },
    );
    scene.connect(1);
    let connected = Standing {
        addr: Some(addr(1).into()),
        connected_at: Some(scene.now),
        ..STAGE(Stage::Connected)
    };
    assert_eq!(scene.upstream.standing(), connected);
    scene.now += MS(100);
    scene.advance();
    let stale = Standing {
        is_stale: true,
        ..connected.clone()
    };
    assert_eq!(scene.upstream.standing(), stale);
    scene.send(7);
    assert_eq!(scene.upstream.standing(), stale, "that is no frame");
    scene.send(1);
    assert_eq!(scene.upstream.standing(), connected);
    scene.end(LineEnd::Ended);
    assert_eq!(scene.upstream.standing(), STAGE(Stage::Ended));
    let made = scene.relay.stats().connects(ConnectResult::Made);
    assert_eq!((made, scene.relay.stats().upstream_connects), (1, 1));
}

#[test]
fn each_failed_attempt_is_counted_under_what_became_of_it() {
    let mut scene = Scene::new(&[None], SETTINGS);
    let mut expected = [0; 5];
    let mut fail = |scene: &mut Scene, result: ConnectResult| {
        scene.advance();
        expected[result as usize] += 1;
        assert_eq!(scene.relay.stats().connects_by_result, expected, "{result}");
        // Behind the wait, it is looked up again.
        scene.now += Duration::from_secs(5);
        assert_eq!(scene.advance(), Step::Resolve(0));
    };
    assert_eq!(scene.advance(), Step::Resolve(0));
    scene.now += SETTINGS.connect_timeout;
    fail(&mut scene, ConnectResult::TimedOut);
    scene.upstream.resolved(Ok(Vec::new()));
    fail(&mut scene, ConnectResult::Failed);
    scene.upstream.resolved(Err(ErrorKind::TimedOut.into()));
    fail(&mut scene, ConnectResult::Failed);
    for (kind, result) in [
        (ErrorKind::TimedOut, ConnectResult::TimedOut),
        (ErrorKind::NetworkUnreachable, ConnectResult::Failed),
    ] {
        scene.upstream.resolved(Ok(vec![addr(1)]));
        assert_eq!(scene.advance(), Step::Connect(addr(1).into()));
        scene.upstream.dialled(Err(kind.into()));
        fail(&mut scene, result);
    }
}

#[test]
fn words_that_are_shown_are_all_different() {
    use std::collections::HashSet;
    let stages: HashSet<_> = Stage::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(stages.len(), Stage::ALL.len());
    let results = ConnectResult::ALL.iter().map(ToString::to_string);
    let results: Vec<_> = results.collect();
    assert_eq!(results, ["ok", "refused", "timeout", "error", "self"]);
}
