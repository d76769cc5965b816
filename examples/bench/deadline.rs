//! The limit on everything that one rig does, whatever it is that hangs.
//!
//! Every single wait has a limit of its own; this one is for what nobody thought of. When it has passed, all children
//! are killed, and whoever waits for one of them hears of its end.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::ending;

/// Kills all children when it has passed, unless it is dropped before.
pub(crate) struct Deadline {
    extensions: Sender<Duration>,
}

impl Deadline {
    /// Passes after this time.
    pub(crate) fn after(limit: Duration) -> Self {
        let (extensions, receiver) = mpsc::channel();
        thread::spawn(move || {
            if has_passed(limit, &receiver) {
                eprintln!(
                    "bench: nothing has come of it for too long: all that was started is killed"
                );
                ending::kill_children();
            }
        });
        Self { extensions }
    }

    /// Passes so much later.
    pub(crate) fn extend(&self, time: Duration) {
        // Once it has passed there is nothing to extend.
        let _ = self.extensions.send(time);
    }
}

/// Whether the limit passes before the other end is gone.
fn has_passed(limit: Duration, extensions: &Receiver<Duration>) -> bool {
    let mut deadline = Instant::now() + limit;
    loop {
        match extensions.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(time) => deadline += time,
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_unless_it_is_dropped() {
        let (extensions, receiver) = mpsc::channel();
        assert!(has_passed(Duration::from_millis(20), &receiver));
        drop(extensions);
        assert!(!has_passed(Duration::from_secs(60), &receiver));
    }

    #[test]
    fn an_extension_counts_from_the_end() {
        let (extensions, receiver) = mpsc::channel();
        extensions
            .send(Duration::from_millis(80))
            .expect("it is listened to");
        let begun = Instant::now();
        assert!(has_passed(Duration::from_millis(20), &receiver));
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }
}
