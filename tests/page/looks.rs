//! How the page looks: by day and by night, on a desk and on a phone, at its fullest. And pictures of it.

use std::path::Path;
use std::{env, fs};

use serde_json::json;

use crate::browser::Browser;
use crate::days;
use crate::fake::{Conduct, Fake};
use crate::status;

#[test]
fn light_and_dark_differ_and_both_have_contrast() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let fake = Fake::start();
    browser.open(&fake.url());
    browser.wait_for("#verdict", "Connected");
    let mut lights = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.wait_for_fact(&format!(
            "matchMedia('(prefers-color-scheme: {scheme})').matches"
        ));
        let contrasts = browser.run(&format!("{LIGHT} {CONTRASTS}"));
        for (pair, contrast) in contrasts.as_object().expect("it is one") {
            // What WCAG asks for at level AA.
            assert!(
                contrast.as_f64() >= Some(4.5),
                "{scheme}, {pair}: {contrast}"
            );
        }
        let light = browser.run(&format!("{LIGHT} return light('--ground')"));
        lights.push(light.as_f64().expect("a number"));
    }
    assert!(lights[0] > 0.8 && lights[1] < 0.1, "{lights:?}");
}

#[test]
fn nothing_is_wider_than_the_window() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let fake = Fake::start();
    browser.open(&fake.url());
    for status in [status::usual(), days::busy(), days::extreme()] {
        fake.says(status.clone());
        let turns = status["turns"].as_u64().expect("a number");
        browser.wait_for("#setup", &separated(turns));
        for width in [320, 360, 390, 600, 1000, 1001, 1280] {
            browser.resize(width, 800, 1);
            browser.wait_for_fact(&format!("window.innerWidth === {width}"));
            let wide = browser.run(WIDE);
            assert_eq!(wide, json!([]), "at {width} with turn {turns}");
        }
    }
}

#[test]
fn the_page_has_landmarks_and_its_tables_have_heads() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let fake = Fake::start();
    browser.open(&fake.url());
    browser.wait_for("#verdict", "Connected");
    for landmark in ["body > header", "body > main", "body > footer", "h1"] {
        let script = format!("return document.querySelectorAll({landmark:?}).length");
        assert_eq!(browser.run(&script), json!(1), "{landmark}");
    }
    browser.wait_for_fact("document.documentElement.lang === 'en'");
    let unnamed = browser.run(
        "const isNamed = (part) => part.hasAttribute('aria-label')
            || document.getElementById(part.getAttribute('aria-labelledby'));
        return [...document.querySelectorAll('section, table, svg')].filter((part) => !isNamed(part)).length",
    );
    assert_eq!(unnamed, json!(0));
    let headless = browser.run(
        "const heads = ['thead th[scope=col]', 'tbody th[scope=row]'];
        const hasHeads = (table) => heads.every((head) => table.querySelector(head));
        return [...document.querySelectorAll('table')].filter((table) => !hasHeads(table)).length",
    );
    assert_eq!(headless, json!(0));
    // Only the verdict is read out by itself: what changes every second would never stop talking.
    let live = browser.run(
        "const live = document.querySelectorAll('[role=status], [aria-live], output');
        return [...live].map((part) => part.id)",
    );
    assert_eq!(live, json!(["verdict"]));
}

/// Pictures for the documentation, where `FANOUT_SCREENSHOTS` names a folder for them.
#[test]
fn pictures_are_taken_on_demand() {
    let Some(folder) = env::var_os("FANOUT_SCREENSHOTS") else {
        return;
    };
    let Some(browser) = Browser::start() else {
        return;
    };
    let fake = Fake::start();
    fs::create_dir_all(&folder).expect("a folder can be made there");
    for (name, status, scheme, width, scale) in [
        ("status-light.png", days::busy(), "light", 1280, 1),
        ("status-dark.png", days::busy(), "dark", 1280, 1),
        ("status-narrow.png", days::busy(), "light", 390, 2),
        ("status-usual.png", status::usual(), "light", 1280, 1),
        ("status-extreme.png", days::extreme(), "dark", 390, 2),
        ("status-empty.png", days::empty(), "dark", 1280, 1),
    ] {
        fake.says(status);
        browser.prefer(scheme);
        browser.resize(width, 800, scale);
        browser.open(&fake.url());
        browser.wait_for("#link", "live");
        let height = browser.run("return document.documentElement.scrollHeight");
        let height = height
            .as_u64()
            .and_then(|height| u32::try_from(height).ok());
        let height = height.expect("a page has a height").min(TALLEST);
        browser.resize(width, height, scale);
        let path = Path::new(&folder).join(name);
        fs::write(path, browser.screenshot()).expect("the folder can be written to");
    }
    fake.behaves(Conduct::IsAway);
    browser.wait_for("#link", "no answer since");
    let path = Path::new(&folder).join("status-away.png");
    fs::write(path, browser.screenshot()).expect("the folder can be written to");
}

/// As the page writes it.
fn separated(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups: Vec<_> = groups
        .iter()
        .map(|group| String::from_utf8_lossy(group))
        .collect();
    groups.join(",")
}

/// A picture for a page of text need not show all of what somebody scrolls through on a phone.
const TALLEST: u32 = 2200;

/// The relative luminance of one of the page's colours, as WCAG defines it.
const LIGHT: &str = "
    const light = (name) => {
        const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        const parts = [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16) / 255);
        const [red, green, blue] = parts.map((part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * red + .7152 * green + .0722 * blue;
    };";

/// The contrast of everything that is written, on everything that it is written on.
const CONTRASTS: &str = "
    const found = {};
    for (const ink of ['--text', '--quiet', '--accent', '--good', '--care', '--bad']) {
        for (const paper of ['--ground', '--panel']) {
            const [dark, bright] = [light(ink), light(paper)].sort((a, b) => a - b);
            found[`${ink} on ${paper}`] = (bright + .05) / (dark + .05);
        }
    }
    return found;";

/// What reaches over the window's right edge, if the page can be scrolled there.
const WIDE: &str = "
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth && clientWidth <= window.innerWidth) return [];
    const isWide = (part) => part.getBoundingClientRect().right > clientWidth;
    const parts = [...document.querySelectorAll('body *')].filter(isWide);
    return ['the page', ...parts.map((part) => part.outerHTML.slice(0, 80))];";
