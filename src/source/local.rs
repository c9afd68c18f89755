//! A build context that is a directory on the host.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use super::modes::ContextModes;
use super::wanted::Wanted;
use crate::oci::Epoch;
use crate::tree::{Entry, Patterns, RootPath};

/// A directory on the host, held open. Nothing outside it is ever opened through it.
#[derive(Clone, Debug)]
pub struct Local {}

/// How a directory is scanned.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions<'a> {
    /// What the build can read; a path that is not there is not missed here.
    pub wanted: &'a [Wanted],
    /// What `.dockerignore` leaves out.
    pub ignore: &'a Patterns,
    /// What becomes of permission bits.
    pub modes: ContextModes,
    /// The time of every entry; none to keep times, in whole seconds.
    pub epoch: Option<Epoch>,
    /// The stat cache that an earlier scan gave. Damaged bytes are as good as none.
    pub cache: Option<&'a [u8]>,
}

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Sorted, with the root; files hashed, owners, modes and times normalised. Hard links are separate files.
    pub entries: Arc<[Entry]>,
    /// How many entries lost permission bits.
    pub loosened: usize,
    /// The new stat cache; none if it is the old one.
    pub cache: Option<Vec<u8>>,
    /// Bytes of file content that were read.
    pub read: u64,
}

impl Local {
    /// Opens a context. A link to a directory is followed.
    pub fn open(root: &Path) -> Result<Local, Error> {
        let _ = root;
        todo!()
    }

    /// The directory, as it was given.
    pub fn path(&self) -> &Path {
        todo!()
    }

    /// Lists the wanted part of the directory and hashes what the stat cache does not know.
    pub fn scan(&self, options: &ScanOptions<'_>) -> Result<Scan, Error> {
        let _ = options;
        todo!()
    }

    /// Opens a regular file of the context; links are not followed.
    pub fn open_file(&self, path: &RootPath) -> Result<File, Error> {
        let _ = path;
        todo!()
    }
}
