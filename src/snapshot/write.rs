//! Writes a list of items into a directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, makedev, mkdirat, mknodat, openat, symlinkat};
use rustix::io::Errno;

use super::cursor::Cursor;
use super::error::Error;
use super::fetch::Fetch;
use super::metadata::{Owners, set, set_at};
use super::recipe::Item;
use crate::oci::Hasher;
use crate::tree::{Kind, RootPath};

/// LIMIT: files up to this size are handed to other threads, larger ones are written by the thread that reads them; with
/// `QUEUE` it bounds the memory.
const SMALL: u64 = 256 * 1024;
/// LIMIT: files waiting to be written.
const QUEUE: usize = 32;
/// LIMIT: creating files does not get faster with more threads than this.
const WRITERS: usize = 4;

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

/// Index in the layer's list, number of the item.
type Wanted = Vec<(usize, usize)>;

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

fn write_files(
    root: BorrowedFd<'_>,
    items: &[Item],
    layer: usize,
    wanted: &Wanted,
    fetch: &dyn Fetch,
    owners: Owners,
) -> Result<(), Error> {
    let writers = match wanted.len() {
        0..16 => 0,
        _ => std::thread::available_parallelism().map_or(1, |n| n.get().min(WRITERS)),
    };
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    let fail = |error| {
        let mut failed = failed.lock().unwrap_or_else(|e| e.into_inner());
        failed.get_or_insert(error);
    };
    let has_failed = || failed.lock().unwrap_or_else(|e| e.into_inner()).is_some();
    let (send, receive) = sync_channel::<(usize, Vec<u8>)>(QUEUE);
    let receive = Mutex::new(receive);
    let indices: Vec<usize> = wanted.iter().map(|(index, _)| *index).collect();
    let mut seen = 0;
    let visited = std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                let mut cursor = Cursor::new(root);
                loop {
                    let next = receive.lock().unwrap_or_else(|e| e.into_inner()).recv();
                    let Ok((number, bytes)) = next else { return };
                    // After a failure the queue is only emptied, so that the reader is never stuck.
                    if !has_failed()
                        && let Err(error) =
                            write_file(&mut cursor, &items[number], &mut bytes.as_slice(), owners)
                    {
                        fail(error);
                    }
                }
            });
        }
        let mut cursor = Cursor::new(root);
        let visited = fetch.fetch(layer, &indices, &mut |index, bytes| {
            let stop = || io::Error::other("writing the snapshot failed");
            if has_failed() {
                return Err(stop());
            }
            let at = wanted.binary_search_by_key(&index, |(index, _)| *index).map_err(|_| stop())?;
            let number = wanted[at].1;
            seen += 1;
            let Kind::File { size, .. } = items[number].entry.kind else { return Err(stop()) };
            if writers > 0 && size <= SMALL {
                let mut whole = Vec::with_capacity(size as usize);
                bytes.take(size + 1).read_to_end(&mut whole)?;
                return send.send((number, whole)).map_err(|_| stop());
            }
            write_file(&mut cursor, &items[number], bytes, owners).map_err(|error| {
                fail(error);
                stop()
            })
        });
        drop(send);
        visited
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(|e| e.into_inner()) {
        return Err(error);
    }
    visited.map_err(|source| Error::Fetch { layer, source })?;
    if seen != wanted.len() {
        let source = io::Error::other(format!("{seen} of {} files were found", wanted.len()));
        return Err(Error::Fetch { layer, source });
    }
    Ok(())
}

/// Makes a file with all its metadata, and refuses bytes that are not the entry's.
fn write_file(
    cursor: &mut Cursor<'_>,
    item: &Item,
    bytes: &mut dyn Read,
    owners: Owners,
) -> Result<(), Error> {
    let path = &item.entry.path;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(cursor.parent(path)?, path.name(), flags, Mode::from_raw_mode(0o600))
        .map_err(Error::entry("make the file", path))?;
    let mut file = File::from(file);
    let Kind::File { size, digest } = &item.entry.kind else { return Ok(()) };
    let layer = item.source.map_or(0, |source| source.layer);
    let mut hasher = Hasher::new();
    let mut written = 0;
    let mut buffer = vec![0; (*size).clamp(1, 128 * 1024) as usize];
    loop {
        let count = match bytes.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(Error::Fetch { layer, source }),
        };
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(Error::entry("write", path))?;
        written += count as u64;
    }
    if written != *size || hasher.finish() != *digest {
        return Err(Error::Damaged { layer, path: path.clone() });
    }
    set(file.as_fd(), &item.entry, owners)
}
