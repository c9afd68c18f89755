//! The directories that one RUN writes into.

use std::path::{Path, PathBuf};

/// Fresh directories for one overlay; removed when dropped.
#[derive(Debug)]
pub struct Active {
    directory: PathBuf,
}

impl Active {
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
