//! Many look-ups in a row: the use lock is taken once for all of them.

use std::sync::Arc;

use super::disk::Disk;
use super::open::Store;

/// While it lives, prune in another process waits: for loops over look-ups, never around a step.
#[must_use]
pub struct Lookups {
    disk: Arc<Disk>,
}

impl Drop for Lookups {
    fn drop(&mut self) {
        self.disk.end_lookups();
    }
}

impl Store {
    /// Begins many look-ups.
    pub fn lookups(&self) -> Lookups {
        self.disk.begin_lookups();
        Lookups { disk: Arc::clone(&self.disk) }
    }
}
