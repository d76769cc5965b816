//! The property list for launchd, as far as it can be tested without macOS: read by Python, which knows the format.

use std::process::Command;

use serde_json::Value;

use crate::{shipped, tools};

/// Of launchd.plist(5), what is used here.
const KEYS: &[&str] = &[
    "EnvironmentVariables",
    "ExitTimeOut",
    "HardResourceLimits",
    "KeepAlive",
    "Label",
    "ProcessType",
    "ProgramArguments",
    "RunAtLoad",
    "SoftResourceLimits",
    "StandardErrorPath",
    "ThrottleInterval",
    "UserName",
];

const FILE: &str = "launchd/io.fanout.fanout.plist";

#[test]
fn the_property_list_is_one_and_has_keys_of_launchd() {
    if !tools::are_there(&["python3"]) {
        return;
    }
    let read =
        "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let mut python = Command::new("python3");
    let list = shipped::run(python.args(["-c", read]).arg(shipped::path(FILE)));
    let list: Value = serde_json::from_str(&list).expect("Python writes JSON");
    let keys: Vec<_> = list.as_object().expect("a dictionary").keys().collect();
    assert_eq!(keys, KEYS);

    // A label is also the name of the file.
    assert_eq!(list["Label"], "io.fanout.fanout");
    assert_eq!(list["ProgramArguments"][0], "/usr/local/bin/fanout");
    assert_eq!(list["KeepAlive"]["SuccessfulExit"], false);
    assert_eq!(list["RunAtLoad"], true);
    let upstream = list["EnvironmentVariables"]["FANOUT_UPSTREAM"].as_str();
    assert!(upstream.is_some_and(|upstream| upstream.parse::<std::net::SocketAddr>().is_ok()));
}

#[test]
fn it_says_that_it_was_never_tried() {
    assert!(shipped::text(FILE).contains("never been tested there"));
}
