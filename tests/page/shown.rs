//! What the page shows of what fanout says.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fake::Fake;
use crate::status::{client, departure, set, usual, with};

#[test]
fn values_appear_and_change() {
    let Some((browser, fake)) = opened(usual()) else {
        return;
    };
    browser.wait_for_title("● 1,000 frames/s · fanout");
    browser.wait_for(FRAMES, "11,519,104");
    assert_eq!(browser.text("#readiness"), "✓ ready");
    fake.says(with([
        ("/upstream/frames", json!(12_000_000)),
        ("/history/frames", json!([998, 1004])),
    ]));
    browser.wait_for(FRAMES, "12,000,000");
    browser.wait_for_title("● 1,004 frames/s · fanout");
}

#[test]
fn a_lagging_client_shows_up_with_its_part_of_the_backlog_and_goes() {
    let Some((browser, fake)) = opened(with([("/laggards", json!([]))])) else {
        return;
    };
    browser.wait_for("#laggards-empty", "Nobody lags.");
    let laggards = [
        client(9, "10.0.0.9:4000", 16_384),
        client(7, "10.0.0.7:4000", 4096),
    ];
    fake.says(with([("/laggards", json!(laggards))]));
    let row = browser.wait_for(FIRST_LAGGARD, "10.0.0.9:4000");
    for part in ["#9", "16,384 frames · 100 %", "lagging", "disconnect"] {
        assert!(row.contains(part), "{part} in {row}");
    }
    assert_eq!(browser.text("#laggards-empty"), "");
    let widths =
        browser.run("return [...document.querySelectorAll('.mark')].map(mark => mark.style.width)");
    assert_eq!(widths, json!(["100%", "25%"]));
    fake.says(with([("/laggards", json!([]))]));
    browser.wait_for("#laggards-empty", "Nobody lags.");
}

#[test]
fn departures_and_refusals_are_explained() {
    let mut gone = departure(4, "10.0.0.4:4000", "error");
    set(&mut gone, "/error", "No route to host");
    let changes = [
        (
            "/departed",
            json!([gone, departure(3, "10.0.0.3:4000", "stalled")]),
        ),
        ("/clients/refused/per-ip", json!(1234)),
    ];
    let Some((browser, _fake)) = opened(with(changes)) else {
        return;
    };
    browser.wait_for("#departed tbody tr", "error: No route to host");
    let title = browser.run("return document.querySelectorAll('#departed tbody .hint')[1].title");
    assert_eq!(
        title,
        "its side took no byte for the stall timeout: thrown out"
    );
    browser.wait_for("#refusals", "1,234\nper-ip");
    browser.wait_for("#figures [data-name=Refused]", "1,234");
}

#[test]
fn a_chart_is_empty_where_there_is_no_history() {
    let Some((browser, fake)) = opened(with([("/history/frames", json!([]))])) else {
        return;
    };
    browser.wait_for(FIRST_CHART, "no history");
    assert_eq!(browser.run(LINES), json!(0));
    // A gap in the middle: two lines.
    fake.says(with([("/history/frames", json!([5, 6, null, 7, 8]))]));
    browser.wait_for_fact("document.querySelectorAll('figure:first-of-type .line').length === 2");
    let begins = browser.run(
        "return Number(document.querySelector('figure .line').getAttribute('d').match(/[\\d.]+/)[0])
            / document.querySelector('figure svg').clientWidth",
    );
    // Five seconds of five minutes: the line begins at the right, and what is left of it is empty.
    assert!(begins.as_f64() > Some(0.9), "{begins}");
}

#[test]
fn who_points_at_a_chart_is_told_the_value() {
    let frames: Vec<u32> = (0..300).map(|second| 5000 + second).collect();
    let Some((browser, _fake)) = opened(with([("/history/frames", json!(frames))])) else {
        return;
    };
    browser.wait_for(FIRST_CHART, "5,299");
    let (left, page_up) = ("\u{e012}", "\u{e00e}");
    browser.press("figure svg", &format!("{page_up}{left}{left}"));
    browser.wait_for(FIRST_CHART, "5,267 frames/s, 32 s ago");
    browser.run("document.activeElement.blur()");
    browser.wait_for_fact("!document.querySelector('figure .cursor')");
    browser.run(
        "const svg = document.querySelector('figure svg'), box = svg.getBoundingClientRect();
        const place = { clientX: box.left + 44 + (box.width - 54) / 2, clientY: box.top + 50, bubbles: true };
        svg.dispatchEvent(new PointerEvent('pointermove', place));",
    );
    browser.wait_for(FIRST_CHART, "5,149 frames/s, 2 min 30 s ago");
}

#[test]
fn the_page_of_an_older_fanout_makes_room_for_the_newer_ones() {
    let Some((browser, fake)) = opened(usual()) else {
        return;
    };
    browser.wait_for("#version", "0.1.0");
    browser.run("window.isOld = true");
    fake.says(with([("/version", json!("0.2.0"))]));
    // Nothing that waits inside of a page outlives it.
    let is_new = || browser.text("#version") == "0.2.0";
    for _ in 0..20 {
        if !is_new() {
            fake.wait_for_questions(1);
        }
    }
    assert!(is_new());
    assert_eq!(
        browser.run("return window.isOld === undefined"),
        json!(true)
    );
}

/// A browser that shows the page of a server which says this.
#[track_caller]
pub(crate) fn opened(status: Value) -> Option<(Browser, Fake)> {
    let browser = Browser::start()?;
    let fake = Fake::start();
    fake.says(status);
    browser.open(&fake.url());
    Some((browser, fake))
}

const FRAMES: &str = "#figures [data-name=Frames]";
const FIRST_LAGGARD: &str = "#laggards tbody tr";
const FIRST_CHART: &str = "figure .value";
const LINES: &str = "return document.querySelectorAll('figure:first-of-type .line').length";
