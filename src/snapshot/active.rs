//! The directories that one RUN writes into.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::remove::remove_path;
use super::spares::Fresh;
use crate::tree::Entry;

/// Fresh directories for one overlay; removed when dropped.
#[derive(Debug)]
pub struct Active {
    fresh: Fresh,
    // What the root directory of the tree below is.
    root: Entry,
}

impl Active {
    pub(super) fn new(fresh: Fresh, root: Entry) -> Active {
        Active { fresh, root }
    }

    /// What the root directory is as long as nothing changes it.
    pub(super) fn root(&self) -> &Entry {
        &self.root
    }

    /// Removes the work directory: nothing is mounted any more.
    pub(super) fn remove_work(&self) -> Result<(), Error> {
        let work = self.work();
        remove_path(&work).map_err(Error::host("remove", work))
    }

    /// What is left of it.
    pub(super) fn into_fresh(self) -> Fresh {
        self.fresh
    }

    /// A directory of the RUN's own, holding `upper` and `work`; other things may be put here too.
    pub fn directory(&self) -> &Path {
        self.fresh.directory()
    }

    /// The overlay's upper directory.
    pub fn upper(&self) -> PathBuf {
        self.fresh.upper()
    }

    /// The overlay's work directory.
    pub fn work(&self) -> PathBuf {
        self.fresh.work()
    }
}
