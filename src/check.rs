//! The check: what a configuration would come to on this system, for somebody who has not started it yet.
//!
//! Owns the words and sums. Everything is tried that can be undone: names are resolved, addresses bound and
//! given back. Knows nothing of how the server does it.

use std::fmt::Write;
use std::net::ToSocketAddrs;

use bytesize::ByteSize;
use fanout::{Config, Error, HostPort, Server, Setup, UpstreamAddress};

/// Tries the configuration, and says what it would come to.
///
/// # Errors
/// When something could not be resolved or bound.
pub(crate) fn run(config: &Config, is_demo: bool) -> Result<String, Error> {
    let mut text = String::new();
    if is_demo {
        say(&mut text, "upstream", "embedded, ten frames a second");
    } else {
        for upstream in &config.upstreams {
            say(&mut text, "upstream", &resolved(upstream)?);
        }
    }
    let server = Server::bind(config)?;
    describe(&mut text, config, server.setup());
    Ok(text)
}

fn resolved(upstream: &UpstreamAddress) -> Result<String, Error> {
    match upstream {
        UpstreamAddress::Tcp(address) if address.numeric().is_none() => {
            let addrs = look_up(address)?;
            Ok(format!("{upstream} is {}", addrs.join(", ")))
        }
        UpstreamAddress::Stdin => Ok("standard input".to_owned()),
        _ => Ok(upstream.to_string()),
    }
}

fn look_up(address: &HostPort) -> Result<Vec<String>, Error> {
    let addrs = (address.host(), address.port()).to_socket_addrs();
    let addrs = addrs.map_err(|source| Error::ResolveUpstream {
        address: address.clone(),
        source,
    })?;
    Ok(addrs.map(|addr| addr.to_string()).collect())
}

fn describe(text: &mut String, config: &Config, setup: &Setup) {
    for listener in &setup.listeners {
        let words = format!(
            "{} slow={} replay={}",
            listener.addr, listener.slow, listener.replay
        );
        say(text, "listen", &words);
    }
    for addr in &setup.admin {
        say(text, "admin", &addr.to_string());
    }
    if setup.admin.is_empty() {
        say(text, "admin", "none");
    }
    say(text, "frames", &format!("{} bytes each", config.frame_size));
    let window_bytes = setup.log_bytes - config.backlog * config.frame_size as u64;
    let words = format!(
        "{}: a backlog of {} frames and a window of {}",
        size(setup.log_bytes),
        config.backlog,
        size(window_bytes)
    );
    say(text, "frame log", &words);
    let words = format!(
        "{} at most: {} descriptors, of which {} are kept back{}",
        setup.max_clients,
        setup.descriptors,
        setup.descriptors_reserved,
        match config.max_clients {
            Some(wanted) => format!("; --max-clients {wanted}"),
            None => String::new(),
        }
    );
    say(text, "clients", &words);
    describe_memory(text, setup);
    describe_kernel(text, config, setup);
}

/// What the program may come to hold, and what for.
fn describe_memory(text: &mut String, setup: &Setup) {
    let each = setup.client_bytes;
    let mut words = format!(
        "{} at most: {} for the frame log, {} for clients ({each} bytes each)",
        size(setup.memory_bytes()),
        size(setup.log_bytes),
        size(setup.clients_bytes()),
    );
    let extras = [
        (setup.remnants_bytes, "the rests of frames before a skip"),
        (setup.addresses_bytes, "their addresses"),
        (setup.admin_bytes, "the admin endpoint"),
    ];
    for (bytes, what) in extras.into_iter().filter(|(bytes, _)| *bytes > 0) {
        let _ = write!(words, ", {} for {what}", size(bytes));
    }
    words.push_str("; without the program itself, a few MiB");
    say(text, "memory", &words);
}

/// What the kernel may hold for clients that do not read.
fn describe_kernel(text: &mut String, config: &Config, setup: &Setup) {
    let unsent = config.unsent_limit.map_or_else(
        || "as much unsent as the system permits".to_owned(),
        |bytes| format!("{} unsent", size(bytes.into())),
    );
    let Some(kernel) = Kernel::read() else {
        let words =
            format!("each client's receive window and {unsent}; this system does not say more");
        return say(text, "in the kernel", &words);
    };
    let all = kernel
        .bytes_per_socket
        .saturating_mul(setup.max_clients as u64);
    let words = format!(
        "{} at most: each client's receive window and {unsent}, no more than {} a socket \
         (net.ipv4.tcp_wmem) and {} for all (net.ipv4.tcp_mem)",
        size(all.min(kernel.bytes_in_all)),
        size(kernel.bytes_per_socket),
        size(kernel.bytes_in_all)
    );
    say(text, "in the kernel", &words);
}

/// The kernel's own limits on what TCP holds (tcp(7)).
struct Kernel {
    /// The largest send buffer, in bytes.
    bytes_per_socket: u64,
    /// What all sockets together may take, in bytes.
    bytes_in_all: u64,
}

impl Kernel {
    #[cfg(target_os = "linux")]
    fn read() -> Option<Self> {
        let third = |name| {
            let path = format!("/proc/sys/net/ipv4/{name}");
            let text = std::fs::read_to_string(path).ok()?;
            text.split_whitespace().nth(2)?.parse::<u64>().ok()
        };
        Some(Self {
            bytes_per_socket: third("tcp_wmem")?,
            // It is in pages.
            bytes_in_all: third("tcp_mem")?.saturating_mul(rustix::param::page_size() as u64),
        })
    }

    /// macOS bounds a socket by `kern.ipc.maxsockbuf`, which no crate of ours reads.
    #[cfg(not(target_os = "linux"))]
    fn read() -> Option<Self> {
        None
    }
}

fn size(bytes: u64) -> impl std::fmt::Display {
    ByteSize::b(bytes).display().iec()
}

fn say(text: &mut String, what: &str, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{what:<14} {words}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(config: &Config) -> String {
        run(config, false).unwrap()
    }

    #[test]
    fn every_sum_is_that_of_its_parts() {
        let mut config = Config::new("127.0.0.1:9".parse().unwrap());
        config.listeners = vec!["127.0.0.1:0,slow=skip,replay=3".parse().unwrap()];
        config.max_clients = Some(100);
        config.max_clients_per_ip = 2;
        config.frame_size = 4096;
        config.backlog = 256;
        let text = report(&config);
        for expected in [
            "upstream       127.0.0.1:9\n",
            " slow=skip replay=3\n",
            "admin          none\n",
            "frames         4096 bytes each\n",
            // 256 frames of 4 KiB, and 192 KiB.
            "frame log      1.2 MiB: a backlog of 256 frames and a window of 192.0 KiB\n",
            "clients        100 at most: ",
            "; --max-clients 100\n",
            // 1,216 KiB, 100 times 256 bytes, 100 times 4,095 and 64 bytes, 100 times 172.
            "memory         1.6 MiB at most: 1.2 MiB for the frame log, 25.0 KiB for clients (256 bytes each), \
             406.2 KiB for the rests of frames before a skip, 16.8 KiB for their addresses; \
             without the program itself, a few MiB\n",
            "128.0 KiB unsent",
        ] {
            assert!(
                text.contains(expected),
                "{expected:?} is missing in\n{text}"
            );
        }
    }

    #[test]
    fn what_was_tried_is_given_back_and_what_is_taken_is_an_error() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = taken.local_addr().unwrap();
        let mut config = Config::new("127.0.0.1:9".parse().unwrap());
        config.listeners = vec![addr.to_string().parse().unwrap()];
        let error = run(&config, false).unwrap_err().to_string();
        assert!(error.contains(&addr.to_string()), "{error}");
        drop(taken);
        for _ in 0..2 {
            assert!(report(&config).contains(&addr.to_string()));
        }
    }

    #[test]
    fn a_name_that_is_none_is_an_error_that_names_it() {
        // Longer than a label may be (RFC 1035, section 2.3.4), so that no name server is asked.
        let host = "a".repeat(64);
        let config = Config::new(format!("{host}:9").parse().unwrap());
        let error = run(&config, false).unwrap_err().to_string();
        assert!(error.contains(&host), "{error}");
    }
}
