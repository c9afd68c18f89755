//! Key records: opaque bytes under a step's key.

use super::error::Error;
use super::store::Store;
use crate::oci::{DiffId, Digest};

impl Store {
    /// What is recorded under `key`.
    pub fn record(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let _ = key;
        todo!()
    }

    /// Records `bytes` under `key`, in place of what was there. The record goes when one of `layers` goes.
    pub fn put_record(&self, key: &Digest, bytes: &[u8], layers: &[DiffId]) -> Result<(), Error> {
        let _ = (key, bytes, layers);
        todo!()
    }
}
