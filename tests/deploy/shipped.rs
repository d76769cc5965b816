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

/// Every file with how it begins and a word of what its top says.
const FILES: &[(&str, &str, &str)] = &[
    ("README.md", "# ", "says at its top"),
    ("debian/build", "#!", "cargo install cargo-deb"),
    ("docker/Dockerfile", "# ", "docker build"),
    ("docker/Dockerfile.dockerignore", "# ", "BuildKit"),
    ("grafana/fanout.json", "{", "Import"),
    (
        "launchd/io.fanout.fanout.plist",
        "<?xml",
        "launchctl bootstrap",
    ),
    ("prometheus/alerts.test.yml", "# ", "promtool test rules"),
    ("prometheus/alerts.yml", "# ", "rule_files"),
    ("prometheus/prometheus.yml", "# ", "--config.file"),
    ("systemd/fanout.env", "# ", "install it as"),
    ("systemd/fanout.service", "# ", "systemctl enable"),
    ("systemd/fanout.socket", "# ", "how to install"),
];

#[test]
fn every_file_says_at_its_top_how_to_use_it() {
    for (name, mark, use_of_it) in FILES {
        let text = text(name);
        assert!(text.starts_with(mark), "{name} does not start with {mark}");
        let top: String = text.lines().take(TOP_LINES).collect();
        assert!(top.contains(use_of_it), "{name} does not say how to use it");
    }
}

#[test]
fn the_map_shows_every_file() {
    let map = text("README.md");
    let mut found = Vec::new();
    for folder in fs::read_dir(path("")).expect("the folder").flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let file = file.path();
            let name = file.strip_prefix(path("")).expect("it is below the folder");
            found.push(name.to_string_lossy().into_owned());
        }
    }
    found.sort();
    let known = FILES.iter().map(|(name, ..)| *name);
    let known: Vec<_> = known.filter(|name| *name != "README.md").collect();
    assert_eq!(found, known);
    for name in found {
        assert!(
            map.contains(&format!("| `{name}` |")),
            "{name} is not on the map"
        );
    }
}

/// How far down the top of a file goes.
const TOP_LINES: usize = 20;
