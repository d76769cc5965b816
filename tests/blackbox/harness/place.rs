//! Unix sockets: places for them in the file system, clients that connect there, and server A listening there.
//!
//! The invariant: nobody else knows the place, and it is gone when the test is over.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::event::PollFlags;

use super::manager::unique_name;
use super::reader::Reader;
use super::upstream::Feed;
use super::wait::is_ready;
use super::{DEADLINE, FRAME_SIZE};

/// A folder of its own with room for one socket.
pub(crate) struct Place {
    folder: PathBuf,
    path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::named("s")
    }

    /// With this name for the socket's file.
    pub(crate) fn named(name: &str) -> Self {
        let folder = std::env::temp_dir().join(unique_name());
        fs::create_dir(&folder).expect("the name is nobody else's");
        let path = folder.join(name);
        Self { folder, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As it is written on the command line and in the log.
    pub(crate) fn addr(&self) -> String {
        format!("unix:{}", self.path.display())
    }

    /// A listener here and one of TCP, in this order, and these options.
    pub(crate) fn beside_tcp(&self, options: &str) -> String {
        format!("-l {} -l 127.0.0.1:0 {options}", self.addr())
    }

    /// The permissions of the file.
    #[track_caller]
    pub(crate) fn mode(&self) -> u32 {
        let found = fs::symlink_metadata(&self.path).expect("the file is there");
        found.permissions().mode() & 0o7777
    }

    /// A client that is connected here.
    #[track_caller]
    pub(crate) fn connect(&self) -> Reader {
        Reader::over_unix(self.dial(), FRAME_SIZE)
    }

    #[track_caller]
    pub(crate) fn dial(&self) -> UnixStream {
        UnixStream::connect(&self.path).expect("somebody listens there")
    }

    /// Server A, listening here.
    #[track_caller]
    pub(crate) fn bind(&self) -> UnixUpstream {
        let listener = UnixListener::bind(&self.path).expect("the path is free");
        UnixUpstream { listener }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Server A behind a unix socket. When it goes, its file stays.
pub(crate) struct UnixUpstream {
    listener: UnixListener,
}

impl UnixUpstream {
    /// Waits for the program's connection.
    #[track_caller]
    pub(crate) fn accept(&self) -> Feed {
        assert!(
            is_ready(&self.listener, PollFlags::IN, DEADLINE),
            "the program never connected"
        );
        let (stream, _) = self
            .listener
            .accept()
            .expect("poll says that somebody waits");
        Feed::over(OwnedFd::from(stream), FRAME_SIZE)
    }
}
