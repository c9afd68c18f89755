//! Directories of RUNs whose processes died.
//!
//! Room `snapshot` sweeps them when a build opens it to run something. Who needs room cannot wait for that: what a killed RUN
//! had written may be all that the disk has.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, openat};

use super::error::Error;
use super::item::{Item, ItemKind};
use super::measure::tree_size;
use super::open::Store;
use super::process::{list, remove_tree};

/// One of them. As long as it is held, nobody else takes it.
pub(super) struct Abandoned {
    pub item: Item,
    path: PathBuf,
    _held: OwnedFd,
}

impl Abandoned {
    /// Removes it as far as it can be: outside its user namespace what subordinate ids own stays. Whether it is gone.
    pub fn remove(self) -> bool {
        remove_tree(&self.path);
        !self.path.exists()
    }
}

impl Store {
    /// All of them.
    pub(super) fn abandoned(&self) -> Result<Vec<Abandoned>, Error> {
        let directory = self.disk.layout.directory("snapshots");
        let mut found: Vec<Abandoned> = list(&directory.join("tmp"))?
            .into_iter()
            .filter_map(|entry| take("snapshots/tmp", &entry))
            .collect();
        // Where earlier versions had them.
        let beside =
            list(&directory)?.into_iter().filter(|entry| entry.file_name().as_bytes().starts_with(b"tmp-"));
        found.extend(beside.filter_map(|entry| take("snapshots", &entry)));
        Ok(found)
    }
}

/// Takes a directory whose owner is dead: whoever lives holds its lock.
fn take(below: &str, entry: &std::fs::DirEntry) -> Option<Abandoned> {
    let path = entry.path();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = openat(CWD, &path, flags, Mode::empty()).ok()?;
    flock(&held, FlockOperation::NonBlockingLockExclusive).ok()?;
    let there = fstat(&held).ok()?;
    // Removed between the listing and the lock.
    if there.st_nlink == 0 {
        return None;
    }
    let item = Item {
        kind: ItemKind::Temporary,
        id: format!("{below}/{}", entry.file_name().to_string_lossy()),
        bytes: tree_size(&path),
        last_used: there.st_mtime,
        kept_by: Vec::new(),
    };
    Some(Abandoned { item, path, _held: held })
}
