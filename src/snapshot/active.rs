//! The directories that one RUN writes into.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::remove::remove_tree;
use crate::tree::Entry;

/// Fresh directories for one overlay; removed when dropped.
#[derive(Debug)]
pub struct Active {
    directory: PathBuf,
    // What the root directory of the tree below is.
    root: Entry,
    // Locked: says that this process lives. Given up after the directory is gone.
    _held: OwnedFd,
}

impl Active {
    pub(super) fn new(directory: PathBuf, held: OwnedFd, root: Entry) -> Active {
        Active { directory, root, _held: held }
    }

    /// The same directories, under another root.
    pub(super) fn with_root(mut self, root: Entry) -> Active {
        self.root = root;
        self
    }

    /// What the root directory is as long as nothing changes it.
    pub(super) fn root(&self) -> &Entry {
        &self.root
    }

    /// A directory of the RUN's own, holding `upper` and `work`; other things may be put here too.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The overlay's upper directory.
    pub fn upper(&self) -> PathBuf {
        self.directory.join("upper")
    }

    /// The overlay's work directory.
    pub fn work(&self) -> PathBuf {
        self.directory.join("work")
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next process.
        if let Ok(path) = CString::new(self.directory.as_os_str().as_bytes()) {
            let _ = remove_tree(CWD, &path);
        }
    }
}
