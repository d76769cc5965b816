//! The files that are shipped, and the tools that read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_fanout");

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where a file below `examples/deploy` is.
pub(crate) fn path(name: &str) -> PathBuf {
    root().join("examples/deploy").join(name)
}

#[track_caller]
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An empty folder for a test of this name.
pub(crate) fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("deploy")
        .join(name);
    // It need not be there.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Runs a tool that has to succeed; returns what it says, on both outputs.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?}: {said}");
    said.into_owned()
}

#[test]
fn every_file_says_at_its_top_how_to_use_it() {
    for (name, mark, use_of_it) in [
        ("systemd/fanout.service", "# ", "systemctl enable"),
        ("systemd/fanout.socket", "# ", "how to install"),
        ("systemd/fanout.env", "# ", "install it as"),
        ("docker/Dockerfile", "# ", "docker build"),
        ("docker/Dockerfile.dockerignore", "# ", "BuildKit"),
        ("prometheus/prometheus.yml", "# ", "--config.file"),
        ("prometheus/alerts.yml", "# ", "rule_files"),
        ("prometheus/alerts.test.yml", "# ", "promtool test rules"),
        (
            "launchd/io.fanout.fanout.plist",
            "<?xml",
            "launchctl bootstrap",
        ),
        ("grafana/fanout.json", "{", "Import"),
        ("README.md", "# ", "systemd/fanout.service"),
    ] {
        let text = text(name);
        assert!(text.starts_with(mark), "{name} does not start with {mark}");
        let said = if Path::new(name).extension().is_some_and(|end| end == "json") {
            text.clone()
        } else {
            text.lines().take(20).collect::<Vec<_>>().join("\n")
        };
        assert!(
            said.contains(use_of_it),
            "{name} does not say how to use it"
        );
    }
}
