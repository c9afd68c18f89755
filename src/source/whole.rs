//! A file of the context read whole, if it still is what the walk saw.

use rustix::buffer::spare_capacity;
use rustix::fs::{FileType, fstat, makedev};
use rustix::io::{Errno, read, retry_on_intr};

use super::local::{FILE, Local};
use super::walk::{Stamp, Stat};
use crate::tree::RootPath;

/// LIMIT: larger files are read in parts.
pub(super) const WHOLE: u64 = 128 << 10;

impl Local {
    /// Appends the bytes of the file at `path` to `out`, in four system calls. False, with nothing appended, if the file is
    /// large, or is not, or cannot be shown to be, what `stat` was said of: whoever needs it then opens it and sees.
    pub(super) fn read_whole(&self, path: &RootPath, stat: &Stat, out: &mut Vec<u8>) -> bool {
        if stat.size > WHOLE {
            return false;
        }
        let start = out.len();
        let same = self.try_whole(path, stat, out).unwrap_or(false);
        if !same {
            out.truncate(start);
        }
        same
    }

    fn try_whole(&self, path: &RootPath, stat: &Stat, out: &mut Vec<u8>) -> Result<bool, Errno> {
        let file = self.open_with(path, FILE)?;
        let size = stat.size as usize;
        // One byte more than there should be: a regular file that gives fewer than it was asked for has ended.
        out.reserve(size + 1);
        let count = retry_on_intr(|| read(&file, spare_capacity(out)))?;
        // ORDER: after the bytes: what changes from now on was not read.
        let now = fstat(&file)?;
        let stamp = |seconds, nanoseconds| Stamp { seconds, nanoseconds: nanoseconds as u32 };
        let same = FileType::from_raw_mode(now.st_mode) == FileType::RegularFile
            && now.st_dev == makedev(stat.device.0, stat.device.1)
            && now.st_ino == stat.inode
            && now.st_size as u64 == stat.size
            && stamp(now.st_mtime, now.st_mtime_nsec) == stat.mtime
            && stamp(now.st_ctime, now.st_ctime_nsec) == stat.ctime;
        Ok(same && count == size)
    }
}
