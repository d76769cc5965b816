//! What strangers can put into the page, and what the page asks of strangers: text, and nothing.

use serde_json::{Value, json};

use crate::days;
use crate::shown::opened;
use crate::status::{client, departure, with};

#[test]
fn hostile_strings_stay_text() {
    let changes = [
        ("/upstream/addr", json!(HOSTILE)),
        ("/upstream/state", json!(HOSTILE)),
        ("/version", json!(HOSTILE)),
        ("/ready", json!(false)),
        ("/reason", json!(HOSTILE)),
        ("/listeners/0/addr", json!(HOSTILE)),
        ("/listeners/0/slow", json!(HOSTILE)),
        ("/clients/connected", json!(0)),
        (
            "/laggards",
            json!([
                hostile(client(1, HOSTILE, 5)),
                hostile(client(2, HOSTILE, 4))
            ]),
        ),
        (
            "/departed",
            json!([hostile(departure(3, HOSTILE, "__proto__"))]),
        ),
        ("/clients/departed", json!({ HOSTILE: 3 })),
        ("/clients/refused", json!({ HOSTILE: 4, "constructor": 1 })),
        ("/upstream/connects", json!({ HOSTILE: 5 })),
    ];
    let Some((browser, _fake)) = opened(with(changes)) else {
        return;
    };
    for place in [
        "#version",
        "#verdict",
        "#readiness",
        "#detail",
        "#laggards",
        "#departed",
        "#listeners",
        "#reasons",
        "#refusals",
        "#connects",
        "#figures",
        "#empty-command",
    ] {
        browser.wait_for(place, HOSTILE);
    }
    browser.wait_for_title(HOSTILE);
    let strangers = browser
        .run("return document.querySelectorAll('img, main script, iframe, object, form').length");
    assert_eq!(strangers, json!(0));
    assert_eq!(
        browser.run("return window.broken === undefined"),
        json!(true)
    );
    assert_eq!(browser.console(), [] as [Value; 0]);
}

#[test]
fn the_console_stays_empty_and_nothing_is_asked_of_others() {
    let Some((browser, fake)) = opened(days::busy()) else {
        return;
    };
    browser.wait_for_title("frames/s");
    fake.wait_for_questions(3);
    assert_eq!(browser.console(), [] as [Value; 0]);
    let requests = browser.requests();
    let foreign: Vec<_> = requests
        .iter()
        .filter(|url| !url.starts_with(&fake.url()) && !url.starts_with("data:"))
        .collect();
    assert_eq!(foreign, [] as [&String; 0]);
    assert!(
        requests.contains(&format!("{}status.json", fake.url())),
        "{requests:?}"
    );
}

/// Every text of it hostile, but for the reason: an unlucky word for a look-up.
fn hostile(mut object: Value) -> Value {
    for (key, value) in object.as_object_mut().expect("it is one") {
        if (value.is_string() || value.is_null()) && key != "reason" {
            *value = json!(HOSTILE);
        }
    }
    object
}

/// Markup and script, an entity, and what closes either.
const HOSTILE: &str =
    "</title></script><img src=x onerror=window.broken=1><script>window.broken=1</script>&lt;'";
