//! Removes a tree, however deep it is, without following a link.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, chmodat, fchmod, openat, renameat, unlinkat};
use rustix::io::{Errno, Result};

use super::cursor::DIRECTORY;

/// LIMIT: directories open at once; what lies deeper is moved up first.
const DEPTH: usize = 64;

/// Removes `path` and all below it. What is not there is removed already.
pub(super) fn remove_path(path: &Path) -> Result<()> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)?;
    remove_tree(CWD, &path)
}

/// Removes `name` in `parent` and all below it. What is not there is removed already.
pub fn remove_tree(parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        done => return done,
    }
    let top = open(parent, name)?;
    let mut moved = 0;
    loop {
        let before = moved;
        empty(top.as_fd(), top.as_fd(), 0, &mut moved)?;
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            // Something deep was moved up meanwhile.
            Err(Errno::NOTEMPTY | Errno::EXIST) if moved > before => {}
            done => return done,
        }
    }
}

fn empty(directory: BorrowedFd<'_>, top: BorrowedFd<'_>, depth: usize, moved: &mut u64) -> Result<()> {
    for name in names(directory)? {
        match unlinkat(directory, &name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(Errno::NOENT) => continue,
            Err(Errno::ACCESS) => {
                fchmod(directory, Mode::RWXU)?;
                match unlinkat(directory, &name, AtFlags::empty()) {
                    Ok(()) => continue,
                    Err(Errno::ISDIR | Errno::PERM) => {}
                    Err(errno) => return Err(errno),
                }
            }
            done => {
                done?;
                continue;
            }
        }
        if depth == DEPTH {
            *moved += 1;
            let up = CString::new(format!(".rbuild-removing-{moved}")).map_err(|_| Errno::INVAL)?;
            match renameat(directory, &name, top, &up) {
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => return Err(Errno::EXIST),
                done => done?,
            }
            continue;
        }
        let below = open(directory, &name)?;
        empty(below.as_fd(), top, depth + 1, moved)?;
        drop(below);
        match unlinkat(directory, &name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) => {}
            done => done?,
        }
    }
    Ok(())
}

fn open(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd> {
    match openat(parent, name, DIRECTORY, Mode::empty()) {
        // Only the owner of an unreadable directory comes here; root reads everything.
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            openat(parent, name, DIRECTORY, Mode::empty())
        }
        done => done,
    }
}

/// The names in a directory.
pub(super) fn names(directory: BorrowedFd<'_>) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}
