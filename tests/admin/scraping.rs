//! What Prometheus makes of the metrics, by itself and with its tool.
//!
//! Without either of them a test says that it is skipped; where `CI` is set, it fails.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::crowd::{Crowd, Source};
use crate::harness::{Scene, all_expect};
use crate::prometheus::Prometheus;
use crate::tools;
use crate::watched::{Watched, wait_for, wait_until};

const FRAME: usize = 64;
const CLIENTS: usize = 5;

#[test]
fn prometheus_watches_a_healthy_relay_and_has_nothing_to_complain_of() {
    if !tools::are_there(&["prometheus"]) {
        return;
    }
    let Watched { scene, admin } = Watched::with_frame_size(FRAME, "");
    let Scene {
        fanout,
        feed,
        upstream,
    } = scene;
    let source = Source::start(feed);
    let crowd = Crowd::join(CLIENTS, fanout.addr(), FRAME);
    wait_for(admin, "fanout_clients", CLIENTS as u64);
    let prometheus = Prometheus::watch(admin);
    let value_once_there = |expression: &str, is_enough: fn(f64) -> bool| {
        wait_until(expression, || {
            source.wait_for_frames(100);
            match prometheus.value(expression) {
                Some(value) if is_enough(value) => Ok(value),
                other => Err(format!("{other:?}")),
            }
        })
    };
    value_once_there("sum_over_time(up{job=\"fanout\"}[2m])", |scrapes| {
        scrapes >= 10.0
    });
    assert_eq!(
        prometheus.value("min_over_time(up[2m]) == 1"),
        Some(1.0),
        "every scrape was answered"
    );
    let target = prometheus.ask("targets?state=active")["activeTargets"][0].clone();
    assert_eq!(
        (&target["health"], &target["lastError"]),
        (&"up".into(), &"".into())
    );

    let first = value_now(&prometheus, "fanout_upstream_frames_total");
    value_once_there("increase(fanout_upstream_frames_total[10s])", |frames| {
        frames > 0.0
    });
    value_once_there(&format!("fanout_upstream_frames_total > {first}"), |_| true);
    check_values(&prometheus);
    check_rules(&prometheus);

    let feed = source.stop();
    crowd.finish(feed.next() - 1);
    drop((feed, upstream));
}

/// What is asked of the metrics most often has an answer.
#[track_caller]
fn check_values(prometheus: &Prometheus) {
    let now = |expression: &str| value_now(prometheus, expression);
    for quantile in [
        "histogram_quantile(0.99, rate(fanout_delivery_seconds_bucket[30s]))",
        "histogram_quantile(0.99, rate(fanout_turn_seconds_bucket[30s]))",
        "histogram_quantile(0.99, rate(fanout_client_lag_frames_bucket[30s]))",
    ] {
        assert!(now(quantile).is_finite(), "{quantile}");
    }
    assert_eq!(prometheus.value("fanout_clients == 5"), Some(5.0));
    assert!(
        now("rate(process_cpu_seconds_total[30s])") < 2.0,
        "one thread, and one that prints"
    );
}

#[track_caller]
fn value_now(prometheus: &Prometheus, expression: &str) -> f64 {
    let value = prometheus.value(expression);
    value.unwrap_or_else(|| panic!("no {expression}"))
}

/// The rules are all read and looked at, and what they watch for is not there.
#[track_caller]
fn check_rules(prometheus: &Prometheus) {
    let groups = prometheus.ask("rules?type=alert");
    let rules: Vec<_> = groups["groups"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("a list"))
        .collect();
    assert!(rules.len() >= 10, "{groups}");
    for rule in rules {
        assert_eq!(
            (&rule["health"], &rule["lastError"]),
            (&"ok".into(), &serde_json::Value::Null),
            "{rule}"
        );
    }
    let alerts = prometheus.ask("alerts");
    // That turns are slow may be the fault of the machine that the tests run on.
    let raised: Vec<_> = alerts["alerts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|alert| alert["labels"]["alertname"] != "FanoutTurnsAreSlow")
        .collect();
    assert!(raised.is_empty(), "{raised:?}");
}

#[test]
fn promtool_has_nothing_to_say_about_a_scrape_of_a_busy_relay() {
    if !tools::are_there(&["promtool"]) {
        return;
    }
    let mut watched = Watched::set("--backlog 50 --unsent-limit 16KiB");
    let mut clients = watched.scene.fanout.join_many(5);
    let mut witness = watched.scene.fanout.join();
    let _slow = watched.scene.fanout.join_small();
    watched.scene.feed.send(10);
    all_expect(&mut clients, 0..10);
    drop(clients);
    watched
        .scene
        .step_until(&mut witness, "client left*reason=slow");
    let _lagging = watched.scene.fanout.join_small();
    watched.scene.step(&mut witness, 45);
    let figures = watched.wait_for("fanout_clients_lagging", 1);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was looked for");
    let mut input = promtool.stdin.take().expect("it is piped");
    input
        .write_all(figures.text.as_bytes())
        .expect("promtool reads");
    drop(input);
    let said = promtool.wait_with_output().expect("promtool ends");
    let words = [&*said.stdout, &*said.stderr]
        .map(String::from_utf8_lossy)
        .concat();
    assert!(
        said.status.success() && words.is_empty(),
        "{words}\n{}",
        figures.text
    );
}
