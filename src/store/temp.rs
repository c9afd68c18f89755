//! Temporary directories of a process, and the sweep of what dead ones left.

use std::path::{Path, PathBuf};

/// A directory on the store's file system; removed when dropped.
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
