//! Where a program of the machine is.

use std::ffi::OsStr;
use std::path::PathBuf;

/// A program in the absolute directories of `path`: never one of the working directory's.
pub(super) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let places = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    places.map(|directory| directory.join(name)).find(|file| file.is_file())
}
