//! A directory of the process's own among the snapshots, which no layer has.

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::cursor::open;
use super::error::Error;
use super::finish::finish_directories;
use super::metadata::Owners;
use super::recipe::Item;
use super::seal::Shelf;
use super::spares::Fresh;
use super::write::write_around;

/// Removed when dropped.
#[derive(Debug)]
pub struct Aside {
    fresh: Fresh,
}

impl Aside {
    /// With these in it, sorted, which have no bytes.
    pub(super) fn new(shelf: &Shelf, items: &[Item]) -> Result<Aside, Error> {
        let fresh = Fresh::empty(shelf)?;
        let aside = Aside { fresh };
        let path = aside.path();
        fs::create_dir(&path).map_err(Error::host("make", &path))?;
        let root = open(&path)?;
        write_around(root.as_fd(), items, Owners::Keep)?;
        finish_directories(root.as_fd(), items, Owners::Keep)?;
        Ok(aside)
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.fresh.upper()
    }
}
