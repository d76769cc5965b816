//! Unix sockets to listen on: their files, made and removed.
//!
//! Layer: reactor. Owns two rules: a file is taken over only if nobody answers on it, and removed only if
//! it is still the one that was made. Knows nothing of who connects.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use log::{debug, info};
use mio::net::UnixListener;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::relay::limits::ACCEPT_QUEUE;

/// The file of a listening socket. Dropping it removes it.
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
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(ACCEPT_QUEUE)?;
    Ok((UnixListener::from_std(socket.into()), file))
}

/// Removes a socket's file that nobody listens on any more.
fn remove_stale(path: &Path, addr: &SockAddr) -> io::Result<()> {
    let refuse = |what| Err(io::Error::new(ErrorKind::AddrInUse, what));
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return refuse("there is a file of that name, and it is no socket");
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // With a full accept queue, a blocking connect would wait for somebody to leave it.
    probe.set_nonblocking(true)?;
    match probe.connect(addr) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            info!("stale socket removed path={}", path.display());
            fs::remove_file(path)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => refuse("another process listens there"),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            debug!(
                "socket file not removed path={} error=\"{error}\"",
                self.path.display()
            );
        }
    }
}
