//! Directories below one root, reached by descriptors only.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use super::error::Error;
use crate::tree::RootPath;

/// LIMIT: directories kept open at once, so that a deep tree does not use up the process's descriptors.
const OPEN: usize = 64;

/// How directories are opened: never through a symbolic link.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directory at a path of the host's.
pub(super) fn open(path: &Path) -> Result<OwnedFd, Error> {
    openat(CWD, path, DIRECTORY, Mode::empty()).map_err(Error::host("open", path))
}

/// What of the directories above something that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parents {
    /// They are there.
    AreThere,
    /// Those that are missing are made, for their owner alone.
    AreMade,
}

/// Looks directories up component by component, keeping places on the way to the last one open: walks in path order cost
/// one `openat` a directory, and no path is too long.
pub(super) struct Cursor<'root> {
    root: BorrowedFd<'root>,
    parents: Parents,
    way: Vec<(RootPath, OwnedFd)>,
}

impl<'root> Cursor<'root> {
    /// A cursor at the root of a tree whose directories are there.
    pub(super) fn new(root: BorrowedFd<'root>) -> Cursor<'root> {
        Cursor::with(root, Parents::AreThere)
    }

    /// A cursor at the root.
    pub(super) fn with(root: BorrowedFd<'root>, parents: Parents) -> Cursor<'root> {
        Cursor { root, parents, way: Vec::new() }
    }

    /// The directory at `path`.
    pub(super) fn directory(&mut self, path: &RootPath) -> Result<BorrowedFd<'_>, Error> {
        while self.way.last().is_some_and(|(open, _)| !path.starts_with(open)) {
            self.way.pop();
        }
        let mut at = self.way.last().map(|(open, _)| open.clone()).unwrap_or_default();
        let rest = path.strip_prefix(&at).unwrap_or_default();
        for name in rest.components() {
            let next = self.open(name).map_err(Error::entry("open the directory", path))?;
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

    fn open(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        match openat(self.here(), name, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) if self.parents == Parents::AreMade => {
                match mkdirat(self.here(), name, Mode::RWXU) {
                    // Somebody else needs it too.
                    Err(Errno::EXIST) => {}
                    made => made?,
                }
                openat(self.here(), name, DIRECTORY, Mode::empty())
            }
            opened => opened,
        }
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.way.last().map_or(self.root, |(_, open)| open.as_fd())
    }
}
