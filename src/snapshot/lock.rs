//! Locks that the kernel frees when their holder dies.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, mkdirat, openat};
use rustix::io::Errno;

use super::cursor::DIRECTORY;
use super::error::Error;

/// Waits until nobody else holds the lock file at `path`; freed when the value is dropped.
pub(super) fn wait(path: &Path) -> Result<File, Error> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = openat(CWD, path, flags, Mode::from_raw_mode(0o600)).map_err(Error::host("open", path))?;
        match flock(&file, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => continue,
            done => done.map_err(Error::host("lock", path))?,
        }
        // Whoever sweeps may have removed it meanwhile, and then it keeps nobody out.
        if fstat(&file).map_err(Error::host("read", path))?.st_nlink > 0 {
            return Ok(file.into());
        }
    }
}

/// Makes a directory that is locked from its first moment on; `None` if the name is taken.
pub(super) fn make_directory(path: &Path) -> Result<Option<OwnedFd>, Error> {
    match mkdirat(CWD, path, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(None),
        done => done.map_err(Error::host("make", path))?,
    }
    let opened = match openat(CWD, path, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        done => done.map_err(Error::host("open", path))?,
    };
    flock(&opened, FlockOperation::LockExclusive).map_err(Error::host("lock", path))?;
    // Whoever sweeps may have come between.
    let stat = fstat(opened.as_fd()).map_err(Error::host("read", path))?;
    Ok((stat.st_nlink > 0).then_some(opened))
}

/// Takes a directory whose owner is dead; `None` if it is alive or the directory is gone.
pub(super) fn take_abandoned(path: &Path) -> Result<Option<OwnedFd>, Error> {
    let opened = match openat(CWD, path, DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
        done => done.map_err(Error::host("open", path))?,
    };
    match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        done => done.map_err(Error::host("lock", path)).map(|()| Some(opened)),
    }
}
