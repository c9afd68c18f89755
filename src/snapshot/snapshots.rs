//! The directory of snapshots, one a chain of layers.

use std::path::{Path, PathBuf};

use super::active::Active;
use super::error::Error;
use super::fetch::{ChainLayer, Fetch};
use crate::oci::{ChainId, DiffId, Epoch};
use crate::tree::{Changed, RootPath, Stack};

/// The directory of snapshots. Opened inside the user namespace in which the build runs, since files in it belong to
/// the ids of that namespace.
#[derive(Debug)]
pub struct Snapshots {
    directory: PathBuf,
    limit: usize,
}

impl Snapshots {
    /// Opens the directory, making it if need be, and sweeps what dead processes left.
    pub fn open(directory: &Path) -> Result<Snapshots, Error> {
        let _ = directory;
        todo!()
    }

    /// Allows at most that many lower directories; longer chains have their lowest layers merged into one.
    pub fn with_limit(self, limit: usize) -> Snapshots {
        Snapshots { limit, ..self }
    }

    /// The lower directories for `chain` (lowest layer first), **topmost first**; never empty. Makes those that are
    /// missing.
    pub fn lowers(&self, chain: &[ChainLayer], fetch: &dyn Fetch) -> Result<Vec<PathBuf>, Error> {
        let _ = (chain, fetch, &self.directory);
        todo!()
    }

    /// Fresh directories for a RUN over `lower`, whose root's metadata the upper directory gets.
    pub fn prepare(&self, lower: &Stack) -> Result<Active, Error> {
        let _ = lower;
        todo!()
    }

    /// What the RUN changed, as its canonical layer. The overlay must be unmounted. `made` are the files and directories
    /// that the sandbox itself made (mount points): they are left out, a directory unless something else lies in it.
    pub fn changes(
        &self,
        active: &Active,
        made: &[RootPath],
        lower: &Stack,
        epoch: Epoch,
    ) -> Result<Vec<Changed>, Error> {
        let _ = (active, made, lower, epoch);
        todo!()
    }

    /// Makes the upper directory equal to its layer and keeps it as the snapshot of `below` with `layer` on top.
    pub fn commit(
        &self,
        active: Active,
        below: Option<ChainId>,
        layer: DiffId,
        changed: &[Changed],
    ) -> Result<(), Error> {
        let _ = (active, below, layer, changed);
        todo!()
    }

    /// Makes what this process sealed survive a power cut; call once, before success is reported.
    pub fn sync(&self) -> Result<(), Error> {
        todo!()
    }

    /// Removes the snapshot of a chain.
    pub fn remove(&self, chain: ChainId) -> Result<(), Error> {
        let _ = chain;
        todo!()
    }
}
