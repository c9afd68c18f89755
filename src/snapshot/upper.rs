//! A directory read as entries.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rayon::prelude::*;
use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, major, minor, openat, readlinkat};

use super::below::each_below;
use super::cursor::Cursor;
use super::error::Error;
use super::hash::{Hashed, hash};
use super::metadata::{self, Mark};
use super::small::{Room, SmallFiles};
use crate::tree::{Entry, Kind, RootPath, Time};

/// What lies in `root`, the root itself first, sorted. Reads directories, not files.
pub(super) fn list(root: BorrowedFd<'_>) -> Result<Vec<(RootPath, Stat)>, Error> {
    let mut found = vec![(RootPath::root(), fstat(root).map_err(Error::entry("read", &RootPath::root()))?)];
    each_below(root, &mut |directory, name, stat| found.push((directory.join(name), stat)))?;
    found.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// LIMIT: ours; for less than this, waking other threads takes longer than what they would do.
const FEW: usize = 64;
const FEW_BYTES: u64 = 1 << 20;

/// What lies in the directory `root` as an overlay left it, as entries: whiteouts and opaque directories as such, the
/// names of one file linked to the first of them, sockets left out. The files are hashed in parallel; the bytes of some small
/// ones are kept.
pub fn read_tree(root: BorrowedFd<'_>) -> Result<(Vec<Entry>, SmallFiles), Error> {
    let found = list(root)?;
    let mut first: HashMap<(u64, u64), &RootPath> = HashMap::new();
    let links: Vec<Option<&RootPath>> = found
        .iter()
        .map(|(path, stat)| {
            if file_type(stat) != FileType::RegularFile || stat.st_nlink < 2 {
                return None;
            }
            let name = *first.entry((stat.st_dev, stat.st_ino)).or_insert(path);
            (name != path).then_some(name)
        })
        .collect();
    let room = Room::default();
    let start = || (Cursor::new(root), Vec::new());
    let bytes: u64 = found.iter().map(|(_, stat)| u64::try_from(stat.st_size).unwrap_or(0)).sum();
    let read: Result<Vec<Read>, Error> = if found.len() < FEW && bytes < FEW_BYTES {
        let (mut cursor, mut buffer) = start();
        let entries = found
            .iter()
            .zip(links)
            .map(|((p, stat), link)| entry(root, &mut cursor, &mut buffer, p, stat, link, &room));
        entries.filter_map(Result::transpose).collect()
    } else {
        found
            .par_iter()
            .zip(links)
            .map_init(start, |(cursor, buffer), ((path, stat), link)| {
                entry(root, cursor, buffer, path, stat, link, &room)
            })
            .filter_map(Result::transpose)
            .collect()
    };
    let read = read?;
    let (mut entries, mut small) = (Vec::with_capacity(read.len()), SmallFiles::default());
    for Read { entry, bytes } in read {
        small.add(&entry.path, bytes);
        entries.push(entry);
    }
    Ok((entries, small))
}

/// An entry, and its bytes if they are kept.
struct Read {
    entry: Entry,
    bytes: Option<Box<[u8]>>,
}

fn entry(
    root: BorrowedFd<'_>,
    cursor: &mut Cursor<'_>,
    buffer: &mut Vec<u8>,
    path: &RootPath,
    stat: &Stat,
    link: Option<&RootPath>,
    room: &Room,
) -> Result<Option<Read>, Error> {
    let parent = if path.is_root() { root } else { cursor.parent(path)? };
    let device = (major(stat.st_rdev), minor(stat.st_rdev));
    let mut xattrs = BTreeMap::new();
    let mut mode = stat.st_mode & 0o7777;
    let mut bytes = None;
    let kind = match file_type(stat) {
        FileType::Directory => {
            let opened = cursor.directory(path)?;
            let mark;
            (xattrs, mark) = metadata::read(opened, path)?;
            if mark == Mark::Opaque { Kind::OpaqueDirectory } else { Kind::Directory }
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut file: File =
                openat(parent, path.name(), flags, Mode::empty()).map_err(Error::entry("open", path))?.into();
            let mark;
            (xattrs, mark) = metadata::read(file.as_fd(), path)?;
            match link {
                _ if mark == Mark::Whiteout && stat.st_size == 0 => Kind::Whiteout,
                Some(first) => Kind::Hardlink(first.clone()),
                None => {
                    let Hashed { size, digest, is_in_buffer } =
                        hash(&mut file, stat.st_size as u64, buffer).map_err(Error::entry("read", path))?;
                    bytes = if is_in_buffer { room.keep(&buffer[..size as usize]) } else { None };
                    Kind::File { size, digest }
                }
            }
        }
        FileType::Symlink => {
            mode = 0o777;
            let target = readlinkat(parent, path.name(), Vec::new()).map_err(Error::entry("read", path))?;
            Kind::Symlink(target.into_bytes())
        }
        FileType::CharacterDevice if device == (0, 0) => Kind::Whiteout,
        FileType::CharacterDevice => Kind::CharDevice { major: device.0, minor: device.1 },
        FileType::BlockDevice => Kind::BlockDevice { major: device.0, minor: device.1 },
        FileType::Fifo => Kind::Fifo,
        FileType::Socket | FileType::Unknown => return Ok(None),
    };
    if kind == Kind::Whiteout {
        // Nothing about a whiteout but its place means anything.
        return Ok(Some(Read { entry: Entry::whiteout(path.clone(), Time::default()), bytes: None }));
    }
    let mtime = Time { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec as u32 };
    let (path, uid, gid) = (path.clone(), stat.st_uid, stat.st_gid);
    Ok(Some(Read { entry: Entry { path, kind, mode, uid, gid, mtime, xattrs }, bytes }))
}

/// What `stat` is of.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}
