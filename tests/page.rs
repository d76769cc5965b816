//! The status page in a real browser: what it shows, how it asks, how it looks.
//!
//! Chromium, without a window, is driven over `WebDriver`. The page comes from a made-up server that says what a test
//! wants: for most of what there is to see, the program would have to be in trouble.
//!
//! Needs Debian's `chromium` and `chromium-driver`. Without them the tests say that they are skipped; where `CI` is
//! set, they fail. `FANOUT_SCREENSHOTS=FOLDER` has pictures of the page written there.

#[path = "page/asking.rs"]
mod asking;
#[path = "page/browser.rs"]
mod browser;
#[path = "page/days.rs"]
mod days;
#[path = "page/driver.rs"]
mod driver;
#[path = "page/fake.rs"]
mod fake;
#[path = "page/looks.rs"]
mod looks;
#[path = "page/orders.rs"]
mod orders;
#[path = "page/real.rs"]
mod real;
#[path = "page/shown.rs"]
mod shown;
#[path = "page/states.rs"]
mod states;
#[path = "page/status.rs"]
mod status;
#[path = "page/strangers.rs"]
mod strangers;
