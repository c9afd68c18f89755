//! Everything below a directory.

use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, FileType, RawDir, SeekFrom, Stat, seek, statat};

use super::cursor::Cursor;
use super::error::Error;
use crate::tree::RootPath;

/// LIMIT: bytes of names read in one call.
const NAMES: usize = 32 << 10;

/// Looks at everything below `root`, but not at `root`, in no order: the directory it is in, and its name there.
pub(super) fn each_below(
    root: BorrowedFd<'_>,
    found: &mut dyn FnMut(&RootPath, &[u8], Stat),
) -> Result<(), Error> {
    let mut cursor = Cursor::new(root);
    // One for all directories, and no name is copied: a base has more files than the steps on it take time.
    let mut buffer = vec![MaybeUninit::uninit(); NAMES];
    let mut open = vec![RootPath::root()];
    while let Some(directory) = open.pop() {
        let opened = cursor.directory(&directory)?;
        let unread = || Error::entry("read the directory", &directory);
        // The root's descriptor is the caller's, who may have read from it.
        seek(opened, SeekFrom::Start(0)).map_err(unread())?;
        let mut names = RawDir::new(opened, &mut buffer);
        while let Some(entry) = names.next() {
            let entry = entry.map_err(unread())?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = || directory.join(name.to_bytes());
            let stat = statat(opened, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| Error::entry("read", &path())(error))?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                open.push(path());
            }
            found(&directory, name.to_bytes(), stat);
        }
    }
    Ok(())
}
