//! Root file systems as a directory.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, chmodat, openat, renameat, statat};
use rustix::io::Errno;

use super::content::StoredLayers;
use super::error::Error;
use super::finished::ImageSet;
use super::stage::Stage;
use super::trees::{Split, Trees, trees};
use super::whole_file::directory_of;
use crate::snapshot::{Item, Owners, finish_directories, remove_tree, write_tree};
use crate::store::Store;
use crate::tree::RootPath;

/// Writes the root file systems into `to`.
///
/// Everything is written to a directory under another name first. A new destination is that directory, renamed; into one
/// that is there the entries are moved, replacing what has their names and keeping the rest, as BuildKit's `mode=copy`.
/// No symbolic link is followed. Owners are set by root alone.
pub(super) fn local(store: &Store, set: &ImageSet, to: &Path, split: Split) -> Result<(), Error> {
    let Trees { items, layers } = trees(set, split)?;
    let owners = if rustix::process::geteuid().is_root() { Owners::Keep } else { Owners::Writer };
    let is_new = match fs::metadata(to) {
        Ok(there) if there.is_dir() => false,
        Ok(_) => {
            let reason = "is not a directory, and the output is one: remove it, or give another dest=";
            return Err(Error::Kind { path: to.to_path_buf(), reason });
        }
        Err(_) => true,
    };
    let beside = if is_new { directory_of(to) } else { to };
    fs::create_dir_all(beside).map_err(Error::destination("make", beside))?;
    let stage = Stage::new(beside)?;
    let opened = stage.opened();
    write_tree(opened.as_fd(), &items, &StoredLayers { store, layers: &layers }, owners).map_err(
        |e| match e.is_no_space() {
            true => Error::destination("write", to)(std::io::Error::from(Errno::NOSPC)),
            false => e.into(),
        },
    )?;
    if is_new {
        finish_directories(opened.as_fd(), &items, owners)?;
        fs::rename(stage.path(), to).map_err(Error::destination("make", to))?;
        stage.keep();
        return Ok(());
    }
    let destination = File::open(to).map_err(Error::destination("open", to))?;
    move_into(opened.as_fd(), destination.as_fd(), &items)?;
    Ok(finish_directories(destination.as_fd(), &items, owners)?)
}

/// Moves what is in `from` into `to`; what lies in a directory that is new to `to` goes along with it.
fn move_into(from: BorrowedFd<'_>, to: BorrowedFd<'_>, items: &[Item]) -> Result<(), Error> {
    let mut moved: Option<&RootPath> = None;
    // The directory that the last entry was in, on both sides.
    let mut parents: Option<(RootPath, OwnedFd, OwnedFd)> = None;
    for item in items {
        let path = &item.entry.path;
        if moved.is_some_and(|moved| path.starts_with(moved)) {
            continue;
        }
        let name = path.name();
        let directory = path.parent().unwrap_or_default();
        if parents.as_ref().is_none_or(|(open, _, _)| *open != directory) {
            let (old, new) = (open(from, &directory)?, open(to, &directory)?);
            parents = Some((directory, old, new));
        }
        let Some((_, old, new)) = &parents else { continue };
        let there = match statat(new, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => None,
            done => Some(done.map_err(failed(path))?.st_mode),
        };
        let mode = there.unwrap_or_default();
        let there = there.map(FileType::from_raw_mode);
        if item.entry.is_directory() {
            match there {
                Some(FileType::Directory) => {
                    // A former export may have left a directory that its own user cannot write into; the mode that
                    // the image gives it comes at the end.
                    if mode & 0o700 != 0o700 {
                        let mode = Mode::from_raw_mode(mode & 0o7777 | 0o700);
                        chmodat(new, name, mode, AtFlags::empty()).map_err(failed(path))?;
                    }
                    continue;
                }
                Some(_) => remove(new.as_fd(), path)?,
                None => {}
            }
            moved = Some(path);
        } else if there == Some(FileType::Directory) {
            remove(new.as_fd(), path)?;
        }
        renameat(old, name, new, name).map_err(failed(path))?;
    }
    Ok(())
}

fn remove(parent: BorrowedFd<'_>, path: &RootPath) -> Result<(), Error> {
    let name = CString::new(path.name()).map_err(|_| failed(path)(Errno::INVAL))?;
    remove_tree(parent, &name).map_err(failed(path))
}

fn open(root: BorrowedFd<'_>, path: &RootPath) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut open = openat(root, c".", flags, Mode::empty()).map_err(failed(path))?;
    for name in path.components() {
        open = openat(&open, name, flags, Mode::empty()).map_err(failed(path))?;
    }
    Ok(open)
}

fn failed(path: &RootPath) -> impl FnOnce(Errno) -> Error + '_ {
    move |errno| Error::Entry { path: path.clone(), reason: std::io::Error::from(errno).to_string() }
}
