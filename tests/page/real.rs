//! The page as the program itself serves it: that what the other tests make up is what it says.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fake::POLICY;
use crate::status;

#[path = "../blackbox/harness/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the harness of another suite, of which this one needs a part"
)]
mod harness;

use harness::{Fanout, Feed, Launch, Scene, Upstream, arguments, line};

#[test]
fn frames_that_flow_are_seen_to_flow() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let mut scene = Scene::set(ADMIN);
    let mut reader = scene.fanout.join();
    browser.open(&url(&scene.fanout));
    browser.wait_for("#verdict", "Connected");
    let mut sent = 0;
    for count in [3, 4, 1] {
        scene.feed.send(count);
        sent += count;
        reader.read_to(sent - 1);
        let (shown, delivered) = (format!("\n{sent}\n"), "#figures [data-name=Delivered]");
        browser.wait_for("#figures [data-name=Frames]", &shown);
        browser.wait_for(delivered, &shown);
    }
    browser.wait_for("#readiness", "✓ ready");
    // The frames of some second, seen at its end or later.
    browser.wait_for_fact("document.querySelectorAll('figure .line').length === 3");
    browser.wait_for_title("frames/s · fanout");
}

#[test]
fn a_client_that_reads_nothing_shows_up_as_lagging_and_its_departure_as_slow() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let mut scene = Scene::set(&format!("{ADMIN} --backlog 4096 --stall-timeout 0"));
    let reader = scene.fanout.join_small();
    browser.open(&url(&scene.fanout));
    browser.wait_for("#verdict", "Connected");
    let client = reader.addr().to_string();
    let shown =
        |place: &str| format!("document.querySelector('{place}').innerText.includes('{client}')");
    let admin = admin_addr(&scene.fanout);
    // Its kernel takes some frames, nobody knows how many: the sum of the buffers of both sides. Not one more than it
    // takes to lag, so that there is time to look.
    send_until(&mut scene.feed, admin, |status| {
        status["laggards"] != json!([])
    });
    browser.wait_for_fact(&shown("#laggards"));
    send_until(&mut scene.feed, admin, |status| {
        status["departed"] != json!([])
    });
    browser.wait_for_fact(&shown("#departed"));
    browser.wait_for("#departed tbody tr", "slow");
    browser.wait_for("#laggards-empty", "Nobody lags.");
}

#[test]
fn an_empty_house_says_how_to_get_in() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let scene = Scene::set(ADMIN);
    browser.open(&url(&scene.fanout));
    let command = format!("nc 127.0.0.1 {}", scene.fanout.addr().port());
    browser.wait_for("#empty-command", &command);
    let _reader = scene.fanout.join();
    browser.wait_for_fact("document.querySelector('#empty').hidden");
}

#[test]
fn the_console_stays_empty_and_nothing_leaves_the_origin() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let mut scene = Scene::set(ADMIN);
    let url = url(&scene.fanout);
    browser.open(&url);
    browser.wait_for("#verdict", "Connected");
    scene.feed.send(5);
    browser.wait_for("#figures [data-name=Frames]", "\n5\n");
    assert_eq!(browser.console(), [] as [Value; 0]);
    let requests = browser.requests();
    let is_own = |asked: &&String| asked.starts_with(&url) || asked.starts_with("data:");
    let foreign: Vec<_> = requests.iter().filter(|asked| !is_own(asked)).collect();
    assert_eq!(foreign, [] as [&String; 0]);
}

#[test]
fn the_page_goes_on_when_the_program_is_started_anew() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let upstream = Upstream::bind();
    let fanout = Fanout::start(&upstream, ADMIN);
    let admin = admin_addr(&fanout);
    browser.open(&url(&fanout));
    let feed = upstream.accept();
    browser.wait_for("#verdict", "Connected");
    drop((fanout, feed));
    browser.wait_for("#link", "no answer since");
    let fanout = Launch::new(&arguments(&upstream, &format!("--admin {admin}"))).start();
    let mut feed = upstream.accept();
    fanout.wait_for_line("upstream connected");
    feed.send(2);
    browser.wait_for("#link", "live");
    browser.wait_for("#figures [data-name=Frames]", "\n2\n");
}

#[test]
fn the_made_up_answers_have_the_keys_of_the_real_ones() {
    let mut scene = Scene::set(&format!("{ADMIN} --stall-timeout 0"));
    let addr = admin_addr(&scene.fanout);
    drop(scene.fanout.join());
    // That it has closed both ways, and not one, is learnt by writing to it.
    send_until(&mut scene.feed, addr, |status| {
        status["departed"] != json!([])
    });
    let _laggard = scene.fanout.join_small();
    let status = send_until(&mut scene.feed, addr, |status| {
        status["laggards"] != json!([])
    });
    assert_eq!(keys(&status), keys(&status::usual()));
}

#[test]
fn the_page_comes_with_the_policy_that_the_other_tests_give_it() {
    let scene = Scene::set(ADMIN);
    let answer = ask(admin_addr(&scene.fanout), "/");
    let (head, page) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let policy = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-security-policy"));
    assert_eq!(policy.map(|(_, value)| value), Some(POLICY));
    assert_eq!(page, include_str!("../../src/admin/page.html"));
}

/// Sends frames until the status is as wanted, and gives it.
#[track_caller]
fn send_until(feed: &mut Feed, admin: SocketAddr, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let give_up = std::time::Instant::now() + harness::DEADLINE;
    loop {
        let status = body(&ask(admin, "/status.json"));
        if is_wanted(&status) {
            return status;
        }
        assert!(
            std::time::Instant::now() < give_up,
            "it never was: {status}"
        );
        feed.send(64);
    }
}

#[track_caller]
fn admin_addr(fanout: &Fanout) -> SocketAddr {
    line::addr(&fanout.wait_for_line("admin listening addr="))
}

#[track_caller]
fn url(fanout: &Fanout) -> String {
    format!("http://{}/", admin_addr(fanout))
}

/// Asks without a browser; gives the whole answer.
#[track_caller]
fn ask(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("the program listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time is valid");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
    )
    .expect("it is read");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer is text and ends");
    answer
}

#[track_caller]
fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    serde_json::from_str(body).expect("the body is JSON")
}

/// Every place that has a key; the objects of a list are all of one kind.
fn keys(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(format!("/{key}"));
                found.extend(
                    keys(value)
                        .into_iter()
                        .map(|inner| format!("/{key}{inner}")),
                );
            }
        }
        Value::Array(list) => found.extend(list.iter().flat_map(keys)),
        _ => {}
    }
    found
}

/// On a port of the system's choice.
const ADMIN: &str = "--admin 127.0.0.1:0";
