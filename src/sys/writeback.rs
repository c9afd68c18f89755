//! Writing what is in the page cache to the disk before anybody waits for it.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Asks the kernel to begin writing these bytes of a file (a length of 0: all from there on) to the disk, and waits for
/// nothing. A hint: a file system that cannot do it does nothing.
pub fn begin_writeback(file: BorrowedFd<'_>, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    // SAFETY: it takes a descriptor, which is borrowed, and numbers; a failure changes nothing.
    unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE) };
}
