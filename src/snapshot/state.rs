//! What a snapshot looked like when it was sealed, as one number, so that a change on disk is noticed.
//!
//! Of each entry count inode, mode, size, device, and the times of change: whoever writes into a file, even if he puts its
//! time back, leaves another one. No content is read. The number is a sum, so that order does not matter.
//!
//! LIMIT: what changes without the file system's knowledge (a disk that rots) is not seen here.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use rustix::fs::{FileType, Stat};

use super::below::each_below;
use super::error::Error;
use super::upper::file_type;

/// The number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u128);

/// Looks at everything below the directory `root`, but not at `root` itself, which was renamed.
pub(super) fn state(root: BorrowedFd<'_>) -> Result<State, Error> {
    let mut sum = 0_u128;
    each_below(root, &mut |_, _, stat| sum = sum.wrapping_add(number(&stat)))?;
    Ok(State(sum))
}

fn number(stat: &Stat) -> u128 {
    let size = if file_type(stat) == FileType::Directory { 0 } else { stat.st_size as u64 };
    let fields = [
        stat.st_ino,
        u64::from(stat.st_mode),
        size,
        stat.st_rdev,
        stat.st_mtime as u64,
        stat.st_mtime_nsec,
        stat.st_ctime as u64,
        stat.st_ctime_nsec,
    ];
    fields.iter().fold(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835, |number: u128, field| {
        let mixed = (number ^ u128::from(*field)).wrapping_mul(0xda94_2042_e4dd_58b5_94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 61)
    })
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for State {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<State, Self::Err> {
        u128::from_str_radix(text, 16).map(State)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn of(path: &std::path::Path) -> State {
        state(std::fs::File::open(path).unwrap().as_fd()).unwrap()
    }

    #[test]
    fn a_byte_a_mode_a_name_and_a_time_that_was_put_back_are_noticed_and_reading_is_not() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/file");
        std::fs::create_dir(root.path().join("a")).unwrap();
        std::fs::write(&file, "content").unwrap();
        let before = of(root.path());
        std::fs::read(&file).unwrap();
        assert_eq!(of(root.path()), before);
        assert_eq!(before.to_string().parse(), Ok(before));
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::fs::write(&file, "contenT").unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        let written = of(root.path());
        assert_ne!(written, before);
        std::fs::rename(&file, root.path().join("a/other")).unwrap();
        assert_ne!(of(root.path()), written);
        std::fs::remove_file(root.path().join("a/other")).unwrap();
        assert_ne!(of(root.path()), before);
    }
}
