//! Directories below one root, reached by descriptors only.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};

use super::error::Error;
use crate::tree::RootPath;

/// LIMIT: directories kept open at once, so that a deep tree does not use up the process's descriptors.
const OPEN: usize = 64;

/// How directories are opened: never through a symbolic link.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Looks directories up component by component, keeping places on the way to the last one open: walks in path order cost
/// one `openat` a directory, and no path is too long.
pub(super) struct Cursor<'root> {
    root: BorrowedFd<'root>,
    way: Vec<(RootPath, OwnedFd)>,
}

impl<'root> Cursor<'root> {
    /// A cursor at the root.
    pub(super) fn new(root: BorrowedFd<'root>) -> Cursor<'root> {
        Cursor { root, way: Vec::new() }
    }

    /// The directory at `path`.
    pub(super) fn directory(&mut self, path: &RootPath) -> Result<BorrowedFd<'_>, Error> {
        while self.way.last().is_some_and(|(open, _)| !path.starts_with(open)) {
            self.way.pop();
        }
        let mut at = self.way.last().map(|(open, _)| open.clone()).unwrap_or_default();
        let rest = path.strip_prefix(&at).unwrap_or_default();
        for name in rest.components() {
            let next = openat(self.here(), name, DIRECTORY, Mode::empty())
                .map_err(Error::entry("open the directory", path))?;
            if self.way.len() == OPEN {
                // Every second one goes: the way back from deep below finds a place to start from that is not far.
                let mut keep = false;
                self.way.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
            at = at.join(name);
            self.way.push((at.clone(), next));
        }
        Ok(self.here())
    }

    /// The directory that holds `path`, which is not the root.
    pub(super) fn parent(&mut self, path: &RootPath) -> Result<BorrowedFd<'_>, Error> {
        self.directory(&path.parent().unwrap_or_default())
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.way.last().map_or(self.root, |(_, open)| open.as_fd())
    }
}
