//! Which program a server is, and its command line. Owns the rule that the examples are built before one is started.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::catalogue::{Unavailable, VARIANTS};

/// A server that can be started.
pub(crate) struct Server {
    name: &'static str,
    /// The program and its first arguments.
    words: Vec<String>,
}

/// What a server is to do about clients that lag, and about an upstream that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Throws out who lags too far, and ends with the upstream.
    Plain,
    /// Waits for who lags, and ends with the upstream.
    Waiting,
    /// Dials again when the upstream is lost, if it can.
    Redialling,
}

impl Server {
    /// The server of this name, built if need be.
    pub(crate) fn find(name: &'static str) -> Result<Self, Unavailable> {
        let words = if name == RELAY {
            vec![env!("CARGO_BIN_EXE_fanout").to_owned()]
        } else {
            let builds = builds();
            build_examples(&builds).map_err(Unavailable::Broken)?;
            let variant = VARIANTS.iter().find(|variant| variant.name == name);
            let variant = variant.unwrap_or_else(|| panic!("nobody is called {name}"));
            variant.prepare(&builds)?
        };
        Ok(Self { name, words })
    }

    /// Its command line, for this upstream and this port.
    pub(crate) fn command(&self, manner: Manner, upstream: SocketAddr, port: &str) -> Vec<String> {
        let mut words = self.words.clone();
        let mut say = |text: String| words.extend(text.split(' ').map(str::to_owned));
        if self.name != RELAY {
            say(format!("{upstream} {port}"));
            if manner == Manner::Waiting {
                say("--wait".to_owned());
            }
            return words;
        }
        say(format!("{upstream} --listen 127.0.0.1:{port}"));
        say(RELAY_OPTIONS.to_owned());
        say(match manner {
            Manner::Plain => "--no-reconnect".to_owned(),
            Manner::Waiting => "--no-reconnect --slow wait".to_owned(),
            Manner::Redialling => "--reconnect-min 1ms --reconnect-max 1ms".to_owned(),
        });
        words
    }
}

/// The folder of the build that this test is of: `target/debug`, say.
fn builds() -> PathBuf {
    let test = env::current_exe().expect("a running program has a path");
    let builds = test.ancestors().nth(2);
    builds
        .expect("Cargo puts tests into `deps` there")
        .to_owned()
}

/// Builds the examples as this test was built, once: `cargo test` with the name of a test builds none, or leaves old
/// ones. It holds no lock on the folder while tests run.
fn build_examples(builds: &Path) -> Result<(), String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    BUILT.get_or_init(|| run_cargo(builds)).clone()
}

fn run_cargo(builds: &Path) -> Result<(), String> {
    let profile = match builds.file_name().and_then(|name| name.to_str()) {
        // The folder of the profile `dev` has another name than the profile.
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--quiet", "--examples", "--profile", profile]);
    cargo.arg("--target-dir").args(builds.parent());
    let output = cargo.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{cargo:?}: {}\n{said}", output.status))
}

/// The relay's name among the servers.
pub(crate) const RELAY: &str = "fanout";

/// A backlog about as short as those of the variants: the suite has less to send until a client lags too far.
const RELAY_OPTIONS: &str = "--backlog 1024";
