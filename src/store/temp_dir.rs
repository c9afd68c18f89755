//! Temporary directories on the store's file system.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::error::Error;
use super::process::remove_tree;

/// A directory on the store's file system; removed when dropped, swept after a crash.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
    // Its process must stay registered as long as the directory is used.
    _disk: Arc<Disk>,
}

impl TempDir {
    /// Makes one.
    pub(super) fn create(disk: Arc<Disk>) -> Result<TempDir, Error> {
        let path = disk.process.fresh();
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(Error::io("create", &path))?;
        Ok(TempDir { path, _disk: disk })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        remove_tree(&self.path);
    }
}
