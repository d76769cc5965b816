//! The CPU time of a process, read from `/proc` (`proc(5)`), and how files there are read.

use std::fs;
use std::io;
use std::path::Path;

use crate::Fallible;

/// User and system time of a process in nanoseconds: exact as long as no thread of it has ended, to 10 ms otherwise.
///
/// `schedstat` counts nanoseconds, but knows only threads that live; `stat` knows all there ever were, in ticks.
pub(crate) fn cpu_ns(id: u32) -> Fallible<u64> {
    let mut living_ns = 0;
    for task in tasks(id)? {
        if let Some(text) = read_of_task(&format!("{task}/schedstat"))? {
            living_ns += field(&text, 0)?;
        }
    }
    Ok(living_ns.max(cpu_ticks(id)? * TICK_NS))
}

fn cpu_ticks(id: u32) -> Fallible<u64> {
    let text = read(format!("/proc/{id}/stat"))?;
    // The name in parentheses may hold spaces; user and system time are fields 14 and 15, this starts at field 3.
    let rest = text.rsplit_once(')').ok_or("no name in stat")?.1;
    Ok(field(rest, 11)? + field(rest, 12)?)
}

/// The folders of a process's threads.
pub(crate) fn tasks(id: u32) -> Fallible<Vec<String>> {
    let folder = format!("/proc/{id}/task");
    let entries = fs::read_dir(&folder).map_err(|error| explain(&folder, &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.map(|name| format!("{folder}/{name}")).collect())
}

/// All of a file, or what is wrong with it.
pub(crate) fn read(path: impl AsRef<Path>) -> Fallible<String> {
    let path = path.as_ref();
    fs::read_to_string(path).map_err(|error| explain(&path.display().to_string(), &error).into())
}

/// All of a file about a thread; `None` if the thread has ended since it was listed, or the kernel has no such file.
pub(crate) fn read_of_task(path: &str) -> Fallible<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => Ok(None),
        Err(error) => Err(explain(path, &error).into()),
    }
}

/// The number in this place of a text, where blanks separate the places.
pub(crate) fn field(text: &str, place: usize) -> Fallible<u64> {
    let word = text.split_ascii_whitespace().nth(place);
    Ok(word.ok_or("a field is missing in /proc")?.parse()?)
}

fn explain(path: &str, error: &io::Error) -> String {
    let hint = if cfg!(target_os = "linux") {
        ""
    } else {
        " (these figures need Linux)"
    };
    format!("{path}: {error}{hint}")
}

/// What `/proc` calls a tick: `USER_HZ` is 100 on every architecture of Linux that mio runs on.
pub(crate) const TICK_NS: u64 = 10_000_000;

/// What reading says of a thread that ended while its file was open (`ESRCH`).
const NO_SUCH_PROCESS: i32 = 3;
