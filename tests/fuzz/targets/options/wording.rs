//! A request in words: the command line that says every value, whatever the one was that it came from.

use std::ffi::OsString;
use std::time::Duration;

use fanout::{AdminConfig, ListenAddress, ListenerConfig};

use crate::program::cli::{self, Page, Request};

/// Panics when the request, said in our words, is understood as another one.
pub(crate) fn assert_read_back(request: &Request) {
    let words = words_of(request);
    let again = match cli::parse(words.iter().map(OsString::from)) {
        Ok(again) => again,
        Err(error) => panic!("{words:?} is refused: {}", cli::one_line(&error)),
    };
    assert_eq!(
        format!("{again:?}"),
        format!("{request:?}"),
        "after {words:?}"
    );
}

fn words_of(request: &Request) -> Vec<String> {
    let config = &request.config;
    let mut words = vec!["fanout".to_owned()];
    let mut say = |option: &str, value: String| words.push(format!("--{option}={value}"));
    for listener in &config.listeners {
        say("listen", listener_in_words(listener));
    }
    say("frame-size", config.frame_size.to_string());
    say("backlog", config.backlog.to_string());
    say("slow", config.slow.to_string());
    say("replay", config.replay.to_string());
    say("unsent-limit", config.unsent_limit.unwrap_or(0).to_string());
    if let Some(most) = config.max_clients {
        say("max-clients", most.to_string());
    }
    say("max-clients-per-ip", config.max_clients_per_ip.to_string());
    for net in &config.allow {
        say("allow", net.to_string());
    }
    for (option, duration) in [
        ("stall-timeout", config.stall_timeout.unwrap_or_default()),
        ("linger", config.linger),
        ("reconnect-min", config.reconnect_min),
        ("reconnect-max", config.reconnect_max),
        ("connect-timeout", config.connect_timeout),
        (
            "upstream-timeout",
            config.upstream_timeout.unwrap_or_default(),
        ),
        ("stale-after", config.stale_after.unwrap_or_default()),
        ("drain-timeout", config.drain_timeout),
    ] {
        say(option, duration_in_words(duration));
    }
    say("log-level", request.log_level.to_string());
    words.extend(admin_in_words(&config.admin));
    if request.check {
        words.push("--check".to_owned());
    }
    match request.page {
        Some(Page::Completions(shell)) => words.push(format!("--completions={shell}")),
        Some(Page::Manual) => words.push("--man".to_owned()),
        None => {}
    }
    if !config.reconnect {
        words.push("--no-reconnect".to_owned());
    }
    if request.demo {
        words.push("--demo".to_owned());
    } else {
        // A host may begin with a dash.
        words.push("--".to_owned());
        words.extend(config.upstreams.iter().map(ToString::to_string));
    }
    words
}

fn admin_in_words(admin: &AdminConfig) -> Vec<String> {
    let address = admin.address.iter();
    let mut words: Vec<_> = address
        .map(|address| format!("--admin={address}{}", mode_in_words(address)))
        .collect();
    let hosts = admin.hosts.iter();
    words.extend(hosts.map(|host| format!("--admin-host={host}")));
    if admin.allow_remote {
        words.push("--admin-allow-remote".to_owned());
    }
    words
}

fn listener_in_words(listener: &ListenerConfig) -> String {
    let mut words = listener.address.to_string();
    let mut say = |key: &str, value: Option<String>| {
        words.extend(value.map(|value| format!(",{key}={value}")));
    };
    say(
        "max-clients",
        listener.max_clients.map(|most| most.to_string()),
    );
    say("replay", listener.replay.map(|frames| frames.to_string()));
    say("slow", listener.slow.map(|policy| policy.to_string()));
    words + &mode_in_words(&listener.address)
}

fn mode_in_words(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(_) => String::new(),
        ListenAddress::Unix { mode, .. } => format!(",mode={mode:04o}"),
    }
}

fn duration_in_words(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
