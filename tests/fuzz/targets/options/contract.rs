//! What holds for every configuration that is accepted, in the numbers of the pages and not in those of the source.

use std::time::{Duration, Instant};

use fanout::{Config, HostPort, ListenAddress, UpstreamAddress};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Panics when a relation that the pages promise does not hold.
pub(crate) fn assert_kept(config: &Config) {
    assert!(!config.upstreams.is_empty());
    for upstream in &config.upstreams {
        let shown = upstream.to_string();
        assert_eq!(shown.parse().as_ref(), Ok(upstream), "{shown}");
        match upstream {
            UpstreamAddress::Tcp(address) => {
                assert_ne!(address.port(), 0, "it cannot be dialled");
                assert_shown_as_read(address);
            }
            UpstreamAddress::Unix(_) => {}
            UpstreamAddress::Stdin => assert_eq!(config.upstreams.len(), 1),
        }
    }
    assert!((1..=64).contains(&config.listeners.len()));
    for listener in &config.listeners {
        match &listener.address {
            ListenAddress::Tcp(address) => assert_shown_as_read(address),
            ListenAddress::Unix { path, mode } => {
                assert_eq!(path.to_string().parse().as_ref(), Ok(path));
                assert!(*mode <= 0o777);
            }
        }
        assert!(
            listener
                .replay
                .is_none_or(|replay| replay <= config.backlog)
        );
        assert_ne!(listener.max_clients, Some(0), "nobody could connect");
    }
    if let Some(ListenAddress::Tcp(address)) = &config.admin.address
        && let Some(addr) = address.numeric()
    {
        assert!(config.admin.allow_remote || addr.ip().to_canonical().is_loopback());
    }
    assert_sizes(config);
    assert_durations(config);
    for net in &config.allow {
        assert_eq!(*net, net.trunc(), "bits of a host are left in a network");
    }
}

fn assert_sizes(config: &Config) {
    assert!((1..=1_048_576).contains(&config.frame_size));
    assert!(config.backlog >= 1);
    assert!(config.replay <= config.backlog);
    assert_ne!(config.max_clients, Some(0), "nobody could connect");
    assert!(
        config
            .unsent_limit
            .is_none_or(|bytes| (1..1 << 31).contains(&bytes)),
        "no socket option holds it"
    );
    // The log, with the largest window there is: it can be asked for without an overflow.
    let log_bytes = u128::from(config.backlog) * config.frame_size as u128;
    assert!(log_bytes < 1 << 63, "no allocation is that large");
}

fn assert_durations(config: &Config) {
    assert!(config.reconnect_min >= Duration::from_millis(1));
    assert!(config.reconnect_max >= config.reconnect_min);
    assert!(!config.connect_timeout.is_zero());
    let may_be_never = [
        config.stall_timeout,
        config.upstream_timeout,
        config.stale_after,
    ];
    for given in may_be_never.iter().flatten() {
        assert!(!given.is_zero(), "0 is never, and not at once");
    }
    let always = [
        config.linger,
        config.reconnect_min,
        config.reconnect_max,
        config.connect_timeout,
        config.drain_timeout,
    ];
    for duration in may_be_never.into_iter().flatten().chain(always) {
        assert!(duration <= 366 * DAY);
        assert!(Instant::now().checked_add(duration).is_some());
    }
}

/// What is shown of an address is what has to be typed to get it.
fn assert_shown_as_read(address: &HostPort) {
    let shown = address.to_string();
    assert_eq!(shown.parse().as_ref(), Ok(address), "{shown}");
    if let Some(numeric) = address.numeric() {
        assert_eq!(numeric.port(), address.port());
        assert_eq!(HostPort::from(numeric).numeric(), Some(numeric));
    }
}
