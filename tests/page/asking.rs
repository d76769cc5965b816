//! How the page asks: once a second, one question at a time, not while nobody looks, less often in vain.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fake::{Conduct, Fake};

#[test]
fn the_page_says_that_there_is_no_answer_and_goes_on_by_itself() {
    let Some((browser, fake)) = watched() else {
        return;
    };
    for (conduct, words) in [
        (Conduct::IsAway, "fanout does not answer"),
        (Conduct::Fails, "fanout does not answer: it said 503"),
        (Conduct::IsSlow, "fanout does not answer"),
        (
            Conduct::Babbles,
            "fanout’s answer makes no sense to this page",
        ),
    ] {
        fake.behaves(conduct);
        let link = browser.wait_for("#link", "no answer since ");
        let (since, _) = link.split_once(" s · next try in ").expect("it says both");
        let seconds: u64 = since
            .rsplit(' ')
            .next()
            .and_then(|text| text.parse().ok())
            .expect("a number");
        assert!(seconds < 60, "{link}");
        assert_eq!(browser.text("#verdict"), words, "{conduct:?}");
        assert_eq!(browser.title(), "✕ no answer · fanout", "{conduct:?}");
        assert_eq!(browser.text("#detail"), "Below is what it said last.");
        assert_eq!(browser.text("#readiness"), "");
        fake.behaves(Conduct::Answers);
        browser.wait_for("#verdict", "Connected");
        browser.wait_for_title("● 1,000 frames/s · fanout");
        assert_eq!(browser.text("#link"), "live");
    }
    // The browser itself says that a request failed. The page has nothing to add.
    let own = browser.console();
    let own: Vec<_> = own
        .iter()
        .filter(|entry| entry["source"] != "network")
        .collect();
    assert_eq!(own, [] as [&Value; 0]);
}

#[test]
fn the_page_asks_less_and_less_often_in_vain() {
    let Some((browser, fake)) = watched() else {
        return;
    };
    fake.behaves(Conduct::IsAway);
    for pause in [
        "next try in 1 s",
        "next try in 2 s",
        "next try in 4 s",
        "next try in 8 s",
    ] {
        browser.wait_for_fact(&format!(
            "document.querySelector('#link').innerText.includes('{pause}')"
        ));
    }
    // It does not sleep for so long once there is hope.
    fake.behaves(Conduct::Answers);
    browser.run("window.dispatchEvent(new Event('online'))");
    browser.wait_for("#link", "live");
}

#[test]
fn never_are_two_questions_under_way() {
    let Some((browser, fake)) = watched() else {
        return;
    };
    fake.behaves(Conduct::IsSlow);
    fake.wait_for_questions(1);
    browser.run(
        "for (let times = 0; times < 5; times += 1) {
            window.dispatchEvent(new Event('online'));
            document.dispatchEvent(new Event('visibilitychange'));
        }",
    );
    fake.behaves(Conduct::Answers);
    fake.wait_for_questions(2);
    assert_eq!(browser.run("return window.most"), json!(1));
}

#[test]
fn a_hidden_page_asks_nothing() {
    let Some((browser, fake)) = watched() else {
        return;
    };
    for conduct in [Conduct::Answers, Conduct::IsSlow] {
        // Hidden between two questions, or while one is under way.
        fake.behaves(conduct);
        fake.wait_for_questions(1);
        hide(&browser, true);
        fake.behaves(Conduct::Answers);
        // No question is under way and no timer is set: nothing is left that could ever ask.
        browser.wait_for_fact("document.documentElement.dataset.left === '0'");
        hide(&browser, false);
        fake.wait_for_questions(1);
    }
}

fn hide(browser: &Browser, hides: bool) {
    browser.run(&format!(
        "window.hides = {hides}; document.dispatchEvent(new Event('visibilitychange'))"
    ));
}

#[test]
fn a_page_behind_a_prefix_asks_there() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let fake = Fake::start();
    browser.open(&format!("{}tools/fanout/", fake.url()));
    browser.wait_for_title("● 1,000 frames/s · fanout");
    let requests = browser.requests();
    let wanted = format!("{}tools/fanout/status.json", fake.url());
    assert!(requests.contains(&wanted), "{requests:?}");
}

/// A page whose timers and questions are counted.
fn watched() -> Option<(Browser, Fake)> {
    let browser = Browser::start()?;
    let fake = Fake::start();
    browser.run_before_pages(WATCH);
    browser.open(&fake.url());
    browser.wait_for("#link", "live");
    Some((browser, fake))
}

/// Counts in `data-left` what will still come of itself: timers that are set, questions that are open; in `window.most`
/// how many questions were open at once. The page is hidden when `window.hides` says so.
const WATCH: &str = "(() => {
    const [set, clear, ask] = [window.setTimeout, window.clearTimeout, window.fetch];
    const timers = new Set();
    let open = 0;
    window.most = 0;
    window.hides = false;
    Object.defineProperty(document, 'hidden', { get: () => window.hides });
    // Written down when all is done that comes of a change: a timer is often set right after another has ended.
    const note = () => set(() => { document.documentElement.dataset.left = timers.size + open; }, 0);
    window.setTimeout = (then, after) => {
        const timer = set(() => { timers.delete(timer); note(); then(); }, after);
        timers.add(timer);
        note();
        return timer;
    };
    window.clearTimeout = (timer) => { timers.delete(timer); note(); clear(timer); };
    window.fetch = async (...what) => {
        open += 1;
        window.most = Math.max(window.most, open);
        note();
        let isOver = false;
        const over = () => { if (!isOver) { isOver = true; open -= 1; note(); } };
        try {
            const answer = await ask(...what);
            const read = answer.json.bind(answer);
            answer.json = () => read().finally(over);
            if (!answer.ok) over();
            return answer;
        } catch (error) {
            over();
            throw error;
        }
    };
})()";
