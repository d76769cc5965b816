//! A browser that looks at a page: what it shows, what it has asked for, what it complains about.
//!
//! Every verb waits until it is done. The invariant: nothing is waited for longer than [`DEADLINE`], and a fact that
//! never comes is told with the page as it was.

use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::driver::Driver;
use crate::orders::Order;

/// A browser with one tab.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    /// Ended after the browser, which it has started.
    _driver: Driver,
}

impl Browser {
    /// Starts one; `None` where there is none, which has then been said.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let driver = Driver::start()?;
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime
            .block_on(
                ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities(&driver))
                    .connect(&driver.url()),
            )
            .expect("the driver starts a browser");
        Some(Self {
            runtime,
            client,
            _driver: driver,
        })
    }

    /// Opens a page.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.runtime
            .block_on(self.client.goto(url))
            .expect("the page is there");
    }

    /// Runs a script in the page: a function's body. What it returns comes back.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.runtime
            .block_on(self.client.execute(script, Vec::new()))
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The text of the first element that matches, as it is laid out; nothing if it is not.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return {}", shown(selector)));
        text.as_str().expect("a text").to_owned()
    }

    pub(crate) fn title(&self) -> String {
        self.runtime
            .block_on(self.client.title())
            .expect("a page has a title")
    }

    /// Waits until an element's text has this part; returns the text.
    #[track_caller]
    pub(crate) fn wait_for(&self, selector: &str, part: &str) -> String {
        let shown = shown(selector);
        let text = self.wait_for_fact(&format!("{shown}.includes({part:?}) && {shown}"));
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the tab's title has this part.
    #[track_caller]
    pub(crate) fn wait_for_title(&self, part: &str) {
        self.wait_for_fact(&format!("document.title.includes({part:?})"));
    }

    /// Waits until an expression of the page is true, or something that counts as true; returns it. It is looked at
    /// again whenever the page or its window has changed in any way.
    #[track_caller]
    pub(crate) fn wait_for_fact(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            const check = () => {{ const fact = {expression}; if (fact) done(fact); }};
            const all = {{ subtree: true, childList: true, characterData: true, attributes: true }};
            new MutationObserver(check).observe(document, all);
            addEventListener('resize', check);
            check();"
        );
        let outcome = self
            .runtime
            .block_on(self.client.execute_async(&script, Vec::new()));
        outcome.unwrap_or_else(|error| {
            let page = self.run("return document.title + '\\n' + document.body.innerText");
            let page = page.as_str().unwrap_or_default();
            panic!("{expression} was never true: {error}\nThe page:\n{page}");
        })
    }

    /// Types keys into an element.
    #[track_caller]
    pub(crate) fn press(&self, selector: &str, keys: &str) {
        let typed = async {
            let element = self.client.find(Locator::Css(selector)).await?;
            element.send_keys(keys).await
        };
        self.runtime
            .block_on(typed)
            .expect("the element takes keys");
    }

    /// Runs a script before those of every page that is opened from here on.
    pub(crate) fn run_before_pages(&self, script: &str) {
        self.order(
            "Page.addScriptToEvaluateOnNewDocument",
            &json!({ "source": script }),
        );
    }

    /// Makes the window so large, in the page's pixels, each of `scale` pixels of the screen.
    pub(crate) fn resize(&self, width: u32, height: u32, scale: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false,
        });
        self.order("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Prefers `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.order(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// The window's content as a PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        self.runtime
            .block_on(self.client.screenshot())
            .expect("the window has a content")
    }

    /// What the page has written to its console, and what the browser has to say about it, since last asked.
    pub(crate) fn console(&self) -> Vec<Value> {
        self.log("browser")
    }

    /// The addresses that the page has asked for since last asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        let events = self.log("performance");
        let events = events.iter().map(|event| {
            let event = event["message"].as_str().expect("an event is a text");
            serde_json::from_str::<Value>(event).expect("an event is JSON")["message"].take()
        });
        // Not those of the page that the browser began with.
        let is_own = |event: &Value| {
            let page = event["params"]["documentURL"].as_str().unwrap_or_default();
            event["method"] == "Network.requestWillBeSent" && page.starts_with("http")
        };
        let sent = events.filter(is_own);
        let url = |event: Value| {
            event["params"]["request"]["url"]
                .as_str()
                .map(str::to_owned)
        };
        sent.filter_map(url).collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self
            .runtime
            .block_on(self.client.issue_cmd(Order::log(kind)));
        let entries = entries.expect("the driver keeps a log");
        entries.as_array().expect("a log is a list").clone()
    }

    fn order(&self, command: &str, parameters: &Value) {
        self.runtime
            .block_on(self.client.issue_cmd(Order::tool(command, parameters)))
            .unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session. If the driver is gone, so is the browser.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

/// The expression for the text that an element shows.
fn shown(selector: &str) -> String {
    format!(
        "(part => part?.checkVisibility() ? part.innerText : '')(document.querySelector({selector:?}))"
    )
}

fn capabilities(driver: &Driver) -> Capabilities {
    let wanted = json!({
        "goog:chromeOptions": { "args": driver.browser_arguments() },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        "timeouts": { "script": DEADLINE.as_millis() },
    });
    wanted.as_object().expect("it is written as one").clone()
}

/// How long a test waits for a fact: a browser on a busy machine takes its time.
const DEADLINE: Duration = Duration::from_secs(20);
