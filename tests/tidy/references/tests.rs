//! The references rule, fed with pages about a small crate.

use super::*;
use crate::tree::Source;

const FILES: &[&str] = &[
    "README.md",
    "src",
    "src/relay",
    "src/relay/client.rs",
    "tests/relay.rs",
    "docs",
    "docs/tour.md",
    "docs/decisions",
    "docs/decisions/one.md",
    "examples/naive.rs",
];

#[track_caller]
fn found_in(path: &str, text: &str) -> Vec<String> {
    let client = "pub struct Client { id: u8 } impl Client { fn flush() {} } enum Leave { Slow }";
    let sources = [
        Source::snippet("src/relay/client.rs", client),
        Source::snippet("tests/relay.rs", "#[test] fn a_client_is_never_gone() {}"),
    ];
    let page = |path: &str, text: &str| Page {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let known = Known {
        inventory: &Inventory::of(&sources),
        options: &["listen", "frame-size"].map(str::to_owned).into(),
        exists: &|path| FILES.contains(&path.trim_end_matches('/')),
        pages: &[page("docs/tour.md", "# The tour\n\n## Two rooms\n")],
    };
    check(&page(path, text), &known)
        .into_iter()
        .map(|violation| violation.what)
        .collect()
}

#[track_caller]
fn refuses(text: &str) {
    assert_eq!(found_in("README.md", text).len(), 1, "{text}");
}

#[track_caller]
fn accepts(text: &str) {
    assert_eq!(found_in("README.md", text), [] as [&str; 0], "{text}");
}

#[test]
fn a_path_that_is_not_there_is_refused() {
    refuses("See `src/relay/gone.rs`.");
    refuses("See `relay/gone.rs:12`.");
    refuses("See `gone.rs`.");
    refuses("See `docs/gone.md`.");
    refuses("Type `cat tests/gone.rs`.");
    refuses("```\n$ less src/gone/mod.rs\n```");
    refuses("See `src/gone/*.rs`.");
}

#[test]
fn a_path_that_is_there_is_accepted() {
    accepts(
        "See `src/relay/client.rs`, `relay/client.rs`, `client.rs:12`, `src/relay/`, `src/relay/*.rs`, `docs`.",
    );
    accepts("See `/etc/hosts`, `http://a.b/src/x.rs`, `examples/tcp_server.rs` and `and/or`.");
    accepts("```\n$ less src/relay/client.rs\n```");
    assert_eq!(
        found_in("docs/decisions/one.md", "See `../tour.md`."),
        [] as [&str; 0]
    );
}

#[test]
fn a_test_that_is_not_in_the_file_it_is_said_to_be_in_is_refused() {
    refuses("See `tests/relay.rs::a_client_is_gone`.");
    refuses("See `src/relay/client.rs::a_client_is_never_gone`.");
    refuses("See `tests/gone.rs::a_client_is_never_gone`.");
    accepts("See `tests/relay.rs::a_client_is_never_gone`, and `src/relay/client.rs::flush`.");
}

#[test]
fn a_cargo_target_that_is_not_there_is_refused() {
    refuses("Run `cargo run --example gone`.");
    refuses("```sh\ncargo test --test gone -- --nocapture\n```");
    accepts(
        "Run `cargo run --release --example naive`, `cargo test --test relay`, `cargo test --test <name>`.",
    );
}

#[test]
fn a_broken_link_is_refused() {
    refuses("See [there](docs/gone.md).");
    refuses("See [there](docs/tour.md#gone).");
    refuses("[there]: docs/gone.md");
    accepts(
        "See [a](docs/tour.md), [b](docs/tour.md#two-rooms), [c](https://a.b/gone), [d](docs/decisions/).",
    );
    assert_eq!(
        found_in("docs/decisions/one.md", "[a](../tour.md) [b](docs/tour.md)").len(),
        1
    );
}

#[test]
fn an_item_that_the_source_does_not_have_is_refused() {
    refuses("It is `Client::gone`.");
    refuses("It is `Client::gone()`.");
    refuses("It is `Client<S>`, or `relay::gone`.");
    refuses("It is `crate::relay::client::Gone`.");
    refuses("It is `fanout::gone`.");
    refuses("It is a `GoneClient`.");
    refuses("The test is `a_gone_client_is_not_there`.");
}

#[test]
fn items_of_the_crate_and_of_others_are_accepted() {
    accepts("`Client::flush`, `Client::flush(&mut log)`, `Client::id`, `relay::client::Client`.");
    accepts("`Client<S>`, `Leave::Slow`, `Slow`, `a_client_is_never_gone`, `tcp_user_timeout`.");
    accepts("`mio::Poll::poll`, `std::io::Gone`, `WouldBlock`, `EMFILE`, `a::b c`, `Vec<Gone>`.");
}

#[test]
fn an_option_that_the_command_line_does_not_have_is_refused() {
    refuses("Say `--gone`.");
    refuses("Say --frame-sizes 3.");
    refuses("```\nfanout --gone=3\n```");
    accepts(
        "Say `--listen`, `--frame-size=3`, `cargo run --release -- --listen`; a -- b, a--b, <!--note-->, ---x.",
    );
}

#[test]
fn a_metric_of_many_words_is_not_taken_for_a_test() {
    accepts("See `fanout_upstream_last_frame_age_seconds`.");
    refuses("See `upstream_last_frame_age_seconds`.");
}
