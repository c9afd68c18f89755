//! Leases: what a live build used is not collected.
//!
//! A lease is an empty file that its build holds locked; its time is that of the build's start. Whatever a build uses is
//! touched, so its time is later; collection leaves alone all that is not older than the oldest lease.

use std::fs;

use super::disk::Disk;
use super::error::Error;
use super::lock::{Lock, Mode};
use super::open::Store;
use super::process::{list, mtime};

/// Held by a build from its first look into the store to its end.
#[derive(Debug)]
pub struct Lease {
    lock: Option<Lock>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.remove();
        }
    }
}

/// The time since which live builds have used things, and whether there are any. Removes dead builds' leases.
pub(super) fn oldest(disk: &Disk) -> Result<(i128, bool), Error> {
    let now = now(disk)?;
    let mut oldest = now;
    let mut live = false;
    for entry in list(&disk.layout.directory("leases"))? {
        let path = entry.path();
        match Lock::try_take(&path, Mode::Exclusive)? {
            Some(dead) => dead.remove(),
            None => {
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                live = true;
                // A lease of the future means that the clock was set back: what that build used may look old.
                let started = mtime(&metadata);
                oldest = oldest.min(if started > now { i128::MIN } else { started });
            }
        }
    }
    Ok((oldest, live))
}

/// The file system's own clock: comparable with the times of files, whatever the host's clock says.
pub(super) fn now(disk: &Disk) -> Result<i128, Error> {
    let path = disk.process.fresh();
    let file = fs::File::create_new(&path).map_err(Error::io("create", &path))?;
    let metadata = file.metadata().map_err(Error::io("look at", &path))?;
    let _ = fs::remove_file(&path);
    Ok(mtime(&metadata))
}

impl Store {
    /// Takes a lease.
    pub fn lease(&self) -> Result<Lease, Error> {
        let unique = self.disk.process.fresh();
        let process = self.disk.process.dir().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = unique.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = self.disk.layout.directory("leases").join(format!("{process}-{number}"));
        let lock = Lock::wait(&path, Mode::Exclusive)?;
        // Those of builds that were killed would otherwise lie there until the next collection.
        for entry in list(&self.disk.layout.directory("leases"))? {
            let other = entry.path();
            if other != path
                && let Some(dead) = Lock::try_take(&other, Mode::Exclusive)?
            {
                dead.remove();
            }
        }
        Ok(Lease { lock: Some(lock) })
    }
}
