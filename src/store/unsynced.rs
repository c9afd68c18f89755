//! What a process wrote that is not durable yet, and the one moment when it becomes so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::error::Error;
use super::layout::Layout;
use super::lock::locked;
use super::process::Process;
use crate::sys::writeback::begin_writeback;

/// What is not durable yet.
#[derive(Debug, Default)]
pub struct Unsynced {
    never: bool,
    state: Mutex<State>,
    bytes: AtomicU64,
    // Shared by who names a file that is noted; alone is who says of all that are noted that they are there.
    naming: RwLock<()>,
}

#[derive(Debug, Default)]
struct State {
    /// By path, the number under which it was noted last.
    files: BTreeMap<PathBuf, u64>,
    last: u64,
    marked: bool,
}

impl State {
    /// All is durable.
    fn forget(&mut self) {
        // The numbers go on: a moment stays one.
        self.files.clear();
        self.marked = false;
    }
}

/// A moment: what was noted before it and what was noted after it can be told apart.
#[derive(Clone, Copy, Debug)]
pub struct Moment(u64);

/// LIMIT: ours; beyond it, one sync of the file system is cheaper than one of each file, whatever else is on it.
const FILES: usize = 64;

/// How long what earlier builds left unsynced is left to the kernel, which writes it in half a minute by itself.
const LEFTOVER: Duration = Duration::from_secs(60);

impl Unsynced {
    /// Nothing unsynced. With `never`, [`Unsynced::sync`] does nothing.
    pub fn new(never: bool) -> Unsynced {
        Unsynced { never, ..Unsynced::default() }
    }

    /// Whether nothing is ever made durable.
    pub fn is_never(&self) -> bool {
        self.never
    }

    /// Whether this process made that file, and has not synced it yet: its bytes were hashed as they were written.
    pub fn holds(&self, path: &Path) -> bool {
        locked(&self.state).files.contains_key(path)
    }

    /// To be held from the note of a file until it has its name.
    pub fn naming(&self) -> RwLockReadGuard<'_, ()> {
        self.naming.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_named(&self) -> RwLockWriteGuard<'_, ()> {
        self.naming.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a file that is about to get its name.
    pub fn add(&self, process: &Process, path: &Path) -> Result<(), Error> {
        let mut state = locked(&self.state);
        if !state.marked {
            // ORDER: the mark before the name, so that after a power cut whoever sees the name sees the mark.
            process.mark_unsynced()?;
            state.marked = true;
        }
        state.last += 1;
        let number = state.last;
        state.files.insert(path.to_path_buf(), number);
        Ok(())
    }

    /// Now; what was noted before has its name.
    pub fn now(&self) -> Moment {
        let _all = self.all_named();
        Moment(locked(&self.state).last)
    }

    /// What was noted before `moment` is durable: somebody has had written all of the file system with that device number,
    /// beginning after it.
    pub fn written(&self, moment: Moment, device: u64, layout: &Layout) {
        if fs::metadata(layout.root()).is_ok_and(|root| root.dev() == device) {
            locked(&self.state).files.retain(|_, number| *number > moment.0);
        }
    }

    /// Counts bytes that were written.
    pub fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes the count of bytes written.
    pub fn take_count(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }

    /// Makes durable what was noted.
    pub fn sync(&self, layout: &Layout, process: &Process) -> Result<(), Error> {
        // ORDER: before the state, as whoever names a file takes them.
        let _all = self.all_named();
        let mut state = locked(&self.state);
        if self.never || !state.marked {
            return Ok(());
        }
        let leftover = process.leftover();
        let old = fs::symlink_metadata(&leftover)
            .and_then(|m| m.modified())
            .is_ok_and(|t| t.elapsed().is_ok_and(|age| age > LEFTOVER));
        if state.files.len() > FILES || old {
            let root = layout.root();
            let dir = File::open(root).map_err(Error::io("open", root))?;
            rustix::fs::syncfs(&dir).map_err(|e| Error::io("sync", root)(e.into()))?;
            if old {
                let _ = fs::remove_file(&leftover);
            }
            state.forget();
            process.mark_synced();
            return Ok(());
        }
        // ORDER: blobs are durable, names and all, before anything that points at them.
        let blobs = layout.directory("blobs");
        let (blobs, others): (Vec<_>, Vec<_>) = state.files.keys().partition(|p| p.starts_with(&blobs));
        sync_files(&blobs)?;
        sync_files(&others)?;
        state.forget();
        process.mark_synced();
        Ok(())
    }
}

fn sync_files(files: &[&PathBuf]) -> Result<(), Error> {
    let mut parents = BTreeSet::new();
    let mut opened = Vec::new();
    for path in files {
        match File::open(path) {
            Ok(file) => {
                // All are set out to the disk before one is waited for: one commit of the journal then does for all.
                begin_writeback(file.as_fd(), 0, 0);
                opened.push((path, file));
            }
            // Removed or replaced since.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("open", path)(e)),
        }
        parents.extend(path.parent());
    }
    for (path, file) in opened {
        file.sync_data().map_err(Error::io("sync", path))?;
    }
    for dir in parents {
        File::open(dir).and_then(|d| d.sync_all()).map_err(Error::io("sync", dir))?;
    }
    Ok(())
}
