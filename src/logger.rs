//! The logger: lines go through a bounded queue to a thread that prints them.
//!
//! Owns the promise that standard error can neither stop nor kill the loop: a full pipe that
//! nobody reads blocks the printing thread only, and a closed one makes its print macro panic,
//! which is caught there. Lines that do not fit into the queue are counted, and the count is
//! printed when it can be.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use simple_logger::SimpleLogger;

/// Lines waiting to be printed: more than any burst of the server, whose lines are budgeted.
const QUEUE_LINES: usize = 1024;

/// How long the end of the program waits for its last lines to be printed.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Installs the logger for lines of `level` and above.
///
/// # Errors
/// When this process has a logger already.
pub(crate) fn start(level: LevelFilter) -> Result<(), SetLoggerError> {
    let (sender, receiver) = sync_channel(QUEUE_LINES);
    let lost = Arc::new(AtomicU64::new(0));
    let queue = QueueLogger {
        level,
        sender,
        lost: Arc::clone(&lost),
    };
    log::set_boxed_logger(Box::new(queue))?;
    log::set_max_level(level);
    let printer = SimpleLogger::new().with_level(level);
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            silence_panics_of_this_thread();
            print_all(&receiver, &printer, &lost);
        });
    if thread.is_err() {
        // There is nobody to print; the server runs all the same. Why it ends is told without a logger then, as
        // where logging is off.
        log::set_max_level(LevelFilter::Off);
    }
    Ok(())
}

struct QueueLogger {
    level: LevelFilter,
    sender: SyncSender<Entry>,
    /// Lines that did not fit since the last count was printed.
    lost: Arc<AtomicU64>,
}

enum Entry {
    Line {
        level: Level,
        target: String,
        text: String,
    },
    /// Everything before this has been printed when the answer comes.
    Flush(SyncSender<()>),
}

impl Log for QueueLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = Entry::Line {
            level: record.level(),
            target: record.target().to_owned(),
            text: record.args().to_string(),
        };
        if self.sender.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {
        let (answer, answered) = sync_channel(1);
        if self.sender.try_send(Entry::Flush(answer)).is_ok() {
            // When the time is up, nobody reads standard error.
            let _ = answered.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn print_all(receiver: &Receiver<Entry>, printer: &SimpleLogger, lost: &AtomicU64) {
    for entry in receiver {
        match entry {
            Entry::Line {
                level,
                target,
                text,
            } => print(printer, level, &target, &text, lost),
            Entry::Flush(answer) => {
                // Whoever asked may have stopped waiting.
                let _ = answer.try_send(());
            }
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            // If this line is lost as well, the count is kept.
            let text =
                format!("log lines lost lines={lines} reason=\"standard error was not read\"");
            let uncounted = AtomicU64::new(0);
            print(printer, Level::Warn, module_path!(), &text, &uncounted);
            if uncounted.into_inner() > 0 {
                lost.fetch_add(lines, Ordering::Relaxed);
            }
        }
    }
}

/// Prints one line. The print macro panics when standard error cannot be written: a pipe without a
/// reader, or a full one that does not block. That is a lost line and no more.
fn print(printer: &SimpleLogger, level: Level, target: &str, text: &str, lost: &AtomicU64) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        printer.log(
            &Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{text}"))
                .build(),
        );
    }));
    if outcome.is_err() {
        lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps the panics that [`print`] catches from being reported where nothing can be written.
fn silence_panics_of_this_thread() {
    let (report, printer) = (panic::take_hook(), thread::current().id());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != printer {
            report(info);
        }
    }));
}
