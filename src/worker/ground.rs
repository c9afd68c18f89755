//! What RUNs stand on: directories of layers, opened when first needed, and which layers will need one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::oci::DiffId;
use crate::snapshot::{Aside, Error, Item, Snapshots};

/// The directories of a build: one without RUN never has any.
pub struct Ground {
    directory: PathBuf,
    snapshots: OnceLock<Snapshots>,
    aside: OnceLock<Aside>,
    stood_on: Mutex<BTreeSet<DiffId>>,
}

impl Ground {
    /// Directories below this one of the store's.
    pub fn new(directory: PathBuf) -> Ground {
        Ground { directory, snapshots: OnceLock::new(), aside: OnceLock::new(), stood_on: Mutex::default() }
    }

    /// The directories, opened if they are not yet.
    pub(super) fn snapshots(&self) -> Result<&Snapshots, Error> {
        if let Some(snapshots) = self.snapshots.get() {
            return Ok(snapshots);
        }
        let opened = Snapshots::open(&self.directory)?;
        Ok(self.snapshots.get_or_init(|| opened))
    }

    /// A directory with these items, made when it is first asked for: every RUN has the same.
    pub(super) fn aside(&self, items: &dyn Fn() -> Vec<Item>) -> Result<PathBuf, Error> {
        if let Some(aside) = self.aside.get() {
            return Ok(aside.path());
        }
        let made = self.snapshots()?.aside(&items())?;
        Ok(self.aside.get_or_init(|| made).path())
    }

    /// The directories, if anybody needed one.
    pub fn opened(&self) -> Option<&Snapshots> {
        self.snapshots.get()
    }

    /// Something will run on these layers: if they have to be fetched, they are unpacked in the same pass.
    pub fn stand_on(&self, layers: &[DiffId]) {
        self.stood_on.lock().unwrap_or_else(PoisonError::into_inner).extend(layers);
    }

    /// Where a layer that comes is to be unpacked.
    pub(super) fn below(&self, layer: DiffId) -> Option<&Snapshots> {
        let is_stood_on = self.stood_on.lock().unwrap_or_else(PoisonError::into_inner).contains(&layer);
        // What cannot be opened now is told when the RUN opens it.
        if is_stood_on { self.snapshots().ok() } else { None }
    }
}
