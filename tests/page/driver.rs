//! The browser's driver as a process, and whether there are a browser and a driver at all.
//!
//! The invariant: neither outlives the test, nor does the browser's profile, which is new and empty.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// A driver that listens.
pub(crate) struct Driver {
    child: Child,
    port: u16,
    profile: PathBuf,
}

impl Driver {
    /// Starts one, unless it or the browser is missing: that is said, and is a failure where `CI` is set.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        if let Some(missing) = [BROWSER, DRIVER].iter().find(|tool| !is_there(tool)) {
            // Past the test harness, which shows nothing of a test that passes.
            let _ = writeln!(io::stderr(), "skipped: no {missing}");
            assert!(env::var_os("CI").is_none(), "no {missing}");
            return None;
        }
        let started = (0..STARTS).find_map(|_| launch());
        let (child, port) = started.expect("the driver says where it listens");
        Some(Self {
            child,
            port,
            profile: new_profile(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the browser is started with.
    pub(crate) fn browser_arguments(&self) -> Vec<String> {
        let mut arguments: Vec<_> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", self.profile.display()));
        arguments
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already, and what is left in the target folder does no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Starts the driver, which says where it listens. It may end instead: it chooses a port that is free for IPv4, and
/// wants the same one for IPv6.
fn launch() -> Option<(Child, u16)> {
    let mut child = Command::new(DRIVER)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the driver can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
    let said = lines.by_ref().map_while(Result::ok);
    let Some(port) = said.into_iter().find_map(|line| port_in(&line)) else {
        let _ = child.wait();
        return None;
    };
    // It says more at times, and must not find the pipe closed.
    std::thread::spawn(move || lines.for_each(drop));
    Some((child, port))
}

/// `ChromeDriver was started successfully on port 39017.`
fn port_in(line: &str) -> Option<u16> {
    let (_, port) = line.split_once("started successfully on port ")?;
    port.trim_end_matches('.').parse().ok()
}

fn new_profile() -> PathBuf {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let number = TAKEN.fetch_add(1, Ordering::Relaxed);
    let name = format!("browser-{}-{number}", process::id());
    let profile = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&profile).expect("the target folder can be written to");
    profile
}

fn is_there(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(tool).exists())
}

/// How often the driver is started before it is given up.
const STARTS: usize = 8;

/// As Debian's packages `chromium` and `chromium-driver` call them.
const BROWSER: &str = "chromium";
const DRIVER: &str = "chromedriver";

/// No window, no sandbox (which root may not have), and nothing that the browser does by itself on a network.
const FLAGS: &[&str] = &[
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];
