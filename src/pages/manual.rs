//! The manual page, in roff, for `man`.
//!
//! Owns the sections beside the options: what an operator looks for who does not know the program.
//! The options and their texts come from the command line. Knows nothing of where it is printed.

use std::io;

use clap::CommandFactory;
use clap::builder::Resettable;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Options;

/// Writes the whole page.
pub(super) fn render(to: &mut Vec<u8>) -> io::Result<()> {
    let command = Options::command()
        .override_usage(USAGE)
        .after_help(Resettable::Reset);
    let page = Man::new(command)
        .title("FANOUT")
        .date(DATE)
        .manual("User Commands");
    page.render_title(to)?;
    page.render_name_section(to)?;
    page.render_synopsis_section(to)?;
    // Not as clap's long text, which would make a summary of `-h`.
    let mut roff = Roff::new();
    tell(&mut roff, "DESCRIPTION", DESCRIPTION);
    roff.to_writer(to)?;
    page.render_options_section(to)?;
    sections().to_writer(to)
}

/// What the command line does not know of itself.
fn sections() -> Roff {
    let mut roff = Roff::new();
    tell(&mut roff, "VALUES", VALUES);
    describe(&mut roff, "ENVIRONMENT", ENVIRONMENT);
    describe(&mut roff, "SIGNALS", SIGNALS);
    describe(&mut roff, "EXIT STATUS", EXIT_STATUS);
    roff.control("SH", ["EXAMPLES"]);
    for (index, (purpose, line)) in EXAMPLES.iter().enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*purpose)]).control("RS", ["4"]);
        roff.text([bold(*line)]).control("RE", []);
    }
    roff.control("SH", ["SEE ALSO"]);
    for (index, (name, section)) in SEE_ALSO.iter().enumerate() {
        let is_last = index + 1 == SEE_ALSO.len();
        let comma = if is_last { "" } else { "," };
        roff.control("BR", [*name, &format!("({section}){comma}")]);
    }
    roff
}

/// A section of paragraphs.
fn tell(roff: &mut Roff, heading: &str, paragraphs: &[&str]) {
    roff.control("SH", [heading]);
    for (index, paragraph) in paragraphs.iter().enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*paragraph)]);
    }
}

/// A section of terms, each with what it means.
fn describe(roff: &mut Roff, heading: &str, terms: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (term, meaning) in terms {
        roff.control("TP", []).text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}

/// When the texts below were last changed.
const DATE: &str = "2026-11-23";

const USAGE: &str = "\
fanout [OPTIONS] <UPSTREAM>...
fanout [OPTIONS] --demo
fanout --completions <SHELL>
fanout --man";

const DESCRIPTION: &[&str] = &[
    "fanout is the one client of a TCP server that serves one client at a time and sends it an endless stream of \
     frames of a fixed length. It gives every frame to any number of clients of its own, each a plain TCP connection \
     that only reads.",
    "A client's stream begins at the first byte of a frame and is a run of whole frames, in the order of the upstream. \
     A client that is slow changes nothing for the others, unless its listener's policy is to wait for it. When the \
     upstream is lost, clients stay connected while it is dialled again.",
    "One line per event goes to standard error. Nothing is written to standard output.",
];

const VALUES: &[&str] = &[
    "DURATION is like 250ms, 5s, 2m or 0; SIZE like 4096, 128KiB or 1MiB; CIDR like 10.0.0.0/8 or 2001:db8::/32. \
     An IPv6 address with a port stands in brackets. Options that can be repeated take several values, separated by \
     spaces, from their environment variable.",
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "FANOUT_*",
        "Every option that configures, by its name in capitals, as FANOUT_FRAME_SIZE for --frame-size. \
         The command line goes before the environment; an empty variable is no variable.",
    ),
    (
        "RUST_LOG",
        "The log level, as a word or as fanout=LEVEL, if neither --log-level nor FANOUT_LOG_LEVEL is given.",
    ),
    (
        "LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES",
        "Listening sockets that a service manager passes, TCP or unix, see sd_listen_fds(3). They are used instead of \
         --listen, with the policy of --slow and the replay of --replay. On sockets named admin the admin \
         endpoint answers instead.",
    ),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
        "Where a service manager is told of readiness, of the state of the upstream and the number of clients, of the \
         drain, and that the loop turns, see sd_notify(3) and sd_watchdog_enabled(3).",
    ),
];

const SIGNALS: &[(&str, &str)] = &[
    (
        "SIGTERM, SIGINT",
        "Stop accepting, close the upstream, give every client its backlog for at most --drain-timeout, and exit. \
         The second one: exit now.",
    ),
    ("SIGUSR1", "Write one log line with all counters."),
    (
        "SIGPIPE",
        "Is ignored. When standard error has no reader, the log is lost and the service goes on.",
    ),
];

const EXIT_STATUS: &[(&str, &str)] = &[
    (
        "0",
        "A clean end: after a signal, or after the end of the upstream with --no-reconnect.",
    ),
    (
        "1",
        "It could not do its job: a listener could not be bound, the upstream failed with --no-reconnect, or a second \
         signal came. The last line on standard error says what, where and why.",
    ),
    ("2", "Bad arguments. Nothing was opened."),
];

const EXAMPLES: &[(&str, &str)] = &[
    (
        "Try it without a server: frames are made up, ten a second.",
        "fanout --demo",
    ),
    (
        "Serve the frames of another host to clients on this one, at port 1235.",
        "fanout 192.0.2.7:1234",
    ),
    (
        "Let 500 clients of one network in from outside.",
        "fanout 192.0.2.7:1234 --listen 0.0.0.0:1235 --max-clients 500 --allow 10.0.0.0/8",
    ),
    (
        "Two doors: one that gives every frame, one for those who want the newest.",
        "fanout 192.0.2.7:1234 -l '[::]:1235' -l '[::]:1236,slow=skip,replay=10'",
    ),
    (
        "Install this page.",
        "fanout --man >/usr/local/share/man/man1/fanout.1",
    ),
    (
        "Install completions.",
        "fanout --completions fish >~/.config/fish/completions/fanout.fish",
    ),
];

/// Names and sections of other pages.
const SEE_ALSO: &[(&str, &str)] = &[
    ("nc", "1"),
    ("sd_listen_fds", "3"),
    ("sd_notify", "3"),
    ("systemd.socket", "5"),
    ("tcp", "7"),
];
