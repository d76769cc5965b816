//! A service manager: the socket that the program tells how it is, `sd_notify(3)`.
//!
//! The invariant: what has been received is gone through in the order in which it was sent.

use std::io::ErrorKind;
#[cfg(target_os = "linux")]
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::DEADLINE;

pub(crate) struct Manager {
    socket: UnixDatagram,
    name: String,
    file: Option<PathBuf>,
}

impl Manager {
    /// At a path.
    pub(crate) fn bind() -> Self {
        let file = std::env::temp_dir().join(unique_name());
        let name = file.to_str().expect("the path is text").to_owned();
        let socket = UnixDatagram::bind(&file).expect("the path is free");
        Self {
            socket,
            name,
            file: Some(file),
        }
    }

    /// At a name that is in no file system.
    #[cfg(target_os = "linux")]
    pub(crate) fn bind_abstract() -> Self {
        use std::os::linux::net::SocketAddrExt;

        let name = unique_name();
        let addr = SocketAddr::from_abstract_name(&name).expect("the name is short");
        Self {
            socket: UnixDatagram::bind_addr(&addr).expect("the name is free"),
            name: format!("@{name}"),
            file: None,
        }
    }

    /// What the program finds in `NOTIFY_SOCKET`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Fills its queue, so that there is no room for the program.
    pub(crate) fn fill_up(&self) {
        let addr = self.socket.local_addr().expect("it is bound");
        // A sender has a limit of its own, which may be reached first: then the next one goes on.
        loop {
            let sender = UnixDatagram::unbound().expect("the system gives a socket");
            sender.set_nonblocking(true).expect("the option is set");
            if sender.send_to_addr(FILLER.as_bytes(), &addr).is_err() {
                return;
            }
            while sender.send_to_addr(FILLER.as_bytes(), &addr).is_ok() {}
        }
    }

    /// The next text, without what the queue was filled up with.
    #[track_caller]
    pub(crate) fn receive(&self) -> String {
        let text = self.receive_within(DEADLINE);
        text.expect("time is up, and the manager was told nothing")
    }

    /// The next text, if one comes in time.
    #[track_caller]
    pub(crate) fn receive_within(&self, time: Duration) -> Option<String> {
        let give_up = Instant::now() + time;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            self.socket
                .set_read_timeout(Some(left))
                .expect("the option is set");
            let mut bytes = [0; 4096];
            match self.socket.recv(&mut bytes) {
                Ok(count) if &bytes[..count] == FILLER.as_bytes() => {}
                Ok(count) => {
                    let text = String::from_utf8(bytes[..count].to_vec());
                    return Some(text.expect("it is text"));
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the manager cannot receive: {error}"),
            }
        }
    }

    /// All that waits now.
    #[track_caller]
    pub(crate) fn waiting(&self) -> Vec<String> {
        std::iter::from_fn(|| self.receive_within(Duration::ZERO)).collect()
    }

    /// Waits for a text with this line; returns all texts up to it.
    #[track_caller]
    pub(crate) fn wait_for(&self, line: &str) -> Vec<String> {
        let give_up = Instant::now() + DEADLINE;
        let mut texts = Vec::new();
        loop {
            texts.push(self.receive());
            if has_line(&texts[texts.len() - 1], line) {
                return texts;
            }
            assert!(Instant::now() < give_up, "{line:?} never came: {texts:#?}");
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Whether one of the lines of a text is this one.
pub(crate) fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|found| found == line)
}

/// A name that nobody else has.
pub(crate) fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("fanout-test-{}-{number}.sock", std::process::id())
}

const FILLER: &str = "X_FILLER=1";
