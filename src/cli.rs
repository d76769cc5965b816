//! The command line: options and environment variables to a configuration.
//!
//! Owns names, defaults and help texts. Bad input ends here, in one line that names the option and
//! the value.

mod admin;
mod dialling;
mod level;
mod page;
mod values;

use std::ffi::{OsStr, OsString};

use clap::builder::{BoolishValueParser, Resettable};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser};
use log::LevelFilter;

use fanout::{Config, HostPort, ListenerConfig, SlowPolicy, UpstreamAddress};

use admin::AdminOptions;
use dialling::DiallingOptions;
pub(crate) use page::{Page, PageOptions};
use values::{DurationArg, NetArg, SizeArg, Words, flatten};

/// Gives every frame of a TCP server that serves one client only to any number of clients.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Where frames come from: HOST:PORT, [IPV6]:PORT, unix:PATH, or - for standard input; several are
    /// tried in order
    #[arg(value_name = "UPSTREAM", env = "FANOUT_UPSTREAM")]
    upstream: Vec<Words<UpstreamAddress>>,

    /// Where clients connect: HOST:PORT or unix:PATH[,mode=MODE], then
    /// [,slow=POLICY][,replay=N][,max-clients=N]; repeatable
    #[arg(short, long, value_name = "LISTENER", env = "FANOUT_LISTEN")]
    #[arg(default_value = "localhost:1235")]
    listen: Vec<Words<ListenerConfig>>,

    /// Size of a frame, 1 to 1048576
    #[arg(
        long,
        value_name = "BYTES",
        env = "FANOUT_FRAME_SIZE",
        default_value_t = 1024
    )]
    frame_size: usize,

    /// A client may lag by this many frames before its policy acts; one log of this size for all
    #[arg(
        long,
        value_name = "FRAMES",
        env = "FANOUT_BACKLOG",
        default_value_t = 16384
    )]
    backlog: u64,

    /// What to do with a slow client: disconnect it, skip it ahead to the newest frame, or wait
    /// for it, which stops reading the upstream
    #[arg(
        long,
        value_name = "POLICY",
        env = "FANOUT_SLOW",
        default_value = "disconnect"
    )]
    slow: SlowPolicy,

    /// Throw out a client with a backlog that takes no byte for this long; 0 = never
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_STALL_TIMEOUT",
        default_value = "60s"
    )]
    stall_timeout: DurationArg,

    /// Begin each client's stream with up to this many frames from before it connected
    #[arg(
        long,
        value_name = "FRAMES",
        env = "FANOUT_REPLAY",
        default_value_t = 0
    )]
    replay: u64,

    /// Hold complete frames back up to this long, to send several with one write
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_LINGER",
        default_value = "0"
    )]
    linger: DurationArg,

    /// Bytes not yet on the wire that the kernel may hold for a client; 0 = the system's own
    #[arg(
        long,
        value_name = "SIZE",
        env = "FANOUT_UNSENT_LIMIT",
        default_value = "128KiB"
    )]
    unsent_limit: SizeArg,

    /// Clients in all [default: what the descriptor limit allows]
    #[arg(long, value_name = "N", env = "FANOUT_MAX_CLIENTS")]
    max_clients: Option<usize>,

    /// Clients per IPv4 address or IPv6 /64; 0 = no limit
    #[arg(
        long,
        value_name = "N",
        env = "FANOUT_MAX_CLIENTS_PER_IP",
        default_value_t = 0
    )]
    max_clients_per_ip: u32,

    /// Only these networks may connect; repeatable [default: everybody]
    #[arg(long, value_name = "CIDR", env = "FANOUT_ALLOW")]
    allow: Vec<Words<NetArg>>,

    #[command(flatten)]
    dialling: DiallingOptions,

    /// How long clients may take to receive their backlog when the program ends
    #[arg(
        long,
        value_name = "DURATION",
        env = "FANOUT_DRAIN_TIMEOUT",
        default_value = "5s"
    )]
    drain_timeout: DurationArg,

    #[command(flatten)]
    admin: AdminOptions,

    /// off, error, warn, info, debug or trace [default: `RUST_LOG`, or info]
    #[arg(
        long,
        value_name = "LEVEL",
        env = "FANOUT_LOG_LEVEL",
        ignore_case = true
    )]
    log_level: Option<LevelFilter>,

    /// Run with an embedded upstream that sends ten readable frames a second
    #[arg(long, env = "FANOUT_DEMO")]
    #[arg(action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    demo: bool,

    #[command(flatten)]
    pages: PageOptions,
}

const AFTER_HELP: &str = "\
DURATION is like 250ms, 5s, 2m or 0; SIZE like 4096, 128KiB or 1MiB.
Every option but --check, --completions, --man, --help and --version can be given as an environment \
variable, FANOUT_ and its name in capitals with underscores; several values are separated by spaces.

SIGTERM, SIGINT: give every client its backlog, then exit 0; a second one: exit 1 now.
SIGUSR1: one log line with all counters.";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) config: Config,
    pub(crate) log_level: LevelFilter,
    pub(crate) demo: bool,
    /// To be printed, and nothing served.
    pub(crate) page: Option<Page>,
    /// What this setup comes to is to be printed, and nothing served.
    pub(crate) check: bool,
}

impl Options {
    /// The configuration that the options amount to.
    pub(crate) fn into_request(self) -> Request {
        let mut config = Config {
            upstreams: flatten(self.upstream),
            listeners: flatten(self.listen),
            frame_size: self.frame_size,
            backlog: self.backlog,
            slow: self.slow,
            replay: self.replay,
            stall_timeout: self.stall_timeout.unless_zero(),
            linger: self.linger.0,
            unsent_limit: Some(self.unsent_limit.0).filter(|&bytes| bytes > 0),
            max_clients: self.max_clients,
            max_clients_per_ip: self.max_clients_per_ip,
            allow: flatten(self.allow)
                .into_iter()
                .map(|allow| allow.0)
                .collect(),
            drain_timeout: self.drain_timeout.0,
            admin: self.admin.into_config(),
            ..Config::default()
        };
        self.dialling.set(&mut config);
        Request {
            config,
            log_level: self.log_level.unwrap_or_else(level::of_environment),
            demo: self.demo,
            page: self.pages.page(),
            check: self.pages.is_check(),
        }
    }
}

/// Reads the command line and the environment.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, clap::Error> {
    let mut command = Options::command().mut_args(adjust);
    let matches = command.try_get_matches_from_mut(arguments)?;
    let mut options = Options::from_arg_matches(&matches)?;
    let is_typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    // The command line goes before the environment; said in both ways there, it is a contradiction.
    if is_typed("upstream") && !is_typed("demo") {
        options.demo = false;
    }
    if options.demo {
        if is_typed("upstream") {
            let complaint = "'<UPSTREAM>...' cannot be used with '--demo'";
            return Err(command.error(ErrorKind::ArgumentConflict, complaint));
        }
        // Stands for the embedded one until that has a port.
        options.upstream = vec![Words(vec![HostPort::new("localhost", 1).into()])];
    }
    Ok(options.into_request())
}

/// An empty variable is no variable, and a negative number is a bad value and not an option.
fn adjust(argument: Arg) -> Arg {
    let is_empty = |name: &OsStr| {
        std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty())
    };
    let argument = match argument.get_env() {
        Some(name) if is_empty(name) => argument.env(Resettable::Reset),
        _ => argument,
    };
    if argument.get_action().takes_values() {
        argument.allow_negative_numbers(true)
    } else {
        argument
    }
}

/// One line for what clap complains about in several: its advice on usage is left to `--help`.
/// Whatever is in the values, it stays one line of printable text.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let end = ["\n\nUsage:", "\n\nFor more information"]
        .iter()
        .filter_map(|advice| text.rfind(advice))
        .min()
        .unwrap_or(text.len());
    // What is an option's name in the wrong place is hardly ever meant as a value.
    let paragraphs = text[..end].split("\n\n  tip: ");
    let paragraphs = paragraphs.filter(|tip| !tip.starts_with("to pass "));
    let printable: String = paragraphs
        .collect::<Vec<_>>()
        .join("; ")
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    printable.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Request, clap::Error> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_options_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn defaults_of_the_command_line_are_those_of_the_library() {
        let ours = parse_words("fanout h:1").unwrap().config;
        let theirs = Config::new("h:1".parse().unwrap());
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }

    #[test]
    fn every_option_but_those_that_the_help_excepts_has_its_variable() {
        let (_, rule) = AFTER_HELP.split_once("Every option but").unwrap();
        let (excepted, _) = rule.split_once("can be given").unwrap();
        let excepted: Vec<_> = excepted.split([' ', ',']).collect();
        let mut command = Options::command();
        command.build();
        let variable = |name: &str| format!("FANOUT_{}", name.to_uppercase().replace('-', "_"));
        for argument in command.get_arguments() {
            let Some(name) = argument.get_long() else {
                continue;
            };
            let is_excepted = excepted.contains(&&*format!("--{name}"));
            let expected = (!is_excepted).then(|| OsString::from(variable(name)));
            assert_eq!(argument.get_env(), expected.as_deref(), "--{name}");
        }
    }

    #[test]
    fn a_complaint_is_one_line_with_option_and_value() {
        for (line, named) in [
            ("fanout h", "'h'"),
            ("fanout h:1 --slow fast", "--slow <POLICY>"),
            ("fanout h:1 --linger 5", "--linger <DURATION>"),
            (
                "fanout h:1 --frame-size -1",
                "'-1' for '--frame-size <BYTES>'",
            ),
            ("fanout h:1 --unsent-limit 5x", "'5x'"),
            ("fanout h:1 --unsent-limit 3GiB", "more than 2GiB"),
            ("fanout h:1 --allow 10.0.0.0/33", "10.0.0.0/33"),
            (
                "fanout h:1 --slow a\n\nUsage:\u{1b}b",
                "for '--slow <POLICY>'",
            ),
            ("fanout h:1 --allow ", "is empty"),
            ("fanout h:1 --fast", "--fast"),
            ("fanout h:1 --demo", "--demo"),
            (
                "fanout h:1 --lsiten l:1",
                "'--lsiten' found; a similar argument exists: '--listen'",
            ),
            ("fanout http://h:1", "is a URL"),
        ] {
            let complaint = one_line(&parse_words(line).unwrap_err());
            let is_printable = !complaint.chars().any(char::is_control);
            assert!(is_printable && complaint.contains(named), "{complaint}");
            assert!(!complaint.contains("tip:"), "{complaint}");
        }
    }

    #[test]
    fn several_values_may_be_separated_by_any_blanks() {
        let request = parse_words("fanout h:1 --allow").unwrap_err();
        assert!(one_line(&request).contains("--allow"));
        let arguments = ["fanout", " h:1  h:2 ", "--allow", " 10.0.0.0/8\t::1"];
        let config = parse(arguments.map(OsString::from)).unwrap().config;
        assert_eq!(config.upstreams.len(), 2);
        assert_eq!(config.allow.len(), 2);
    }
}
