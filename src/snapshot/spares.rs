//! Directories of RUNs, made before they are needed and removed when there is time: while a process runs, its builder
//! has nothing to do.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::remove::remove_path;
use super::seal::Shelf;

/// A directory that holds `upper` and `work`; removed when dropped.
#[derive(Debug)]
pub(super) struct Fresh {
    directory: PathBuf,
    // Locked: says that this process lives. Given up after the directory is gone.
    _held: OwnedFd,
}

impl Fresh {
    /// An empty directory.
    pub(super) fn empty(shelf: &Shelf) -> Result<Fresh, Error> {
        let (directory, held) = shelf.temporary()?;
        Ok(Fresh { directory, _held: held })
    }

    /// A directory with all that an overlay needs.
    pub(super) fn new(shelf: &Shelf) -> Result<Fresh, Error> {
        let fresh = Fresh::empty(shelf)?;
        for path in [fresh.upper(), fresh.work()] {
            fs::create_dir(&path).map_err(Error::host("make", path))?;
        }
        Ok(fresh)
    }

    /// The directory itself.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The overlay's upper directory.
    pub(super) fn upper(&self) -> PathBuf {
        self.directory.join("upper")
    }

    /// The overlay's work directory.
    pub(super) fn work(&self) -> PathBuf {
        self.directory.join("work")
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next process.
        let _ = remove_path(&self.directory);
    }
}

/// What is ready, and what is to be removed.
#[derive(Debug, Default)]
pub(super) struct Spares {
    ready: Mutex<Vec<Fresh>>,
    used: Mutex<Vec<Fresh>>,
}

impl Spares {
    /// A directory: one that is ready, else a new one.
    pub(super) fn take(&self, shelf: &Shelf) -> Result<Fresh, Error> {
        let ready = locked(&self.ready).pop();
        if let Some(fresh) = ready {
            return Ok(fresh);
        }
        // What was used waits for the process that is to run: removed here, there would be nothing to tidy, ever.
        Fresh::new(shelf).or_else(|error| match self.remove() {
            0 => Err(error),
            // The disk may have been full of it.
            _ => Fresh::new(shelf),
        })
    }

    /// Keeps what was used until there is time. Nothing large, unless the snapshot that the upper directory was to become
    /// is there already.
    pub(super) fn put(&self, used: Fresh) {
        locked(&self.used).push(used);
    }

    /// Removes what was used, and makes another ready in its place: a build with one RUN needs no second one.
    pub(super) fn tidy(&self, shelf: &Shelf) {
        let is_needed = self.remove() > 0 && locked(&self.ready).is_empty();
        if is_needed && let Ok(fresh) = Fresh::new(shelf) {
            locked(&self.ready).push(fresh);
        }
    }

    fn remove(&self) -> usize {
        let used = std::mem::take(&mut *locked(&self.used));
        used.len()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
