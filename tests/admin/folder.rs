//! A folder for what a test leaves on the disk.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that is gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// An empty one, whose name begins with this.
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("fanout-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // One that was left behind by a process with the same number.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a place for temporary files");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed lies among other temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
