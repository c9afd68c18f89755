//! Writes one file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, openat};

use super::cursor::Cursor;
use super::error::Error;
use super::metadata::{Owners, set};
use super::recipe::Item;
use crate::oci::Hasher;
use crate::tree::Kind;

/// Makes a file with all its metadata, and refuses bytes that are not the entry's.
pub(super) fn write_file(
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
