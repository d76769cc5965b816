//! The Debian package, as far as it can be checked without making one: what it consists of exists, or is made by the
//! script that makes it.
//!
//! It reads the manifest line by line: one asset is one line there.

use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MANIFEST: &str = include_str!("../Cargo.toml");
const SCRIPT: &str = include_str!("../examples/deploy/debian/build");

/// Source, destination and mode.
type Asset = [&'static str; 3];

#[test]
fn every_asset_exists_or_is_made_by_the_script() {
    let assets = assets();
    assert!(assets.len() > 5, "{assets:?}");
    let is_made = |source: &str| {
        let is_built =
            source == "target/release/fanout" && SCRIPT.contains("build --locked --release");
        is_built || SCRIPT.contains(&format!(">{source}\n"))
    };
    let missing: Vec<_> = assets
        .iter()
        .map(|[source, ..]| *source)
        .filter(|source| !is_made(source) && !Path::new(ROOT).join(source).is_file())
        .collect();
    assert!(missing.is_empty(), "no such files: {missing:?}");
}

#[test]
fn only_the_program_is_executable_and_nothing_goes_where_the_administrator_installs() {
    for [source, destination, mode] in assets() {
        let expected = if destination == "usr/bin/" {
            "755"
        } else {
            "644"
        };
        assert_eq!(mode, expected, "{source}");
        let is_ours = destination.starts_with("usr/") || destination.starts_with("etc/");
        assert!(
            is_ours && !destination.starts_with("usr/local/"),
            "{destination}"
        );
    }
}

#[test]
fn what_an_administrator_edits_is_kept_over_an_upgrade() {
    let settings: Vec<_> = assets()
        .into_iter()
        .map(|[_, destination, _]| format!("\"/{destination}\""))
        .filter(|destination| destination.starts_with("\"/etc/"))
        .collect();
    let kept = format!("conf-files = [{}]", settings.join(", "));
    assert!(MANIFEST.contains(&kept), "{kept}");
}

/// The assets of the manifest.
fn assets() -> Vec<Asset> {
    let (_, list) = MANIFEST
        .split_once("\nassets = [\n")
        .expect("it has assets");
    let (list, _) = list.split_once("\n]").expect("the list has an end");
    let asset = |line: &'static str| {
        let words: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        words.try_into().expect("source, destination and mode")
    };
    list.lines().map(asset).collect()
}
