//! Leases: what a live build used is not collected.

use super::error::Error;
use super::store::Store;

/// Held by a build from its first look into the store to its end.
pub struct Lease {
    _store: Store,
}

impl Store {
    /// Takes a lease.
    pub fn lease(&self) -> Result<Lease, Error> {
        todo!()
    }
}
