//! Writes a list of items into a directory.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, Mode, linkat, makedev, mkdirat, mknodat, symlinkat};
use rustix::io::Errno;

use super::cursor::Cursor;
use super::error::Error;
use super::fetch::Fetch;
use super::file::write_file;
use super::files::{Wanted, write_files};
use super::metadata::{Owners, set_at};
use super::recipe::Item;
use super::unpacking::has_bytes;
use crate::tree::Kind;

/// Writes `items` (sorted) into the empty directory `root`. Directories stay 0700 until
/// [`finish_directories`](super::finish_directories).
pub fn write_tree(
    root: BorrowedFd<'_>,
    items: &[Item],
    fetch: &dyn Fetch,
    owners: Owners,
) -> Result<(), Error> {
    write_rest(root, items, owners)?;
    let mut wanted: BTreeMap<usize, Wanted> = BTreeMap::new();
    for (number, item) in items.iter().enumerate().filter(|(_, item)| has_bytes(&item.entry)) {
        if let Some(source) = item.source {
            wanted.entry(source.layer).or_default().push((source.index, number));
        }
    }
    for (layer, mut wanted) in wanted {
        wanted.sort_unstable();
        write_files(root, items, layer, &wanted, fetch, owners)?;
    }
    write_links(root, items)
}

/// As [`write_tree`], into a directory in which the files that have bytes are already.
pub(super) fn write_around(root: BorrowedFd<'_>, items: &[Item], owners: Owners) -> Result<(), Error> {
    write_rest(root, items, owners)?;
    write_links(root, items)
}

/// Everything but files that have bytes, and hard links.
fn write_rest(root: BorrowedFd<'_>, items: &[Item], owners: Owners) -> Result<(), Error> {
    let mut cursor = Cursor::new(root);
    for item in items {
        match &item.entry.kind {
            Kind::File { .. } if item.source.is_some() && has_bytes(&item.entry) => {}
            Kind::File { .. } => {
                let layer = item.source.map_or(0, |source| source.layer);
                write_file(&mut cursor, &item.entry, &mut io::empty(), layer, owners)?;
            }
            Kind::Hardlink(_) => {}
            _ => make(&mut cursor, item, owners)?,
        }
    }
    Ok(())
}

fn write_links(root: BorrowedFd<'_>, items: &[Item]) -> Result<(), Error> {
    let (mut from, mut to) = (Cursor::new(root), Cursor::new(root));
    for item in items {
        let Kind::Hardlink(target) = &item.entry.kind else { continue };
        let path = &item.entry.path;
        linkat(from.parent(target)?, target.name(), to.parent(path)?, path.name(), AtFlags::empty())
            .map_err(Error::entry("make the hard link", path))?;
    }
    Ok(())
}

/// Makes anything but a file or a hard link.
pub(super) fn make(cursor: &mut Cursor<'_>, item: &Item, owners: Owners) -> Result<(), Error> {
    let path = &item.entry.path;
    if path.is_root() {
        return Ok(());
    }
    let parent = cursor.parent(path)?;
    let node = |kind, major, minor| {
        mknodat(parent, path.name(), kind, Mode::from_raw_mode(0o600), makedev(major, minor))
    };
    match &item.entry.kind {
        Kind::Directory | Kind::OpaqueDirectory => {
            return match mkdirat(parent, path.name(), Mode::from_raw_mode(0o700)) {
                // It was made for a file below it. What is no directory fails when it is finished.
                Err(Errno::EXIST) => Ok(()),
                made => made.map_err(Error::entry("make the directory", path)),
            };
        }
        Kind::Whiteout => {
            let made = node(FileType::CharacterDevice, 0, 0);
            return made.map_err(Error::entry("make the whiteout of", path));
        }
        Kind::Symlink(target) => symlinkat(target.as_slice(), parent, path.name())
            .map_err(Error::entry("make the symbolic link", path))?,
        Kind::Fifo => node(FileType::Fifo, 0, 0).map_err(Error::entry("make the named pipe", path))?,
        Kind::CharDevice { major: 0, minor: 0 } => {
            let reason =
                "a character device 0:0 cannot be in an overlay, where it means that the path was removed";
            return Err(Error::List { path: path.clone(), reason });
        }
        Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            let kind = match item.entry.kind {
                Kind::BlockDevice { .. } => FileType::BlockDevice,
                _ => FileType::CharacterDevice,
            };
            match node(kind, *major, *minor) {
                Err(Errno::PERM) => return Err(Error::Device { path: path.clone() }),
                made => made.map_err(Error::entry("make the device node", path))?,
            }
        }
        Kind::File { .. } | Kind::Hardlink(_) => {
            return Err(Error::List { path: path.clone(), reason: "a file without bytes" });
        }
    }
    set_at(parent, path.name(), &item.entry, owners)
}
