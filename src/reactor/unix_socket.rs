//! Unix sockets to listen on: their files, made and removed.
//!
//! Layer: reactor. Owns two rules: a file is taken over only if nobody answers on it, and removed only if
//! it is still the one that was made. Knows nothing of who connects.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::{fs::Permissions, os::fd::AsRawFd, os::unix::fs::PermissionsExt};

use log::{debug, info};
use mio::net::UnixListener;
#[cfg(not(target_os = "linux"))]
use rustix::fs::AtFlags;
use rustix::fs::Mode;
#[cfg(target_os = "linux")]
use rustix::fs::OFlags;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::relay::endpoint::Endpoint;
use crate::relay::limits::ACCEPT_QUEUE;

/// The file of a listening socket. Dropping it removes it. To be dropped before the socket, as long as
/// which the kernel gives the inode to no other file.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: Arc<Path>,
    /// Device and inode: which file it was.
    identity: (u64, u64),
}

/// A listening socket at `path`, with an accept queue of [`ACCEPT_QUEUE`] and a file of this `mode`.
///
/// A file that is left over from a process that is gone is replaced.
pub(super) fn listen(path: &Arc<Path>, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let addr = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.bind(&addr) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_stale(path, &addr)?;
            socket.bind(&addr)?;
        }
        outcome => outcome?,
    }
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile {
        path: Arc::clone(path),
        identity: (found.dev(), found.ino()),
    };
    // Nobody can connect before it listens, so nobody slips in under the umask's permissions.
    set_mode(path, mode)?;
    socket.listen(ACCEPT_QUEUE)?;
    // Up to now, another process that starts at the same time could take it for a stale one.
    if !file.is_in_place() {
        return refuse("another process is taking it over");
    }
    Ok((UnixListener::from_std(socket.into()), file))
}

/// Removes a socket's file that nobody listens on any more.
fn remove_stale(path: &Arc<Path>, addr: &SockAddr) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return refuse("there is a file of that name, and it is no socket");
        }
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // With a full accept queue, a blocking connect would wait for somebody to leave it.
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            // Another process may have replaced it since.
            if !fs::symlink_metadata(path).is_ok_and(|now| version(&now) == version(&found)) {
                return refuse("another process is taking it over");
            }
            fs::remove_file(path)?;
            info!(
                "stale socket removed addr={}",
                Endpoint::Unix(Arc::clone(path))
            );
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => refuse("another process listens there"),
    }
}

/// Sets the permissions of the socket's file, and of no other: chmod(2) follows links, and whoever may write to
/// the folder may have put one in the file's place since.
#[cfg(target_os = "linux")]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    // A descriptor of this kind is no handle for fchmod(2), but it has a name (open(2), O_PATH).
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    match fs::symlink_metadata(&name) {
        // Not in a folder without /proc.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::set_permissions(path, Permissions::from_mode(mode))
        }
        Err(error) => Err(error),
        Ok(_) if fs::metadata(&name)?.file_type().is_socket() => {
            fs::set_permissions(&name, Permissions::from_mode(mode))
        }
        Ok(_) => refuse("another file is in its place"),
    }
}

/// As on Linux.
#[cfg(not(target_os = "linux"))]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let mode = Mode::from_raw_mode(mode.try_into().unwrap_or(0));
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    Ok(rustix::fs::chmodat(rustix::fs::CWD, path, mode, flags)?)
}

/// Which file it is, and since when. An inode that has been freed is soon another file's.
fn version(found: &Metadata) -> (u64, u64, i64, i64) {
    let (dev, ino) = (found.dev(), found.ino());
    (dev, ino, found.ctime(), found.ctime_nsec())
}

fn refuse<T>(why: &'static str) -> io::Result<T> {
    Err(io::Error::new(ErrorKind::AddrInUse, why))
}

impl SocketFile {
    fn is_in_place(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_in_place()
            && let Err(error) = fs::remove_file(&self.path)
        {
            debug!(
                "socket file not removed addr={} error=\"{error}\"",
                Endpoint::Unix(Arc::clone(&self.path))
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;

    use super::*;

    /// A path that no other test has, with nothing there.
    fn path(name: &str) -> Arc<Path> {
        let file = format!("fanout-{name}-{}.sock", std::process::id());
        let path: PathBuf = std::env::temp_dir().join(file);
        let _ = fs::remove_file(&path);
        path.into()
    }

    #[test]
    fn permissions_are_never_those_of_what_a_link_leads_to() {
        let (path, victim) = (path("link"), path("victim"));
        fs::write(&victim, "precious").unwrap();
        let before = fs::metadata(&victim).unwrap().mode();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        // macOS changes the link's own.
        let refused = set_mode(&path, 0o777).is_err();
        assert_eq!(refused, cfg!(target_os = "linux"));
        assert_eq!(fs::metadata(&victim).unwrap().mode(), before);
        fs::remove_file(&path).unwrap();
        fs::remove_file(&victim).unwrap();
    }

    #[test]
    fn a_socket_has_the_mode_that_is_asked_for_and_its_file_is_gone_with_it() {
        let path = path("mode");
        let (_socket, file) = listen(&path, 0o640).unwrap();
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.mode() & 0o7777, 0o640);
        UnixStream::connect(&path).unwrap();
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_is_taken_over_only_if_nobody_answers_there() {
        let path = path("stale");
        let (socket, file) = listen(&path, 0o600).unwrap();
        let refusal = listen(&path, 0o600).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::AddrInUse);
        drop(socket);
        let taken_over = listen(&path, 0o600);
        // As after a kill: what was there before is not told of it.
        std::mem::forget(file);
        taken_over.unwrap();
    }

    #[test]
    fn a_file_that_somebody_else_has_put_there_is_left() {
        let path = path("replaced");
        let (_socket, file) = listen(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let (_other_socket, other) = listen(&path, 0o600).unwrap();
        drop(file);
        assert!(path.exists());
        drop(other);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays_as_it_is() {
        let path = path("precious");
        fs::write(&path, "precious").unwrap();
        let refusal = listen(&path, 0o600).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();
    }
}
