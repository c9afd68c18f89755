//! The last touch: metadata of directories, once nothing is put into them any more.

use std::os::fd::BorrowedFd;

use rustix::fs::{XattrFlags, fsetxattr};

use super::cursor::Cursor;
use super::error::Error;
use super::metadata::{OPAQUE, Owners, set};
use super::recipe::Item;
use crate::tree::Kind;

/// Sets the metadata of all directories among `items`, innermost first: a directory's time would change with its
/// entries, and its mode might forbid making them.
pub fn finish_directories(root: BorrowedFd<'_>, items: &[Item], owners: Owners) -> Result<(), Error> {
    let mut cursor = Cursor::new(root);
    for item in items.iter().rev().filter(|item| item.entry.is_directory()) {
        let directory = cursor.directory(&item.entry.path)?;
        if item.entry.kind == Kind::OpaqueDirectory {
            fsetxattr(directory, OPAQUE, b"y", XattrFlags::empty())
                .map_err(Error::entry("mark as opaque", &item.entry.path))?;
        }
        set(directory, &item.entry, owners)?;
    }
    Ok(())
}
