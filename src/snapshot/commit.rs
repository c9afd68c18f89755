//! Makes an upper directory equal to its layer.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, linkat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::cursor::Cursor;
use super::error::Error;
use super::metadata::{Owners, equalise, set_at};
use super::recipe::Item;
use super::remove::remove_tree;
use super::upper::{file_type, list};
use super::write::make;
use crate::tree::{Changed, Content, Entry, Kind, RootPath};

/// Changes the upper directory `root` into what materialising its layer would give; `top` is what the layer's root
/// directory is if the layer does not say. Costs as much as the directory holds.
pub(super) fn make_equal(root: BorrowedFd<'_>, top: &Entry, changed: &[Changed]) -> Result<(), Error> {
    make_directories(root, changed)?;
    // ORDER: a file's other names are made while the name that it has is still there.
    for change in changed {
        if let Content::Upper(name) = &change.from {
            link(root, name, &change.entry.path)?;
        }
    }
    for change in changed {
        if let Kind::Hardlink(target) = &change.entry.kind {
            link(root, target, &change.entry.path)?;
        }
    }
    let there = remove_the_rest(root, changed)?;
    let mut cursor = Cursor::new(root);
    for change in changed.iter().filter(|c| !c.entry.is_directory()) {
        place(&mut cursor, &change.entry, there.get(&change.entry.path))?;
    }
    // ORDER: innermost first, as anything made or removed moves its directory's time.
    let top = changed.first().map(|c| &c.entry).filter(|e| e.path.is_root()).unwrap_or(top);
    let below = changed.iter().rev().map(|c| &c.entry).filter(|e| e.is_directory() && !e.path.is_root());
    for entry in below.chain([top]) {
        let directory = cursor.directory(&entry.path)?;
        let stat = fstat(directory).map_err(Error::entry("read", &entry.path))?;
        equalise(directory, &stat, entry)?;
    }
    Ok(())
}

fn make_directories(root: BorrowedFd<'_>, changed: &[Changed]) -> Result<(), Error> {
    let mut cursor = Cursor::new(root);
    for entry in changed.iter().map(|c| &c.entry).filter(|e| e.is_directory() && !e.path.is_root()) {
        let there = look(&mut cursor, &entry.path)?;
        if there.is_some_and(|stat| file_type(&stat) == FileType::Directory) {
            continue;
        }
        remove(&mut cursor, &entry.path)?;
        make(&mut cursor, &Item { entry: entry.clone(), source: None }, Owners::Keep)?;
    }
    Ok(())
}

/// Makes `new` a name of the file at `old`.
fn link(root: BorrowedFd<'_>, old: &RootPath, new: &RootPath) -> Result<(), Error> {
    if old == new {
        return Ok(());
    }
    let (mut from, mut to) = (Cursor::new(root), Cursor::new(root));
    let missing = || Error::List { path: old.clone(), reason: "is not in the upper directory" };
    let file = look(&mut from, old)?.ok_or_else(missing)?;
    if let Some(there) = look(&mut to, new)? {
        if (there.st_dev, there.st_ino) == (file.st_dev, file.st_ino) {
            return Ok(());
        }
        remove(&mut to, new)?;
    }
    linkat(from.parent(old)?, old.name(), to.parent(new)?, new.name(), AtFlags::empty())
        .map_err(Error::entry("make the hard link", new))
}

/// Removes what the layer does not hold; says what is left.
fn remove_the_rest(root: BorrowedFd<'_>, changed: &[Changed]) -> Result<HashMap<RootPath, Stat>, Error> {
    let wanted: HashSet<&RootPath> = changed.iter().map(|c| &c.entry.path).collect();
    let mut left = HashMap::new();
    let mut gone: Option<RootPath> = None;
    let mut cursor = Cursor::new(root);
    for (path, stat) in list(root)? {
        if gone.as_ref().is_some_and(|gone| path.starts_with(gone)) {
            continue;
        }
        if path.is_root() || wanted.contains(&path) {
            left.insert(path, stat);
        } else {
            remove(&mut cursor, &path)?;
            gone = Some(path);
        }
    }
    Ok(left)
}

/// Makes what is at the entry's path equal to it.
fn place(cursor: &mut Cursor<'_>, entry: &Entry, there: Option<&Stat>) -> Result<(), Error> {
    let path = &entry.path;
    match (&entry.kind, there) {
        // The metadata are those of its first name.
        (Kind::Hardlink(_), Some(_)) => Ok(()),
        (Kind::File { size, .. }, Some(stat)) if file_type(stat) == FileType::RegularFile => {
            if stat.st_size as u64 != *size {
                return Err(Error::List { path: path.clone(), reason: "changed after it was read" });
            }
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = openat(cursor.parent(path)?, path.name(), flags, Mode::empty())
                .map_err(Error::entry("open", path))?;
            equalise(file.as_fd(), stat, entry)
        }
        (Kind::File { .. } | Kind::Hardlink(_), _) => {
            Err(Error::List { path: path.clone(), reason: "is not in the upper directory" })
        }
        (kind, Some(stat)) if is_kind(cursor, path, kind, stat)? => match kind {
            Kind::Whiteout => Ok(()),
            _ => set_at(cursor.parent(path)?, path.name(), entry, Owners::Keep),
        },
        (_, there) => {
            if there.is_some() {
                remove(cursor, path)?;
            }
            make(cursor, &Item { entry: entry.clone(), source: None }, Owners::Keep)
        }
    }
}

fn is_kind(cursor: &mut Cursor<'_>, path: &RootPath, kind: &Kind, stat: &Stat) -> Result<bool, Error> {
    let device = rustix::fs::makedev;
    Ok(match (kind, file_type(stat)) {
        (Kind::Whiteout, FileType::CharacterDevice) => stat.st_rdev == device(0, 0),
        (Kind::CharDevice { major, minor }, FileType::CharacterDevice)
        | (Kind::BlockDevice { major, minor }, FileType::BlockDevice) => {
            stat.st_rdev == device(*major, *minor)
        }
        (Kind::Fifo, FileType::Fifo) => true,
        (Kind::Symlink(target), FileType::Symlink) => {
            let there = readlinkat(cursor.parent(path)?, path.name(), Vec::new())
                .map_err(Error::entry("read", path))?;
            there.as_bytes() == target.as_slice()
        }
        _ => false,
    })
}

fn look(cursor: &mut Cursor<'_>, path: &RootPath) -> Result<Option<Stat>, Error> {
    match statat(cursor.parent(path)?, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(None),
        done => done.map(Some).map_err(Error::entry("read", path)),
    }
}

fn remove(cursor: &mut Cursor<'_>, path: &RootPath) -> Result<(), Error> {
    let name = CString::new(path.name()).map_err(|_| Error::entry("remove", path)(Errno::INVAL))?;
    remove_tree(cursor.parent(path)?, &name).map_err(Error::entry("remove", path))
}
