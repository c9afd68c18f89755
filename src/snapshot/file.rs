//! Writes one file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, openat};

use super::cursor::Cursor;
use super::error::Error;
use super::metadata::{Owners, set_fresh};
use crate::oci::{Digest, Hasher};
use crate::tree::{Entry, Kind};

/// Makes an empty file for the entry's bytes.
pub(super) fn create(cursor: &mut Cursor<'_>, entry: &Entry) -> Result<File, Error> {
    let Entry { path, mode, .. } = entry;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // What it may be before it has its owner; mostly that is its mode already.
    let mode = Mode::from_raw_mode(mode & 0o777);
    let file = openat(cursor.parent(path)?, path.name(), flags, mode);
    file.map(File::from).map_err(Error::entry("make the file", path))
}

/// Makes a file with all its metadata of bytes that are here.
pub(super) fn write_whole(
    cursor: &mut Cursor<'_>,
    entry: &Entry,
    bytes: &[u8],
    owners: Owners,
) -> Result<(), Error> {
    let mut file = create(cursor, entry)?;
    file.write_all(bytes).map_err(Error::entry("write", &entry.path))?;
    set_fresh(file.as_fd(), entry, owners)
}

/// Refuses bytes that are not the entry's.
pub(super) fn check(entry: &Entry, bytes: &[u8], layer: usize) -> Result<(), Error> {
    match &entry.kind {
        Kind::File { size, digest } if *size == bytes.len() as u64 && *digest == Digest::of(bytes) => Ok(()),
        _ => Err(Error::Damaged { layer, path: entry.path.clone() }),
    }
}

/// Makes a file with all its metadata of bytes that come in, and refuses those that are not the entry's.
pub(super) fn write_file(
    cursor: &mut Cursor<'_>,
    entry: &Entry,
    bytes: &mut dyn Read,
    layer: usize,
    owners: Owners,
) -> Result<(), Error> {
    let path = &entry.path;
    let mut file = create(cursor, entry)?;
    let Kind::File { size, digest } = &entry.kind else { return Ok(()) };
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
    set_fresh(file.as_fd(), entry, owners)
}
