//! A directory beside a destination, in which a tree is made before it is moved there.

use std::fs::{self, File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock, fstat};
use tempfile::TempDir;

use super::error::Error;
use crate::snapshot::remove_tree;

/// What their names begin with, and nobody else's.
const PREFIX: &str = ".rbuild-stage-";

/// Removed when dropped; locked as long as its process lives, so that the next export to the same place removes what one that
/// was killed has left.
pub(super) struct Stage {
    directory: TempDir,
    opened: File,
}

impl Stage {
    /// A new one in `beside`, with the mode that the user's umask gives.
    pub fn new(beside: &Path) -> Result<Stage, Error> {
        sweep(beside);
        loop {
            let directory = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(0o777))
                .tempdir_in(beside)
                .map_err(Error::destination("make a directory in", beside))?;
            // Whoever sweeps may come between.
            let Ok(opened) = File::open(directory.path()) else { continue };
            let locked = flock(&opened, FlockOperation::LockExclusive);
            locked.map_err(Error::destination("lock", directory.path()))?;
            if fstat(&opened).is_ok_and(|there| there.st_nlink > 0) {
                return Ok(Stage { directory, opened });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory, open.
    pub fn opened(&self) -> &File {
        &self.opened
    }

    /// It has another name now, and stays.
    pub fn keep(self) {
        let _ = self.directory.keep();
    }
}

/// Removes what dead processes left in `beside`; what cannot be looked at or removed is not ours.
fn sweep(beside: &Path) {
    let Ok(opened) = File::open(beside) else { return };
    for entry in fs::read_dir(beside).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_one =
            name.to_string_lossy().starts_with(PREFIX) && entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(left) = is_one.then(|| File::open(entry.path()).ok()).flatten() else { continue };
        if flock(&left, FlockOperation::NonBlockingLockExclusive).is_ok()
            && let Ok(name) = std::ffi::CString::new(name.into_encoded_bytes())
        {
            let _ = remove_tree(opened.as_fd(), &name);
        }
    }
}
