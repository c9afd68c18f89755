//! A build context that is a directory on the host.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::error::Error;
use crate::tree::RootPath;

/// A directory on the host, held open. Nothing outside it is ever opened through it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Local {
    directory: Arc<OwnedFd>,
    path: Arc<Path>,
}

/// What contents are opened with. A pipe that took a file's place must not block.
pub(super) const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// What directories are opened with.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// LIMIT: below PATH_MAX, 4096 with the NUL; longer paths are opened in parts.
const ONE_CALL: usize = 4000;

impl Local {
    /// Opens a context. A link to a directory is followed.
    pub fn open(root: &Path) -> Result<Local, Error> {
        let wrong = |reason| Error::Context { path: root.to_path_buf(), reason };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, root, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => wrong("it does not exist"),
            Errno::NOTDIR => wrong("it is not a directory"),
            Errno::ACCESS => wrong("permission denied"),
            _ => Error::read(root.display().to_string())(errno.into()),
        })?;
        Ok(Local { directory: Arc::new(directory), path: root.into() })
    }

    /// The directory, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn directory(&self) -> &Arc<OwnedFd> {
        &self.directory
    }

    /// The path on the host, for messages.
    pub(super) fn display(&self, path: &RootPath) -> String {
        host_path(&self.path, path).display().to_string()
    }

    /// Opens a regular file of the context; links are not followed, not even in the middle of the path.
    pub fn open_file(&self, path: &RootPath) -> Result<File, Error> {
        let failed = |errno: Errno| Error::read(self.display(path))(errno.into());
        let file = self.open_with(path, FILE).map_err(failed)?;
        let stat = fstat(&file).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::Text {
                path: self.display(path),
                reason: "it is no longer a regular file".into(),
            });
        }
        Ok(File::from(file))
    }

    /// Opens anything below the root, no link followed.
    pub(super) fn open_with(&self, path: &RootPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        if path.is_root() {
            return openat(&*self.directory, c".", flags, Mode::empty());
        }
        if path.as_bytes().len() < ONE_CALL {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match openat2(&*self.directory, path.as_bytes(), flags, Mode::empty(), resolve) {
                // A filter of system calls may not know it.
                Err(Errno::NOSYS | Errno::PERM) => {}
                done => return done,
            }
        }
        self.open_by_parts(path, flags)
    }

    /// Opens one directory after the other.
    fn open_by_parts(&self, path: &RootPath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut held: Option<OwnedFd> = None;
        let above = path.parent().unwrap_or_default();
        for name in above.components() {
            let next = openat(at(&held, &self.directory), name, DIRECTORY, Mode::empty())?;
            held = Some(next);
        }
        openat(at(&held, &self.directory), path.name(), flags, Mode::empty())
    }
}

fn at<'a>(held: &'a Option<OwnedFd>, root: &'a OwnedFd) -> BorrowedFd<'a> {
    held.as_ref().map_or(root.as_fd(), |fd| fd.as_fd())
}

/// `path` of an image as a path below `root` on the host.
fn host_path(root: &Path, path: &RootPath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    root.join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_in_parts_follows_no_link_either() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/f"), "x").unwrap();
        symlink("a", dir.path().join("l")).unwrap();
        symlink("f", dir.path().join("a/b/g")).unwrap();
        let local = Local::open(dir.path()).unwrap();
        let open = |path: &str| local.open_by_parts(&RootPath::clean(path).unwrap(), FILE).map(drop);
        assert_eq!(open("a/b/f"), Ok(()));
        assert_eq!(open("l/b/f"), Err(Errno::NOTDIR));
        assert_eq!(open("a/b/g"), Err(Errno::LOOP));
        assert_eq!(open("a/none/f"), Err(Errno::NOENT));
    }
}
