//! The end of everything that was started: no process and no folder outlives this program.
//!
//! Owns the rule that a child is on the list from before it can be seen until it has been killed, so that a signal, at
//! whatever moment it comes, finds all of them. It does not know what the children are.

use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::Fallible;

/// A child that does not outlive its owner, nor this program if that is interrupted.
pub(crate) struct Ended(pub(crate) Child);

impl Ended {
    /// Starts `command`.
    pub(crate) fn spawn(command: &mut Command) -> Fallible<Self> {
        let mut alive = alive();
        let program = command.get_program().to_owned();
        let child = command.spawn();
        let child = child.map_err(|error| format!("{}: {error}", program.display()))?;
        alive.children.push(child.id());
        Ok(Self(child))
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let id = self.0.id();
        {
            let mut alive = alive();
            // It may have ended by itself.
            let _ = self.0.kill();
            alive.children.retain(|&child| child != id);
        }
        let _ = self.0.wait();
    }
}

/// A folder for what the servers insist on writing. It goes when this does.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes a folder that nobody else has.
    pub(crate) fn new(name: &str) -> Fallible<Self> {
        let number = fastrand::u32(..);
        let path = std::env::temp_dir().join(format!(
            "fanout-bench-{}-{name}-{number:08x}",
            process::id()
        ));
        let mut alive = alive();
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        alive.folders.push(path.clone());
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut alive = alive();
        // What cannot be removed is left to whoever clears the folder of temporary files.
        let _ = fs::remove_dir_all(&self.0);
        alive.folders.retain(|folder| *folder != self.0);
    }
}

/// From now on SIGINT, SIGTERM and SIGHUP end the children before they end this program.
pub(crate) fn watch_signals() -> Fallible<()> {
    let (mut reader, writer) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        pipe::register(signal, writer.try_clone()?)?;
    }
    thread::spawn(move || {
        let mut byte = [0];
        while let Err(error) = reader.read_exact(&mut byte) {
            if error.kind() != io::ErrorKind::Interrupted {
                return;
            }
        }
        eprintln!("bench: interrupted");
        end_all();
        process::exit(EXIT_INTERRUPTED);
    });
    Ok(())
}

/// Kills all children; their owners find out.
pub(crate) fn kill_children() {
    kill(&alive().children);
}

/// Ends everything for good. Nothing can be started any more: the list stays locked.
fn end_all() {
    let alive = alive();
    kill(&alive.children);
    for folder in &alive.folders {
        let _ = fs::remove_dir_all(folder);
    }
    std::mem::forget(alive);
}

fn kill(children: &[u32]) {
    for &child in children {
        if let Some(id) = i32::try_from(child).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

/// What has to be ended.
struct Alive {
    children: Vec<u32>,
    folders: Vec<PathBuf>,
}

fn alive() -> MutexGuard<'static, Alive> {
    // A list is whole at every moment, so a panic elsewhere does not spoil it.
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

static ALIVE: Mutex<Alive> = Mutex::new(Alive {
    children: Vec::new(),
    folders: Vec::new(),
});

/// What shells say of a program that an interrupt has ended: 128 and the number of SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_its_owner() {
        let child = Ended::spawn(Command::new("sleep").arg("60")).expect("sleep is everywhere");
        let proc = PathBuf::from(format!("/proc/{}", child.0.id()));
        assert!(proc.exists());
        drop(child);
        assert!(!proc.exists());
    }

    #[test]
    fn a_folder_goes_with_what_is_in_it() {
        let folder = Folder::new("test").expect("there is a folder for temporary files");
        let path = folder.path().to_owned();
        fs::write(path.join("file"), "text").expect("a file can be written");
        drop(folder);
        assert!(!path.exists());
    }
}
