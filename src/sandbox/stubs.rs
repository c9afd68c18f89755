//! Mount points that the sandbox had to make: noted when made, taken away afterwards if they are still what was made.
//!
//! **Invariants**: noting allocates nothing (it happens in the child, in memory that the parent sees). Taking away walks
//! the upper directory by descriptors without following a link, and removes only the very inode that was made, while it
//! is empty; so a RUN that replaces a parent by a link to elsewhere loses nothing elsewhere (CVE-2024-23652).
//! Where nothing else changed a parent directory, its modification time is what it was before.
//!
//! LIMIT: a RUN that renames the directory above a mount point carries the mount point away; it then stays in the layer.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, UTIME_OMIT, fstat, futimens, openat2,
    statat, unlinkat,
};
use crate::sys::rustix::io::{Errno, Result};
use crate::tree::RootPath;

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Directory,
    File,
}

type Time = (i64, i64);

#[derive(Debug)]
struct Stub {
    path: (usize, usize),
    want: Want,
    inode: (u64, u64),
    parent_before: Time,
    parent_after: Time,
}

/// The notes, in the order of making, with room fixed beforehand.
#[derive(Debug)]
pub(super) struct StubLog {
    stubs: Vec<Stub>,
    paths: Vec<u8>,
}

/// The parent directory of a stub that is about to be made.
pub(super) struct Pending {
    parent_before: Time,
}

impl Pending {
    /// Gives a directory the modification time that the parent had.
    pub(super) fn give_back(&self, directory: BorrowedFd<'_>) -> Result<()> {
        futimens(directory, &modified(self.parent_before))
    }
}

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

impl StubLog {
    /// Room for so many.
    pub(super) fn with_room_for(count: usize) -> StubLog {
        // LIMIT: mount points that are missing have a handful of components; the kernel's path limit holds for each.
        StubLog { stubs: Vec::with_capacity(count), paths: Vec::with_capacity(16 * 1024 + 256 * count) }
    }

    /// To be called before a stub is made in `parent`.
    pub(super) fn begin(parent: BorrowedFd<'_>) -> Result<Pending> {
        Ok(Pending { parent_before: mtime(&fstat(parent)?) })
    }

    /// Notes what was made at `path` (relative, without links), if it is in the upper directory. In the child.
    pub(super) fn note(
        &mut self,
        pending: &Pending,
        upper: BorrowedFd<'_>,
        parent: BorrowedFd<'_>,
        path: &CStr,
        want: Want,
    ) -> Result<()> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(made) = openat2(upper, path, flags, Mode::empty(), BENEATH) else { return Ok(()) };
        let made = fstat(&made)?;
        let bytes = path.to_bytes();
        if self.stubs.len() == self.stubs.capacity() || self.paths.capacity() - self.paths.len() < bytes.len()
        {
            return Err(Errno::NOSPC);
        }
        let start = self.paths.len();
        self.paths.extend_from_slice(bytes);
        self.stubs.push(Stub {
            path: (start, bytes.len()),
            want,
            inode: (made.st_dev, made.st_ino),
            parent_before: pending.parent_before,
            parent_after: mtime(&fstat(parent)?),
        });
        Ok(())
    }

    /// Takes the stubs away, last first, and says which mount points had been made, in order of path.
    pub(super) fn clean(self, upper: BorrowedFd<'_>) -> Vec<RootPath> {
        let mut made = Vec::new();
        for stub in self.stubs.iter().rev() {
            let path = self.paths.get(stub.path.0..stub.path.0 + stub.path.1).unwrap_or_default();
            if let Ok(path) = RootPath::clean(path) {
                // A stub that cannot be taken away stays, and the layer tells so: better than failing the build.
                let _ = remove(upper, &path, stub);
                made.push(path);
            }
        }
        made.sort();
        made
    }
}

fn remove(upper: BorrowedFd<'_>, path: &RootPath, stub: &Stub) -> Result<()> {
    let above = path.parent().ok_or(Errno::BUSY)?;
    let parent = open_directory(upper, above.as_bytes())?;
    let before = fstat(&parent)?;
    let found = statat(&parent, path.name(), AtFlags::SYMLINK_NOFOLLOW)?;
    if (found.st_dev, found.st_ino) != stub.inode {
        return Ok(());
    }
    match stub.want {
        // The kernel refuses a directory that holds something.
        Want::Directory => unlinkat(&parent, path.name(), AtFlags::REMOVEDIR)?,
        Want::File if found.st_size == 0 && found.st_nlink == 1 => {
            unlinkat(&parent, path.name(), AtFlags::empty())?
        }
        Want::File => return Ok(()),
    }
    let now = mtime(&before);
    let time = if now == stub.parent_after { stub.parent_before } else { now };
    futimens(&parent, &modified(time))
}

fn modified(time: Time) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: time.0, tv_nsec: time.1 },
    }
}

fn open_directory(upper: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let path = if path.is_empty() { b"." } else { path };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat2(upper.as_fd(), path, flags, Mode::empty(), BENEATH)
}

fn mtime(stat: &Stat) -> Time {
    (stat.st_mtime, stat.st_mtime_nsec as i64)
}
