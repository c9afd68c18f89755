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
use crate::tree::Kind;

/// Writes `items` (sorted) into the empty directory `root`. Directories stay 0700 until
/// [`finish_directories`](super::finish_directories).
pub fn write_tree(
    root: BorrowedFd<'_>,
    items: &[Item],
    fetch: &dyn Fetch,
    owners: Owners,
) -> Result<(), Error> {
    let mut cursor = Cursor::new(root);
    let mut wanted: BTreeMap<usize, Wanted> = BTreeMap::new();
    let mut links = Vec::new();
    for (number, item) in items.iter().enumerate() {
        match (&item.entry.kind, item.source) {
            (Kind::File { size, .. }, Some(source)) if *size > 0 => {
                wanted.entry(source.layer).or_default().push((source.index, number));
            }
            (Kind::File { .. }, _) => write_file(&mut cursor, item, &mut io::empty(), owners)?,
            (Kind::Hardlink(target), _) => links.push((item, target)),
            _ => make(&mut cursor, item, owners)?,
        }
    }
    for (layer, mut wanted) in wanted {
        wanted.sort_unstable();
        write_files(root, items, layer, &wanted, fetch, owners)?;
    }
    let mut other = Cursor::new(root);
    for (item, target) in links {
        let path = &item.entry.path;
        let old = other.parent(target)?;
        linkat(old, target.name(), cursor.parent(path)?, path.name(), AtFlags::empty())
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
            let made = mkdirat(parent, path.name(), Mode::from_raw_mode(0o700));
            return made.map_err(Error::entry("make the directory", path));
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
