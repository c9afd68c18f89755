//! Cache mounts: directories that outlive builds, by id.

use std::io;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::store::Store;
use crate::oci::Digest;
use crate::tree::{RootPath, Time};

/// Which cache mount, and how it is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheMountSpec {
    /// As written in the Dockerfile: hashed, never part of a path.
    pub id: String,
    /// Owner of the directory.
    pub uid: u32,
    /// Group of the directory.
    pub gid: u32,
    /// Permission bits of the directory.
    pub mode: u32,
    /// How.
    pub sharing: Sharing,
}

/// How several steps, of any number of processes, use one cache mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All at once.
    #[default]
    Shared,
    /// Each takes the next directory that nobody uses.
    Private,
    /// One waits for the other.
    Locked,
}

/// A cache mount in use; given back when dropped, or when the process dies.
pub struct CacheMount {
    path: PathBuf,
}

impl CacheMount {
    /// The directory to mount.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Since when this cache mount has seen each of `files`, all the context files that the step sees, with that content
    /// at that path: `now` for what it did not see the last time. The step's file gets the latest of its mounts' times
    /// (design decision 3).
    pub fn first_seen(&self, files: &[(RootPath, Digest)], now: Time) -> Result<Vec<Time>, Error> {
        let _ = (files, now);
        todo!()
    }
}

impl Store {
    /// Takes a cache mount, waiting if it must; none if `canceled` says so meanwhile. A new one is made with its owner
    /// and mode, filled by `fill`, and only then seen by others.
    pub fn cache_mount(
        &self,
        spec: &CacheMountSpec,
        fill: &mut dyn FnMut(&Path) -> io::Result<()>,
        canceled: &dyn Fn() -> bool,
    ) -> Result<Option<CacheMount>, Error> {
        let _ = (spec, fill, canceled);
        todo!()
    }
}
